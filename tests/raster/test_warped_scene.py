from __future__ import annotations

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.warp import Resampling, reproject

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Georeference, OutsideError, Scene, WarpedScene, Window, laid_on, warped_scene
from rs_da_mm.raster.reprojection import reproject_points
from rs_da_mm.raster.same_ground import Grid

SYSTEMS = [CRS.from_epsg(code) for code in (32650, 32651, 3857, 4326, 6933)]
ZONE = {"crs": SYSTEMS[0], "transform": Affine(10.0, 0.0, 687_000.0, 0.0, -10.0, 6_210_000.0)}


def turned(crs, lon, lat, metres, degrees):
    """An affine grid whose pixel (0, 0) lies at a place, turned by some degrees, with pixels of about so many metres."""
    (x,), (y,) = reproject_points(SYSTEMS[3], crs, np.array([lon]), np.array([lat]))
    size = metres / 111_000 if crs.is_geographic else metres
    cosine, sine = size * math.cos(math.radians(degrees)), size * math.sin(math.radians(degrees))
    return Affine(cosine, sine, x, sine, -cosine, y)


def grid_of(crs, transform, height, width):
    return Grid("image.tif", height, width, Georeference(crs, transform))


placements = st.builds(
    lambda crs, lon, lat, metres, degrees: (crs, turned(crs, lon, lat, metres, degrees)),
    st.sampled_from(SYSTEMS),
    st.floats(119.999, 120.001),
    st.floats(55.999, 56.001),
    st.sampled_from([6.0, 10.0, 24.0]),
    st.sampled_from([0.0, 0.0, 33.0, 180.0]),
)


@pytest.fixture
def labels(tmp_path, plainly):
    values = np.random.default_rng(0).integers(1, 9, (90, 120), dtype=np.uint8)
    return Scene(plainly(tmp_path / "labels.tif", values, **ZONE))


def test_what_lies_on_the_grid_already_is_left_as_it_is(labels, tmp_path, plainly):
    image = Scene(plainly(tmp_path / "image.tif", np.zeros((90, 120, 3), np.uint8), **ZONE))
    assert laid_on(labels, image) is labels
    photo = Scene(plainly(tmp_path / "photo.png", np.zeros((90, 120), np.uint8), driver="PNG"))
    assert laid_on(labels, photo) is labels
    finer = {"crs": ZONE["crs"], "transform": Affine(5.0, 0.0, 687_000.0, 0.0, -5.0, 6_210_000.0)}
    view = laid_on(labels, Scene(plainly(tmp_path / "finer.tif", np.zeros((180, 240, 3), np.uint8), **finer)))
    assert isinstance(view, WarpedScene)
    np.testing.assert_array_equal(view.read(), labels.read().repeat(2, axis=0).repeat(2, axis=1))
    assert (view.shape, view.count, view.dtype, view.paths) == ((180, 240), 1, np.uint8, labels.paths)
    assert (view.name, view.descriptions, view.colormap) == (labels.name, (None,), None)
    assert view.georeference().transform == finer["transform"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=placements, there=placements, seed=st.integers(0, 99))
def test_nearest_is_the_pixel_that_the_centre_lies_in(tmp_path_factory, plainly, place, there, seed):
    pyproj = pytest.importorskip("pyproj", reason="pyproj carries the same points")
    values = np.random.default_rng(seed).integers(1, 250, (40, 60), dtype=np.uint8)
    crs, transform = there
    scene = Scene(plainly(tmp_path_factory.mktemp("nearest") / "a.tif", values, crs=crs, transform=transform))
    try:
        view = WarpedScene(scene, grid_of(*place, 50, 70))
    except OutsideError:
        found, valid = np.zeros((50, 70), np.uint8), np.zeros((50, 70), np.uint8)
    else:
        pixels, valid = view.read_with_valid()
        found = pixels[:, :, 0]
    cols, rows = np.meshgrid(np.arange(70) + 0.5, np.arange(50) + 0.5)
    t, back = place[1], ~transform
    xs, ys = t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f
    xs, ys = pyproj.Transformer.from_crs(place[0].to_wkt(), crs.to_wkt(), always_xy=True).transform(xs, ys)
    cols, rows = back.a * xs + back.b * ys + back.c, back.d * xs + back.e * ys + back.f
    clear = np.minimum(np.abs(cols - np.rint(cols)), np.abs(rows - np.rint(rows))) > 1e-5
    inside = (cols >= 0) & (cols < 60) & (rows >= 0) & (rows < 40)
    at = np.clip(np.floor(rows), 0, 39).astype(int), np.clip(np.floor(cols), 0, 59).astype(int)
    np.testing.assert_array_equal(found[clear], np.where(inside, values[at], 0)[clear])
    np.testing.assert_array_equal(valid[clear], inside[clear])
    assert set(np.unique(found)) <= {0, *np.unique(values)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=placements, data=st.data())
