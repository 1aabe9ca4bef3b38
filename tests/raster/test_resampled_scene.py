from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import Resampling

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import ResampledScene, RescaledSource, Scene, Window, at_pixel_size, pixel_metres

PLACE = {"crs": CRS.from_epsg(32650), "transform": Affine(2.0, 0.0, 500_000.0, 0.0, -2.0, 4_000_000.0)}


@pytest.fixture
def scene(tmp_path, plainly, pixels):
    return Scene(plainly(tmp_path / "scene.tif", pixels, tiled=True, blockxsize=64, blockysize=64, **PLACE))


@pytest.mark.parametrize(("metres", "shape"), [(1.0, (600, 400)), (4.0, (150, 100)), (3.0, (200, 133)), (8.0, (75, 50))])
@pytest.mark.parametrize("method", ["nearest", "bilinear", "cubic"])
def test_a_scene_at_another_pixel_size_is_what_gdal_makes_of_it(scene, metres, shape, method):
    view = at_pixel_size(scene, metres, method)
    assert (view.shape, view.count, view.dtype, view.name) == (shape, 3, np.uint8, scene.name)
    assert view.georeference().transform == Affine(metres, 0.0, 500_000.0, 0.0, -metres, 4_000_000.0)
    assert view.georeference().crs == PLACE["crs"]
    pixels, valid = view.read_with_valid(Window(0, 0, *shape))
    assert valid.all()
    with rasterio.open(scene.paths[0]) as dataset:  # the part of the scene that the view covers, at its size
        part = rasterio.windows.Window(0, 0, shape[1] * metres / 2, shape[0] * metres / 2)
        expected = np.moveaxis(dataset.read(window=part, out_shape=(3, *shape), resampling=Resampling[method]), 0, 2)
    difference = abs(pixels[8:-8, 8:-8].astype(int) - expected[8:-8, 8:-8])
    assert difference.max() <= (0 if method == "nearest" else 1)


@pytest.mark.parametrize(("metres", "shape"), [(7.0, (86, 57)), (9.0, (67, 44)), (13.0, (46, 31)), (10_000.0, (1, 1))])
def test_every_centre_lies_in_the_scene_and_no_more_fit(scene, metres, shape):
    view = at_pixel_size(scene, metres)
    assert view.shape == shape
    for length, size in zip(view.shape, (600, 400), strict=True):
        assert (length - 0.5) * metres <= size or length == 1
        assert (length + 0.5) * metres > size


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_windows_that_share_a_pixel_give_it_the_same_bits(tmp_path_factory, plainly, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16, np.float32]))
    image = rng.integers(0, 250, (40, 30, 2)).astype(dtype)
    mask = (rng.random((40, 30)) < data.draw(st.sampled_from([0.2, 0.9, 1]))).astype(np.uint8) * 255
    scene = Scene(plainly(tmp_path_factory.mktemp("seams") / "a.tif", image, mask=mask, **PLACE))
    scale = data.draw(st.one_of(st.floats(0.3, 5), st.sampled_from([1 / 3, 0.5, 1.0, 2.0])))
    view = ResampledScene(scene, scale, data.draw(st.sampled_from(["nearest", "bilinear", "cubic"])))
    pixels, valid = view.read_with_valid(Window(0, 0, *view.shape))
    for _ in range(4):
        row, col = data.draw(st.integers(-5, view.height - 1)), data.draw(st.integers(-5, view.width - 1))
        window = Window(row, col, data.draw(st.integers(1, view.height + 9)), data.draw(st.integers(1, view.width + 9)))
        expected = np.zeros((window.height, window.width, 2), dtype), np.zeros((window.height, window.width), np.uint8)
        top, left = max(row, 0), max(col, 0)
        bottom, right = min(row + window.height, view.height), min(col + window.width, view.width)
        if bottom > top and right > left:
            inside = np.s_[top - row : bottom - row, left - col : right - col]
            expected[0][inside], expected[1][inside] = pixels[top:bottom, left:right], valid[top:bottom, left:right]
        found = view.read_with_valid(window)
        assert [part.tobytes() for part in found] == [part.tobytes() for part in expected]


