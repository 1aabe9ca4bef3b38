from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.errors import RasterError
from rs_da_mm.evaluation.assessment.class_raster import ClassRaster
from rs_da_mm.raster import Window, write_raster

WHOLE = Window(0, 0, 3, 4)


def test_single_pixels_are_those_of_the_array(tmp_path, tools):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, (300, 700)).astype(np.uint8)
    labels[labels == 3] = 255
    raster = ClassRaster(tools.map(tmp_path / "map.tif", labels))
    rows, cols = rng.integers(-20, 320, 2000), rng.integers(-20, 720, 2000)
    values, known = raster.at(rows, cols)
    inside = (rows >= 0) & (rows < 300) & (cols >= 0) & (cols < 700)
    assert 0 < inside.sum() < 2000
    expected = np.where(inside, labels[rows.clip(0, 299), cols.clip(0, 699)], 255)
    np.testing.assert_array_equal(known, expected != 255)
    np.testing.assert_array_equal(values, np.where(expected == 255, 0, expected))


def test_windows_cover_it_once(tmp_path, tools):
    raster = ClassRaster(tools.map(tmp_path / "map.tif", np.zeros((2100, 2500), np.uint8)))
    seen = np.zeros(raster.scene.shape, int)
    for window in raster.windows():
        seen[window.row : window.row + window.height, window.col : window.col + window.width] += 1
        assert window.height * window.width <= 2048**2
    assert (seen == 1).all()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_whole_numbers_of_any_type(tmp_path, dtype):
    pixels = np.array([[1, 2, 3, 0], [0, 1, 2, 3], [120, 100, 0, 0]], dtype)
    write_raster(tmp_path / "map.tif", pixels, nodata=0)
    values, valid = ClassRaster(tmp_path / "map.tif").read(WHOLE)
    assert values.dtype.kind in "iu"
    np.testing.assert_array_equal(valid, pixels != 0)
    np.testing.assert_array_equal(values[valid], pixels[valid].astype(int))


def test_heights_are_no_classes(tmp_path):
    write_raster(tmp_path / "heights.tif", np.full((3, 4), 412.25, np.float32))
    with pytest.raises(RasterError, match=r"heights.tif, rows 0\.\.2, columns 0\.\.3: holds 412.25, which is no class number"):
        ClassRaster(tmp_path / "heights.tif").read(WHOLE)


def test_several_bands_are_no_classes(tmp_path):
    write_raster(tmp_path / "colours.tif", np.zeros((3, 4, 3), np.uint8))
    with pytest.raises(RasterError, match="has 3 bands; a raster of classes has one"):
        ClassRaster(tmp_path / "colours.tif")