def test_windows_that_share_a_pixel_give_it_the_same_bits(tmp_path_factory, plainly, place, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    dtype = data.draw(st.sampled_from([np.uint8, np.float32]))
    values = rng.integers(0, 250, (80, 90, 2)).astype(dtype)
    mask = (rng.random((80, 90)) < data.draw(st.sampled_from([0.5, 0.95, 1]))).astype(np.uint8) * 255
    metres = data.draw(st.sampled_from([2.0, 5.0, 10.0, 31.0]))
    path = tmp_path_factory.mktemp("windows") / "a.tif"
    scene = Scene(plainly(path, values, mask, crs=SYSTEMS[0], transform=turned(SYSTEMS[0], 120.0, 56.0, metres, 10.0)))
    try:
        view = WarpedScene(scene, grid_of(*place, 60, 70), data.draw(st.sampled_from(["nearest", "bilinear", "cubic"])))
    except OutsideError:
        return
    whole, known = view.read_with_valid(Window(-5, -5, 80, 90))
    for _ in range(3):
        row, col = data.draw(st.integers(-5, 70)), data.draw(st.integers(-5, 80))
        height, width = data.draw(st.integers(1, 75 - row)), data.draw(st.integers(1, 85 - col))
        part, valid = view.read_with_valid(Window(row, col, height, width))
        place_there = np.s_[row + 5 : row + 5 + height, col + 5 : col + 5 + width]
        np.testing.assert_array_equal(part, whole[place_there])
        np.testing.assert_array_equal(valid, known[place_there])
    assert not whole[:5].any()
    assert not known[:5].any()


@pytest.mark.parametrize("metres", [1.5, 10.0, 40.0])  # of the heights; the image has 10
@pytest.mark.parametrize("method", ["bilinear", "cubic"])
def test_a_plane_stays_a_plane(tmp_path, plainly, metres, method):
    pyproj = pytest.importorskip("pyproj", reason="pyproj carries the same points")
    size = int(3000 / metres)
    t = Affine(metres, 0, 687_000, 0, -metres, 6_210_000)
    cols, rows = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    heights = 0.03 * (t.a * cols) + 0.02 * (t.e * rows) + 100
    scene = Scene(plainly(tmp_path / "dsm.tif", heights, crs=SYSTEMS[0], transform=t))
    place = grid_of(SYSTEMS[1], turned(SYSTEMS[1], 120.012, 55.994, 10.0, 12.0), 60, 80)
    pixels, valid = WarpedScene(scene, place, method).read_with_valid()
    g = place.where.transform
    cols, rows = np.meshgrid(np.arange(80) + 0.5, np.arange(60) + 0.5)
    xs, ys = pyproj.Transformer.from_crs(32651, 32650, always_xy=True).transform(
        g.a * cols + g.b * rows + g.c, g.d * cols + g.e * rows + g.f
    )
    edge = 3 * max(metres, 10.0)
    interior = (xs > t.c + edge) & (xs < t.c + 3000 - 2 * edge) & (ys < t.f - edge) & (ys > t.f - 3000 + 2 * edge)
    assert interior.mean() > 0.9
    assert valid[interior].all()
    np.testing.assert_allclose(
        pixels[interior][:, 0], (0.03 * (xs - t.c) + 0.02 * (ys - t.f) + 100)[interior], atol=0.03 * metres * 2**-10
    )


def test_finer_heights_are_averaged(tmp_path, plainly):
    heights = np.random.default_rng(0).normal(0, 1, (400, 400)).astype(np.float32)
    scene = Scene(plainly(tmp_path / "dsm.tif", heights, crs=SYSTEMS[0], transform=Affine(1, 0, 687_000, 0, -1, 6_210_000)))
    place = grid_of(SYSTEMS[0], Affine(8, 0, 687_013, 0, -8, 6_209_987), 40, 40)
    # The mean of at least 8 x 8 independent values varies an eighth as much as they do; that of the nearest four, half as much.
    assert WarpedScene(scene, place, "bilinear").read(Window(3, 3, 30, 30)).std() < 1 / 8
    assert WarpedScene(scene, place).read(Window(3, 3, 30, 30)).std() > 0.9


def test_pixels_without_data_never_mix_into_heights(tmp_path, plainly):
    rng = np.random.default_rng(0)
    heights = rng.uniform(10, 20, (100, 100)).astype(np.float32)
    heights[rng.random((100, 100)) < 0.3] = -9999
    scene = Scene(plainly(tmp_path / "dsm.tif", heights, nodata=-9999, **ZONE))
    place = grid_of(SYSTEMS[1], turned(SYSTEMS[1], 119.9995, 55.9995, 4.0, 7.0), 100, 100)
    nearest = WarpedScene(scene, place)
    for method in ("nearest", "bilinear", "cubic"):
        view = WarpedScene(scene, place, method)
        pixels, valid = view.read_with_valid()
        assert 0.2 < valid.mean() < 0.9
        assert 10 - 2 < pixels[valid == 1].min() <= pixels[valid == 1].max() < 20 + 2
        np.testing.assert_array_equal(valid, nearest.read_valid())
    values, valid = nearest.read_with_valid()
    np.testing.assert_array_equal(valid, (values[:, :, 0] != -9999) & (values[:, :, 0] != 0))


def test_mask_and_alpha_go_along(tmp_path, plainly):
    half = np.zeros((90, 120), np.uint8)
    half[:45] = 255
    values = np.full((90, 120), 3, np.uint8)
    place = grid_of(ZONE["crs"], Affine(5, 0, 687_000, 0, -5, 6_210_000), 180, 240)
    masked = Scene(plainly(tmp_path / "masked.tif", values, half, **ZONE))
    alpha = Scene(plainly(tmp_path / "alpha.tif", np.dstack([values, half]), alpha=2, **ZONE))
    for scene in (masked, alpha):
        view = WarpedScene(scene, place)
        assert view.count == 1
        np.testing.assert_array_equal(view.read_valid(), (half > 0).repeat(2, axis=0).repeat(2, axis=1))


def test_against_gdal(labels):
    place = grid_of(SYSTEMS[2], turned(SYSTEMS[2], 120.0, 55.998, 12.0, 0.0), 80, 100)
    expected = np.zeros((80, 100), np.uint8)
    reproject(
        labels.read()[:, :, 0],
        expected,
        src_transform=labels.transform,
        src_crs=labels.crs,
        dst_transform=place.where.transform,
        dst_crs=place.where.crs,
        resampling=Resampling.nearest,
        tolerance=0.0,
    )
    found = WarpedScene(labels, place).read()[:, :, 0]
    assert (found > 0).mean() > 0.3
    assert (found != expected).mean() < 1e-3


def test_beyond_the_labels_there_is_nothing(labels):
    place = grid_of(ZONE["crs"], Affine(10, 0, 686_900, 0, -10, 6_210_100), 200, 200)  # 10 pixels to the left of it and above
    view = WarpedScene(labels, place)
    pixels, valid = view.read_with_valid(Window(-3, -2, 210, 210))
    expected = np.zeros((210, 210), np.uint8)
    expected[13:103, 12:132] = labels.read()[:, :, 0]
    np.testing.assert_array_equal(pixels[:, :, 0], expected)
    np.testing.assert_array_equal(valid, expected > 0)
    assert not view.read(Window(150, 150, 20, 20)).any()
    assert view.source_window(Window(150, 150, 20, 20)).height == 0
    assert view.source_window(Window(5, 5, 10, 12)) == Window(0, 0, 5, 7)
    assert view.source_window(Window(-9, 0, 4, 4)).height == 0
    with pytest.raises(RasterError, match="a window of 0 x 5 pixels"):
        view.read(Window(0, 0, 0, 5))


def test_longitudes_from_0_to_360(tmp_path, plainly):
    values = np.arange(180 * 360).reshape(180, 360).astype(np.int32)
    globe = Scene(plainly(tmp_path / "globe.tif", values, crs=SYSTEMS[3], transform=Affine(1, 0, 0, 0, -1, 90)))
    lima = grid_of(CRS.from_epsg(32718), Affine(1000, 0, 265_000, 0, -1000, 8_670_000), 5, 5)  # 77.16 west, 12.03 south
    assert (WarpedScene(globe, lima).read() == 102 * 360 + 282).all()


def test_labels_much_finer_than_the_image_are_read_in_parts(labels, monkeypatch):
    place = grid_of(ZONE["crs"], Affine(60, 0, 687_000, 0, -60, 6_210_000), 15, 20)
    whole = WarpedScene(labels, place).read()
    monkeypatch.setattr(warped_scene, "_PIXELS_AT_ONCE", 36 * 9)
    sizes = []
    read = Scene.read_with_valid

    def watched(scene, window):
        sizes.append(window.height * window.width)
        return read(scene, window)

    monkeypatch.setattr(Scene, "read_with_valid", watched)
    np.testing.assert_array_equal(WarpedScene(labels, place).read(), whole)
    assert len(sizes) == 35
    assert max(sizes) <= 36 * 9


def test_it_can_be_sent_to_another_process(labels):
    view = WarpedScene(labels, grid_of(SYSTEMS[3], turned(SYSTEMS[3], 120.0, 55.998, 12.0, 0.0), 40, 40), "bilinear")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(view)).read(), view.read())