def test_its_own_pixel_size_changes_nothing(scene, pixels):
    view = at_pixel_size(scene, 2.0, "cubic")
    read, valid = view.read_with_valid(Window(-3, 150, 100, 60))
    expected = scene.read_with_valid(Window(-3, 150, 100, 60))
    np.testing.assert_array_equal(read, expected[0])
    np.testing.assert_array_equal(valid, expected[1])


@pytest.mark.parametrize(("pixel", "metres", "scale"), [(0.1, 0.3, 3.0), (0.3, 0.1, 1 / 3), (0.1, 0.25, 2.5)])
def test_rounding_errors_of_decimals_make_no_odd_scale(tmp_path, plainly, pixels, pixel, metres, scale):
    assert (0.3 / 0.1, 0.3 * 3) != (3.0, 0.9)  # as computers have it
    grid = Affine(pixel, 0.0, 5e5, 0.0, -pixel, 4e6)
    view = at_pixel_size(Scene(plainly(tmp_path / "a.tif", pixels, crs=PLACE["crs"], transform=grid)), metres)
    assert view.scale == (scale, scale)


def test_it_tells_which_pixels_it_depends_on(scene):
    view = at_pixel_size(scene, 4.0)
    assert view.source_window(Window(10, 20, 5, 6)) == Window(19, 39, 12, 14)
    assert view.source_window(Window(-5, -5, 6, 6)) == Window(0, 0, 3, 3)
    assert view.source_window(Window(500, 0, 5, 5)) == Window(0, 0, 0, 0)


def test_it_is_pickled(scene):
    view = RescaledSource(at_pixel_size(scene, 3.0), 0.5)
    window = Window(3, 4, 50, 60)
    copy = pickle.loads(pickle.dumps(view))
    np.testing.assert_array_equal(copy.read_with_valid(window)[0], view.read_with_valid(window)[0])


@pytest.mark.parametrize("internal", [True, False])
def test_masks_go_by_the_nearest_pixel(tmp_path, plainly, pixels, internal):
    mask = np.full((300, 200), 255, np.uint8)
    mask[33:66, 42:105] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        path = plainly(tmp_path / "a.tif", pixels, mask=mask, **PLACE)
    assert (tmp_path / "a.tif.msk").exists() is not internal
    for metres, scale in ((6.0, 3), (1.0, 0.5)):
        view = at_pixel_size(Scene(path), metres)
        rows, cols = (((np.arange(length) + 0.5) * scale).astype(int) for length in view.shape)
        valid = view.read_with_valid(Window(0, 0, *view.shape))[1]
        np.testing.assert_array_equal(valid, mask[np.ix_(rows, cols)] > 0)


@pytest.fixture
def geod():
    return pytest.importorskip("pyproj", reason="pyproj measures the same distances").Geod(ellps="WGS84")


def test_a_pixel_of_a_scene_in_degrees_is_square_on_the_ground(tmp_path, plainly, pixels, geod):
    degrees = Affine(1e-4, 0.0, 10.0, 0.0, -1e-4, 60.0)
    view = at_pixel_size(Scene(plainly(tmp_path / "a.tif", pixels, crs=CRS.from_epsg(4326), transform=degrees)), 25.0)
    t = view.georeference().transform
    lon, lat = 10.01, 60.0 - 0.015
    assert geod.inv(lon, lat, lon + t.a, lat)[2] == pytest.approx(25, rel=1e-4)
    assert geod.inv(lon, lat, lon, lat + t.e)[2] == pytest.approx(25, rel=1e-4)


def test_feet_are_turned_into_metres(tmp_path, plainly, pixels):
    feet = Affine(2.0, 0.0, 1e5, 0.0, -2.0, 2e5)
    scene = Scene(plainly(tmp_path / "a.tif", pixels, crs=CRS.from_epsg(2994), transform=feet))  # international feet
    view = at_pixel_size(scene, 4 * 0.3048)
    assert (view.scale, view.shape) == ((2.0, 2.0), (150, 100))


