"""What lies behind a scene."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
import rasterio
from damaged_files import write_tiff
from rasterio.errors import NotGeoreferencedWarning
from rasterio.shutil import copy as copy_raster

from rs_da_mm.raster import Scene, write_raster
from rs_da_mm.raster.scene_files import block_shapes, files_behind

pytestmark = pytest.mark.filterwarnings("ignore", category=NotGeoreferencedWarning)


@pytest.fixture
def tiff(tmp_path, pixels):
    return write_tiff(tmp_path / "a.tif", pixels)


def test_the_files_of_a_scene_are_its_own_its_mask_and_what_is_read_along(tmp_path, plainly, pixels, tiff):
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False):
        masked = plainly(tmp_path / "b.tif", pixels, mask=np.full((300, 200), 255, np.uint8))
    virtual = tmp_path / "c.vrt"
    copy_raster(tiff, virtual, driver="VRT")
    mask = plainly(tmp_path / "mask.png", pixels[:, :, 0], driver="PNG")
    (tmp_path / "mask.png.aux.xml").write_text("<PAMDataset></PAMDataset>")
    found = files_behind(Scene([virtual, masked], mask=mask))
    assert [path.name for path in found] == ["c.vrt", "b.tif", "mask.png", "a.tif", "b.tif.msk"]
    assert all(path.is_file() for path in found)


def test_behind_a_raster_in_an_archive_is_the_archive(tmp_path, tiff):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tiff, "inside/a.tif")
    scene = Scene(f"/vsizip/{(tmp_path / 'a.zip').as_posix()}/inside/a.tif")
    assert files_behind(scene) == (tmp_path / "a.zip",)


def test_the_blocks_of_all_files_are_told(tmp_path, pixels, tiff):
    strips = write_tiff(tmp_path / "strips.tif", pixels[:, :, :1], tiled=False, block=(1, 200))
    photograph = tmp_path / "a.jpg"
    write_raster(photograph, pixels)
    scene = Scene([tiff, strips, tiff, photograph], mask=write_tiff(tmp_path / "mask.tif", pixels[:, :, :1], block=(16, 64)))
    assert block_shapes(scene) == ((32, 48), (1, 200), (256, 200), (16, 64))
