from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window as FileWindow

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Scene, Window, check_readable
from rs_da_mm.raster.blocks import block_windows, check_blocks, missing_blocks
from rs_da_mm.raster.handles import open_fresh

KILLED = """
import os, signal, sys
import numpy as np
import rasterio
shape = {"height": 512, "width": 512, "count": 3, "dtype": "uint8", "transform": rasterio.Affine.scale(2)}
dataset = rasterio.open(sys.argv[1], "w", driver="GTiff", **shape, **eval(sys.argv[2]))
pixels = np.random.default_rng(0).integers(1, 256, (3, 256, 512), dtype=np.uint8)
dataset.write(pixels, window=rasterio.windows.Window(0, 0, 512, 256))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
@pytest.mark.parametrize(
    "options",
    [
        {"tiled": True, "blockxsize": 128, "blockysize": 128},
        {"blockysize": 16, "interleave": "band"},
        {"compress": "deflate", "nodata": 0},
    ],
)
def test_a_file_whose_writer_was_killed_is_refused_though_gdal_reads_zeros(tmp_path, options):
    path = tmp_path / "killed.tif"
    # A small cache, so that blocks reach the disk before the end.
    environment = {**os.environ, "GDAL_CACHEMAX": "100000"}
    result = subprocess.run([sys.executable, "-c", KILLED, str(path), repr(options)], env=environment, timeout=60)
    assert result.returncode == -signal.SIGKILL
    with rasterio.open(path) as dataset:
        assert not dataset.read().any()
    for refuse in (Scene, check_readable):
        with pytest.raises(RasterError, match=r"killed\.tif holds no pixels: .* make the file again"):
            refuse(path)


def sparse(path, **options):
    """A file of four blocks, of which only one was written."""
    shape = {"height": 64, "width": 64, "count": 2, "dtype": "uint8", "transform": rasterio.Affine.scale(2)}
    layout = {"tiled": True, "blockxsize": 32, "blockysize": 32, "sparse_ok": True}
    with rasterio.open(path, "w", driver="GTiff", **shape, **layout, **options) as dataset:
        dataset.write(np.ones((2, 32, 32), np.uint8), window=FileWindow(32, 0, 32, 32))
    return path


@pytest.mark.parametrize("interleave", ["band", "pixel"])
def test_blocks_that_were_left_out_are_found(tmp_path, interleave):
    path = sparse(tmp_path / "a.tif", interleave=interleave)
    with open_fresh(path) as dataset:
        assert list(missing_blocks(dataset)) == [Window(0, 0, 32, 32), Window(32, 0, 32, 32), Window(32, 32, 32, 32)]
        with pytest.raises(RasterError, match=r"a\.tif: rows 0\.\.31, columns 0\.\.31 were never written"):
            check_blocks(dataset, path, sparse=False)
        check_blocks(dataset, path, sparse=True)


def test_blocks_may_be_left_out_where_there_is_a_nodata_value(tmp_path):
    with pytest.raises(RasterError, match="were never written, and would read as zeros"):
        check_readable(sparse(tmp_path / "a.tif"))
    path = sparse(tmp_path / "b.tif", nodata=9)
    check_readable(path)
    assert Scene(path).read_valid().sum() == 32 * 32


def test_a_block_beyond_the_end_of_the_file_is_told(tmp_path, plainly, pixels):
    path = plainly(tmp_path / "cut.tif", pixels, blockysize=100)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size - 10_000)
    with open_fresh(path) as dataset:
        assert list(missing_blocks(dataset)) == []
        with pytest.raises(
            RasterError, match=rf"cut\.tif is cut off: rows 200\.\.299, .* byte {size}, and the file has {size - 10_000}"
        ):
            check_blocks(dataset, path, sparse=False)


def test_other_formats_have_no_missing_blocks(tmp_path, plainly, pixels):
    with open_fresh(plainly(tmp_path / "a.jpg", pixels, driver="JPEG")) as dataset:
        assert list(missing_blocks(dataset)) == []
        assert sum(window.height for _, window in block_windows(dataset)) == 300


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_png_that_was_cut_off_is_refused(tmp_path, plainly, pixels, keep):
    path = plainly(tmp_path / "a.png", pixels, driver="PNG")
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * keep))
    with pytest.raises(RasterError, match=r"a\.png is cut off: a PNG ends with an IEND chunk"):
        Scene(path)


def test_a_png_with_something_behind_its_end_is_whole(tmp_path, plainly, pixels):
    path = plainly(tmp_path / "a.png", pixels, driver="PNG")
    with path.open("ab") as file:
        file.write(b"a note")
    np.testing.assert_array_equal(Scene(path).read(), pixels)


def test_a_jpeg_that_was_cut_off_is_told(tmp_path, plainly, pixels):
    path = plainly(tmp_path / "a.jpg", pixels, driver="JPEG")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(RasterError, match=r"a\.jpg: rows \d+\.\.299, columns 0\.\.199 cannot be read: .*Premature end"):
        Scene(path).read()