def test_a_turned_scene_stays_turned(tmp_path, plainly, pixels):
    cos, sin = 2 * math.cos(0.4), 2 * math.sin(0.4)
    turned = Affine(cos, sin, 500_000.0, sin, -cos, 4_000_000.0)
    view = at_pixel_size(Scene(plainly(tmp_path / "a.tif", pixels, crs=PLACE["crs"], transform=turned)), 5.0)
    assert view.scale == pytest.approx((2.5, 2.5))
    expected = (cos * 2.5, sin * 2.5, 500_000.0, sin * 2.5, -cos * 2.5, 4_000_000.0)
    assert view.georeference().transform[:6] == pytest.approx(expected)


class TestControlPointsOnly:
    """No grid: control points alone place the scene."""

    def scene(self, tmp_path, plainly, pixels, crs, points):
        return Scene(plainly(tmp_path / "a.tif", pixels, gcps=points, crs=CRS.from_epsg(crs)))

    def points(self, pixel):
        corners = [(0, 0), (0, 200), (300, 0), (300, 200)]
        return [GroundControlPoint(r, c, 5e5 + c * pixel + (r * c) / 6e5, 4e6 - r * pixel) for r, c in corners]

    def test_the_pixels_are_resampled_and_the_points_stay_on_the_ground(self, tmp_path, plainly, pixels):
        scene = self.scene(tmp_path, plainly, pixels, 32650, self.points(2.0))
        view = at_pixel_size(scene, 4.0)
        assert view.shape == (150, 100)
        assert view.scale == pytest.approx((2, 2), rel=1e-3)
        where = view.georeference()
        assert where.gcps_crs.to_epsg() == 32650
        assert not where.has_transform
        for point, before in zip(where.gcps, scene.gcps[0], strict=True):
            assert (point.x, point.y) == (before.x, before.y)
            assert (point.row, point.col) == pytest.approx((before.row / 2, before.col / 2), rel=1e-3)

    def test_degrees(self, tmp_path, plainly, pixels, geod):
        corners = [(0, 0), (0, 200), (300, 0), (300, 200)]
        points = [GroundControlPoint(r, c, 10 + c * 1e-4, 60 - r * 1e-4) for r, c in corners]
        size = pixel_metres(self.scene(tmp_path, plainly, pixels, 4326, points))
        assert size.unit == "metre"
        assert size.width == pytest.approx(geod.inv(10, 59.985, 10 + 1e-4, 59.985)[2], rel=1e-5)
        assert size.height == pytest.approx(geod.inv(10, 59.985, 10, 59.985 + 1e-4)[2], rel=1e-5)

    def test_too_few_points_are_told(self, tmp_path, plainly, pixels):
        line = [GroundControlPoint(r, r, 5e5 + r, 4e6 - r) for r in (0, 100, 200)]
        with pytest.raises(RasterError, match="nor control points enough"):
            at_pixel_size(self.scene(tmp_path, plainly, pixels, 32650, line), 4.0)


@pytest.mark.parametrize("place", [{}, {"transform": PLACE["transform"]}])
def test_a_scene_that_does_not_tell_its_pixel_size(tmp_path, plainly, pixels, place):
    scene = Scene(plainly(tmp_path / "a.tif", pixels, **place))
    with pytest.raises(RasterError, match=r"a\.tif does not tell the size of its pixels"):
        at_pixel_size(scene, 2.0)
    view = ResampledScene(scene, 2.0, "nearest")
    np.testing.assert_array_equal(view.read_with_valid(Window(0, 0, 150, 100))[0], pixels[1::2, 1::2])
    assert view.georeference().has_transform == bool(place)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf, (2.0, 0.0)])
def test_a_scale_that_is_none(scene, scale):
    with pytest.raises(RasterError, match=r"times as large; give numbers above 0"):
        ResampledScene(scene, scale)


def test_a_pixel_size_that_is_none(scene):
    for metres in (0.0, -3.0, math.nan):
        with pytest.raises(RasterError, match=r"metres is none; give a number above 0"):
            at_pixel_size(scene, metres)
    with pytest.raises(RasterError, match="resampling is 'best'"):
        at_pixel_size(scene, 3.0, "best")