def test_what_cannot_be_laid_on_each_other(labels, tmp_path, plainly):
    place = grid_of(ZONE["crs"], Affine(60, 0, 687_000, 0, -60, 6_210_000), 15, 20)
    nameless = Scene(plainly(tmp_path / "nameless.tif", np.zeros((9, 9), np.uint8), transform=ZONE["transform"]))
    with pytest.raises(RasterError, match=r"nameless\.tif names no coordinate system \(CRS\), and image\.tif lies in EPSG:32650"):
        WarpedScene(nameless, place)
    with pytest.raises(RasterError, match=r"^image\.tif names no coordinate system"):
        WarpedScene(labels, replace(place, where=Georeference(None, ZONE["transform"])))
    with pytest.raises(RasterError, match=r"image\.tif is placed by ground control points alone"):
        WarpedScene(labels, replace(place, where=Georeference(gcps=(GroundControlPoint(0, 0, 1, 1),), gcps_crs=SYSTEMS[3])))
    with pytest.raises(RasterError, match=r"image\.tif does not say where it lies: it has no grid"):
        WarpedScene(labels, replace(place, where=Georeference()))
    with pytest.raises(RasterError, match="can be 'nearest', 'bilinear', 'cubic'"):
        WarpedScene(labels, place, "average")
    photos = [Scene(plainly(tmp_path / f"{size}.png", np.zeros((size, size), np.uint8), driver="PNG")) for size in (5, 6)]
    with pytest.raises(RasterError, match=r"5\.png has 5 x 5 pixels and .*6\.png 6 x 6, and neither says where"):
        laid_on(*photos)


def test_elsewhere_is_told_with_both_places(labels, tmp_path, plainly):
    far = {"crs": SYSTEMS[3], "transform": Affine(0.001, 0, 20, 0, -0.001, 50)}
    with pytest.raises(
        OutsideError, match=r"labels\.tif lies outside .*far\.tif: it covers longitude 119\.99.* the other longitude 20\.0"
    ):
        laid_on(labels, Scene(plainly(tmp_path / "far.tif", np.zeros((9, 9), np.uint8), **far)))
    swapped = {"crs": SYSTEMS[3], "transform": Affine(0.001, 0, 55.99, 0, -0.001, 120.01)}
    other = Scene(plainly(tmp_path / "swapped.tif", np.zeros((20, 20), np.uint8), **swapped))
    with pytest.raises(OutsideError, match="With x and y swapped the two would touch"):
        laid_on(other, labels)
