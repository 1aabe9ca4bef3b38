from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Scene, check_alignment, check_readable, write_raster
from rs_da_mm.raster.checks import check_written
from rs_da_mm.raster.handles import open_fresh
from rs_da_mm.raster.ledger import Entry
from rs_da_mm.raster.profile import make_profile
from rs_da_mm.raster.windows import Window

GRID = Affine(2.0, 0.0, 500_000.0, 0.0, -2.0, 4_000_000.0)
PLACE = {"crs": CRS.from_epsg(32650), "transform": GRID}


@pytest.fixture
def image(tmp_path, plainly, pixels):
    return Scene(plainly(tmp_path / "image.tif", pixels, **PLACE))


@pytest.mark.parametrize(
    ("shape", "place", "said"),
    [
        ((300, 200), PLACE, []),
        ((300, 200), {}, []),
        ((300, 200), {"transform": GRID}, []),
        ((300, 200), {**PLACE, "transform": Affine(2.0, 0.0, 500_000.01, 0.0, -2.0, 4_000_000.0)}, []),
        ((299, 200), PLACE, ["size 300 x 200 against 299 x 200"]),
        ((300, 200), {**PLACE, "crs": CRS.from_epsg(32651)}, ["CRS EPSG:32650 against EPSG:32651"]),
        ((300, 200), {**PLACE, "transform": Affine(2.0, 0.0, 500_001.0, 0.0, -2.0, 4_000_000.0)}, ["grids 0.5 pixels apart"]),
        # A pixel size that differs in the fourth digit: nothing at the first corner, a tenth of a pixel at the last.
        ((300, 200), {**PLACE, "transform": Affine(2.001, 0.0, 500_000.0, 0.0, -2.0, 4_000_000.0)}, ["grids 0.1 pixels apart"]),
    ],
)
def test_image_and_label_are_compared(tmp_path, plainly, image, shape, place, said):
    label = Scene(plainly(tmp_path / "label.tif", np.ones(shape, np.uint8), **place))
    found = check_alignment(image, label)
    assert len(found) == len(said)
    assert all(words.startswith(start) for words, start in zip(found, said, strict=True))


@pytest.mark.parametrize("driver", ["GTiff", "PNG", "JPEG"])
def test_a_whole_file_is_readable(tmp_path, plainly, pixels, driver):
    check_readable(plainly(tmp_path / "a.bin", pixels, driver=driver))


def test_every_block_is_read(tmp_path, pixels):
    path = tmp_path / "a.tif"
    write_raster(path, pixels, blocksize=64)
    with open_fresh(path) as dataset:
        offset = int(dataset.get_tag_item("BLOCK_OFFSET_2_3", "TIFF", bidx=1))
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(bytes(20))
    with pytest.raises(RasterError, match=r"a\.tif: rows 192\.\.255, columns 128\.\.191 cannot be read"):
        check_readable(path)


def test_the_mask_is_read_too(tmp_path, plainly, pixels):
    mask = np.random.default_rng(0).integers(0, 2, (300, 200)).astype(np.uint8) * 255
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False):
        path = plainly(tmp_path / "a.tif", pixels, mask=mask)
    check_readable(path)
    beside = path.with_name("a.tif.msk")
    content = bytearray(beside.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    beside.write_bytes(content)
    with pytest.raises(RasterError, match=r"a\.tif: rows"):
        check_readable(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(RasterError, match=r"a\.tif does not exist"):
        check_readable(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("shape", "entries", "message"),
    [
        ((4, 5, 1), [], "it came out as"),
        ((4, 4, 1), [Entry(Window(0, 0, 4, 4), 1)], r"rows 0\.\.3, columns 0\.\.3 do not read as they were written"),
    ],
)
def test_what_came_out_differently_is_told(tmp_path, plainly, shape, entries, message):
    path = plainly(tmp_path / "a.tif", np.ones((4, 4), np.uint8))
    profile = make_profile(path, *shape, "uint8")
    with pytest.raises(OSError, match=message):
        check_written(path, profile, entries)


def test_what_cannot_be_opened_again_is_told(tmp_path):
    with pytest.raises(OSError, match="cannot be read again"):
        check_written(tmp_path / "a.tif", make_profile(tmp_path / "a.tif", 1, 1, 1, "uint8"), [])
