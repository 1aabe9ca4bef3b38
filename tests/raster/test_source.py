from __future__ import annotations

import numpy as np
import pytest
from damaged_files import cut, damage_block, write_tiff

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Scene, write_raster
from rs_da_mm.raster.handles import open_raster
from rs_da_mm.raster.source import describe, unreadable
from rs_da_mm.raster.windows import Window


def test_a_source_reads_its_bands_into_any_part_of_an_array(tmp_path, plainly, pixels):
    path = plainly(tmp_path / "a.tif", pixels)
    source = describe(open_raster(path), path, [(3, 0), (1, 1)], (), None)
    canvas = np.zeros((40, 50, 4), np.uint8)
    source.read(Window(10, 20, 30, 25), canvas[5:35, 7:32, 1:3])
    np.testing.assert_array_equal(canvas[5:35, 7:32, 1:3], pixels[10:40, 20:45, [2, 0]])
    canvas[5:35, 7:32, 1:3] = 0
    assert not canvas.any()


def test_a_file_of_an_unknown_kind_of_number_is_told(tmp_path, plainly, pixels):
    path = plainly(tmp_path / "a.tif", pixels[:, :, :1].astype(np.int16), dtype="complex_int16")
    with pytest.raises(RasterError, match=r"a\.tif holds complex_int16"):
        describe(open_raster(path), path, [(1, 0)], (), None)


def test_what_cannot_be_read_is_told_with_gdals_own_reason(tmp_path):
    behind = OSError("TIFFReadEncodedTile() failed.")
    error = OSError("Read failed. See previous exception for details.")
    error.__cause__ = behind
    told = str(unreadable(tmp_path / "a.tif", Window(1, 2, 3, 4), error))
    assert "a.tif: rows 1..3, columns 2..5 cannot be read: TIFFReadEncodedTile() failed." in told
    assert "previous exception" not in told


def test_a_file_that_could_not_be_read_can_be_opened_once_more(tmp_path, pixels):
    tiff = write_tiff(tmp_path / "a.tif", pixels)
    damage_block(tiff, 2, 2)
    with pytest.raises(RasterError, match="rows 64"):
        Scene(tiff).read(Window(64, 96, 32, 48))
    assert Scene(tiff).count == 3  # whose colours are asked for, which would raise the error again


def test_a_photograph_that_was_cut_off_fails_each_time(tmp_path):
    path = tmp_path / "a.jpg"
    write_raster(path, np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8))
    cut(path, 0.5)
    scene = Scene(path)
    for _ in range(3):
        with pytest.raises(RasterError, match=r"a\.jpg: rows 290\.\.299"):
            scene.read(Window(290, 0, 10, 200))
