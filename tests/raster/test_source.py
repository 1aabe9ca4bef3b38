from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.errors import RasterError
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
