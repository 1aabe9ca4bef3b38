from __future__ import annotations

import os

import numpy as np
import pytest

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Window, write_raster
from rs_da_mm.raster.known_scenes import known_scene


def test_the_same_files_and_arguments_are_the_same_scene(tmp_path):
    write_raster(tmp_path / "a.tif", np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    scene = known_scene(tmp_path / "a.tif")
    assert known_scene(str(tmp_path / "a.tif")) is scene
    assert known_scene([tmp_path / "a.tif"]) is scene
    others = [known_scene(tmp_path / "a.tif", bands=[3, 1]), known_scene(tmp_path / "a.tif", nodata=5.0)]
    assert scene not in others
    np.testing.assert_array_equal(others[0].read(Window(0, 0, 1, 1)), [[[2, 0]]])


def test_a_file_that_was_replaced_is_another_scene(tmp_path):
    write_raster(tmp_path / "a.tif", np.zeros((4, 4), np.uint8))
    assert known_scene(tmp_path / "a.tif").shape == (4, 4)
    write_raster(tmp_path / "a.tif", np.ones((9, 5), np.uint8))
    assert known_scene(tmp_path / "a.tif").shape == (9, 5)
    write_raster(tmp_path / "m.tif", np.ones((9, 5), np.uint8))
    masked = known_scene(tmp_path / "a.tif", mask=tmp_path / "m.tif")
    assert known_scene(tmp_path / "a.tif", mask=tmp_path / "m.tif") is masked
    os.utime(tmp_path / "m.tif", ns=(1, 1))
    assert known_scene(tmp_path / "a.tif", mask=tmp_path / "m.tif") is not masked


def test_what_cannot_be_opened_is_told_each_time(tmp_path):
    for _ in range(2):
        with pytest.raises(RasterError, match="does not exist"):
            known_scene(tmp_path / "a.tif")
    write_raster(tmp_path / "a.tif", np.zeros((4, 4), np.uint8))
    assert known_scene(tmp_path / "a.tif").shape == (4, 4)
    with pytest.raises(RasterError, match="list of files is empty"):
        known_scene([])
