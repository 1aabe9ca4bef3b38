from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import RescaledSource, Scene, Window, at_pixel_size

PLACE = {"crs": CRS.from_epsg(32650), "transform": Affine(2.0, 0.0, 500_000.0, 0.0, -2.0, 4_000_000.0)}


@pytest.fixture
def scene(tmp_path, plainly, pixels):
    return Scene(plainly(tmp_path / "scene.tif", pixels, nodata=0, **PLACE))


def test_values_are_multiplied_and_moved(scene, pixels):
    view = RescaledSource(scene, 0.25, -10)
    values, valid = view.read_with_valid(Window(10, 20, 30, 40))
    assert (view.dtype, values.dtype, view.shape, view.count) == (np.float32, np.float32, (300, 200), 3)
    np.testing.assert_array_equal(values, pixels[10:40, 20:60] * np.float32(0.25) - 10)
    assert valid.all()
    assert view.georeference() == scene.georeference()
    assert view.source_window(Window(1, 2, 3, 4)) == Window(1, 2, 3, 4)


def test_every_band_has_its_own(scene, pixels):
    values = RescaledSource(scene, (1, 2, 4), (0.5, 0, -1), np.float64).read_with_valid(Window(0, 0, 9, 9))[0]
    np.testing.assert_array_equal(values, pixels[:9, :9] * [1.0, 2.0, 4.0] + [0.5, 0.0, -1.0])


@pytest.mark.parametrize(("dtype", "gain"), [(np.uint8, 2.0), (np.int16, 200.0), (np.uint16, 0.5)])
def test_whole_numbers_are_rounded_and_kept_within_the_dtype(scene, pixels, dtype, gain):
    values = RescaledSource(scene, gain, -3, dtype).read_with_valid(Window(0, 0, 300, 200))[0]
    limits = np.iinfo(dtype)
    expected = np.floor(np.clip(pixels * gain - 3, limits.min, limits.max) + 0.5)
    assert values.dtype == dtype
    np.testing.assert_array_equal(values, expected)


def test_what_holds_no_data_is_zero(tmp_path, plainly):
    heights = np.array([[1.5, -9999], [np.nan, 2.5]], np.float32)
    view = RescaledSource(Scene(plainly(tmp_path / "dsm.tif", heights, nodata=-9999)), 10, 7)
    values, valid = view.read_with_valid(Window(-1, 0, 3, 2))
    np.testing.assert_array_equal(values[:, :, 0], [[0, 0], [22, 0], [0, 32]])
    np.testing.assert_array_equal(valid, [[0, 0], [1, 0], [0, 1]])


def test_it_sees_a_scene_at_another_pixel_size(scene):
    coarse = at_pixel_size(scene, 4.0)
    view = RescaledSource(coarse, 3)
    assert view.shape == (150, 100)
    np.testing.assert_array_equal(
        view.read_with_valid(Window(5, 5, 20, 20))[0], coarse.read_with_valid(Window(5, 5, 20, 20))[0] * np.float32(3)
    )


def test_numbers_that_do_not_fit_are_told(scene):
    with pytest.raises(RasterError, match=r"scene\.tif: 2 numbers were given as gain for 3 bands"):
        RescaledSource(scene, (1, 2))
    with pytest.raises(RasterError, match=r"scene\.tif: the offset is inf; a finite number was expected"):
        RescaledSource(scene, 1, np.inf)
