from __future__ import annotations

import itertools

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from rs_da_mm.datasets import near_windows
from rs_da_mm.datasets.footprints import Footprints, footprints
from rs_da_mm.datasets.near_windows import near_pairs, quad_distances
from rs_da_mm.raster import window_grid
from rs_da_mm.raster.ground_plane import Placement

shapely = pytest.importorskip("shapely")


def quads(rng, count):
    """Parallelograms of all sizes and directions."""
    middle, one, other = rng.uniform(-5, 5, (3, count, 2))
    return np.stack([middle - one, middle - other, middle + one, middle + other], axis=1)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_distances_are_those_of_shapely(seed):
    rng = np.random.default_rng(seed)
    one, other = quads(rng, 20), quads(rng, 20) + rng.uniform(-15, 15, (20, 1, 2))
    expected = shapely.distance(shapely.polygons(one), shapely.polygons(other))
    np.testing.assert_allclose(quad_distances(one, other), expected, atol=1e-9)


def test_squares():
    square = np.array([(0, 0), (0, 1), (1, 1), (1, 0)], dtype=float)
    moved = [(1, 0), (1, 1), (2, 0), (2, 2), (0.5, 0.5), (0, -3)]
    found = quad_distances(np.stack([square] * 6), np.stack([square + step for step in moved]))
    np.testing.assert_allclose(found, [0, 0, 1, 2**0.5, 0, 2])


def flat(rng, count, places=2):
    """Windows anywhere in a plane, of several places."""
    shapes = quads(rng, count) * 10
    shapes += rng.uniform(0, 400, (count, 1, 2))
    return Footprints(
        rng.integers(0, places, count), shapes, np.zeros((count, 3)), np.full(count, 0.1), np.zeros(count, dtype=np.int64)
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 5.0, 60.0]), st.integers(2, 60))
def test_near_pairs_are_all_of_them_and_no_others(seed, limit, count):
    rng = np.random.default_rng(seed)
    prints, group = flat(rng, count), rng.integers(0, 4, count)
    shapes = shapely.polygons(prints.quads)
    expected = [
        (i, j)
        for i, j in itertools.combinations(range(count), 2)
        if group[i] != group[j] and prints.place[i] == prints.place[j] and shapes[i].distance(shapes[j]) < max(limit, 0.05)
    ]
    assert [tuple(pair) for pair in near_pairs(prints, limit, group).tolist()] == expected


def test_pairs_come_out_whole_however_few_are_looked_at_at_once(monkeypatch):
    prints, group = flat(np.random.default_rng(0), 60), np.arange(60)
    whole = near_pairs(prints, 30.0, group)
    monkeypatch.setattr(near_windows, "_AT_ONCE", 7)
    np.testing.assert_array_equal(near_pairs(prints, 30.0, group), whole)
    assert len(whole) > 20


def test_windows_of_a_grid_touch_their_eight_neighbours_and_no_others():
    grid = Placement(CRS.from_epsg(32633), Affine(10, 0, 500_000, 0, -10, 5_300_000), 80, 80)
    prints = footprints({"a": window_grid(80, 80, 16)}, {"a": grid})
    pairs = near_pairs(prints, 0.0, np.arange(25))
    rows, cols = np.divmod(pairs, 5)
    assert np.maximum(abs(np.diff(rows)), abs(np.diff(cols))).max() == 1
    assert len(pairs) == 2 * 20 + 2 * 16


def test_no_windows_are_near_each_other_where_there_are_none():
    empty = flat(np.random.default_rng(0), 0)
    assert near_pairs(empty, 1.0, np.zeros(0, dtype=np.int64)).shape == (0, 2)
