from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.grid_map import scaled_map
from rs_da_mm.raster.handles import open_raster
from rs_da_mm.raster.resampled_source import resample_source
from rs_da_mm.raster.source import describe
from rs_da_mm.raster.windows import Window


@pytest.fixture
def sources(tmp_path, plainly, pixels):
    fine = plainly(tmp_path / "fine.tif", pixels[:, :, 0])
    coarse = plainly(tmp_path / "coarse.tif", pixels[::2, ::2], nodata=7, tiled=True, blockxsize=64, blockysize=32)
    return describe(open_raster(fine), fine, [(1, 0)], (), None), describe(
        open_raster(coarse), coarse, [(3, 0), (1, 1)], (), None
    )


def test_it_tells_what_the_file_is_on_the_other_grid(sources):
    fine, coarse = sources
    found = resample_source(coarse, scaled_map(0.5, 0.5), fine, "nearest")
    assert (found.height, found.width, found.block_shape) == (300, 200, (64, 128))
    assert (found.path, found.bands, found.places, found.rule) == (coarse.path, (3, 1), (0, 1), coarse.rule)


def test_it_reads_into_any_part_of_an_array(sources, pixels):
    fine, coarse = sources
    canvas = np.zeros((40, 50, 4), np.uint8)
    found = resample_source(coarse, scaled_map(0.5, 0.5), fine, "nearest")
    found.read(Window(10, 20, 30, 25), canvas[5:35, 7:32, 1:3])
    every = np.repeat(np.repeat(pixels[::2, ::2, [2, 0]], 2, 0), 2, 1)
    np.testing.assert_array_equal(canvas[5:35, 7:32, 1:3], every[10:40, 20:45])
    canvas[5:35, 7:32, 1:3] = 0
    assert not canvas.any()


def test_a_part_that_cannot_be_read_is_told_in_the_files_own_pixels(sources, tmp_path):
    fine, coarse = sources
    found = resample_source(coarse, scaled_map(0.5, 0.5), fine, "bilinear")
    path = tmp_path / "coarse.tif"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(RasterError, match=r"coarse\.tif: rows 139\.\.149, columns 44\.\.50 cannot be read"):
        found.read(Window(280, 90, 20, 10), np.empty((20, 10, 2), np.uint8))
