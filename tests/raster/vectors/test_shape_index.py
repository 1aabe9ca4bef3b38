from __future__ import annotations

import threading

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize

from rs_da_mm.raster import Window
from rs_da_mm.raster.vectors import shape_index
from rs_da_mm.raster.vectors.placing import rounded
from rs_da_mm.raster.vectors.shape_index import IndexCache, ShapeIndex, pruned

HEIGHT, WIDTH = 70, 90
coordinates = st.one_of(st.integers(-20, 110), st.integers(-40, 220).map(lambda half: half / 2), st.floats(-20, 110))


def polygon_of(points):
    shape = shapely.Polygon(rounded(np.array(points)))
    return shape if shape.is_valid and shape.area else shapely.convex_hull(shape)


polygons = st.lists(
    st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=9)
    .map(polygon_of)
    .filter(lambda shape: shape.geom_type == "Polygon"),
    min_size=1,
    max_size=6,
)


def index_of(shapes):
    found = np.empty(len(shapes), object)
    found[:] = shapes
    return ShapeIndex(found, np.arange(1, len(shapes) + 1, dtype=np.uint8))


def whole(shapes, all_touched=False):
    values = zip(shapes, range(1, len(shapes) + 1), strict=True)
    return rasterize(values, out_shape=(HEIGHT, WIDTH), fill=255, all_touched=all_touched, dtype="uint8")


def some_window(data):
    row, col = data.draw(st.integers(0, HEIGHT - 1)), data.draw(st.integers(0, WIDTH - 1))
    return Window(row, col, data.draw(st.integers(1, HEIGHT - row)), data.draw(st.integers(1, WIDTH - col)))


def cut(array, window):
    return array[window.row : window.row + window.height, window.col : window.col + window.width]


@settings(max_examples=100, deadline=None)
@given(shapes=polygons, data=st.data())
def test_a_window_is_what_rasterio_burns_on_the_whole_grid(shapes, data):
    index, expected = index_of(shapes), whole(shapes)
    for _ in range(3):
        window = some_window(data)
        np.testing.assert_array_equal(index.burn(window, 255, False), cut(expected, window))


@settings(max_examples=60, deadline=None)
@given(shapes=polygons, data=st.data())
def test_touched_pixels_are_the_same_in_every_window(shapes, data):
    index = index_of(shapes)
    tiled = index.burn(Window(0, 0, HEIGHT, WIDTH), 255, True)
    # Where an outline runs through nothing but a corner of a pixel, rasterio itself decides by where the array ends.
    rows, cols = np.nonzero((tiled != 255) != (whole(shapes, all_touched=True) != 255))
    for row, col in zip(rows, cols, strict=True):
        assert not shapely.union_all(shapes).intersects(shapely.box(col + 1e-6, row + 1e-6, col + 1 - 1e-6, row + 1 - 1e-6))
    window = some_window(data)
    np.testing.assert_array_equal(index.burn(window, 255, True), cut(tiled, window))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), data=st.data())
def test_corners_that_do_not_matter_are_left_out_without_a_difference(monkeypatch, seed, data):
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, 61)[:-1]
    stars = [
        np.stack([centre + radius * np.cos(angles), 35 + radius * np.sin(angles)], axis=1)
        for centre, radius in ((45, rng.uniform(20, 60, 60)), (20, rng.uniform(3, 18, 60)))
    ]
    shapes = [
        shapely.Polygon(rounded(stars[0]), [shapely.Polygon(rounded(stars[1])).exterior]),
        shapely.Polygon(rounded(stars[1])),
    ]
    index, window = index_of(shapes), some_window(data)
    for all_touched in (False, True):
        monkeypatch.setattr(shape_index, "_MANY", 10_000)
        expected = index.burn(window, 255, all_touched)
        monkeypatch.setattr(shape_index, "_MANY", 3)
        np.testing.assert_array_equal(index.burn(window, 255, all_touched), expected)


def test_a_ring_around_a_window_keeps_few_corners():
    angles = np.linspace(0, 2 * np.pi, 1001)
    ring = np.stack([500 + 400 * np.cos(angles), 500 + 400 * np.sin(angles)], axis=1)
    assert 4 < len(pruned(ring, Window(480, 480, 40, 40))) < 20
    assert len(pruned(ring, Window(0, 0, 40, 40))) < 4
    crossed = pruned(ring, Window(480, 80, 40, 40))
    near = ring[(ring[:, 0] < 121) & (abs(ring[:, 1] - 500) < 21)]
    assert {tuple(corner) for corner in near} <= {tuple(corner) for corner in crossed}
    np.testing.assert_array_equal(crossed[0], crossed[-1])


def test_touched_pixels_across_tiles():
    shapes = [shapely.Polygon([(-10, -10), (700, 30), (300, 640)]), shapely.box(255.5, 100, 256.5, 400)]
    index = index_of(shapes)
    values = zip(shapes, (1, 2), strict=True)
    expected = rasterize(values, out_shape=(600, 600), fill=0, all_touched=True, dtype="uint8")
    found = index.burn(Window(100, 130, 450, 300), 0, True)
    assert (found != expected[100:550, 130:430]).mean() < 1e-4  # but for pixels whose very corner is touched
    np.testing.assert_array_equal(found[100:200, 126], 2)


def test_later_polygons_win():
    index = index_of([shapely.box(0, 0, 10, 10), shapely.box(5, 5, 20, 20), shapely.box(0, 0, 6, 6)])
    burnt = index.burn(Window(0, 0, 12, 12), 0, False)
    assert (burnt[4, 4], burnt[7, 7], burnt[5, 5], burnt[2, 8], burnt[11, 2]) == (3, 2, 3, 1, 0)


def test_only_what_is_near_is_found():
    index = index_of([shapely.box(col, 0, col + 4, 4) for col in range(0, 100, 10)])
    assert index.found(Window(0, 26, 4, 12)).tolist() == [3]
    assert index.found(Window(50, 0, 10, 100)).tolist() == []
    assert index.corners == 50
    assert not len(index_of([]).found(Window(0, 0, 9, 9)))


def test_what_was_not_used_for_longest_goes(monkeypatch):
    monkeypatch.setattr(shape_index, "_CORNERS", 12)
    cache, made = IndexCache(), []

    def make(key):
        def index():
            made.append(key)
            return index_of([shapely.box(0, 0, 1, 1)])  # 5 corners

        return cache.get(key, index)

    first = make("a")
    make("b")
    assert make("a") is first
    make("c")
    assert make("a") is first
    assert made == ["a", "b", "c"]
    make("b")
    assert made == ["a", "b", "c", "b"]


def test_threads_share_it():
    cache = IndexCache()
    found = []
    threads = [threading.Thread(target=lambda: found.append(cache.get("a", lambda: index_of([])))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert cache.get("a", lambda: pytest.fail("it was there")) is not None


def test_a_forked_process_is_not_stopped_by_the_lock_of_another():
    cache = IndexCache()
    cache._lock.acquire()
    cache.renew_lock()
    assert cache.get("a", lambda: index_of([])).corners == 0
