from __future__ import annotations

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.cog_check import cog_faults

pytestmark = pytest.mark.filterwarnings(f"ignore::{NotGeoreferencedWarning.__module__}.NotGeoreferencedWarning")

PIXELS = np.random.default_rng(0).integers(0, 256, (1, 700, 900), dtype=np.uint8)
TILED = {"tiled": True, "blockxsize": 256, "blockysize": 256}


def geotiff(path, **options):
    with rasterio.open(path, "w", driver="GTiff", height=700, width=900, count=1, dtype="uint8", **options) as dataset:
        dataset.write(PIXELS)
    return path


@pytest.mark.parametrize("options", [{}, {"bigtiff": "YES"}, {"blocksize": 256, "compress": "LZW"}])
def test_what_gdal_makes_is_one(tmp_path, options):
    rasterio.shutil.copy(geotiff(tmp_path / "a.tif"), tmp_path / "b.tif", driver="COG", **options)
    assert cog_faults(tmp_path / "b.tif") == []


def test_a_copy_with_the_overviews_in_order_is_one(tmp_path):
    """GDAL's older way, without its notes at the head of the file."""
    path = geotiff(tmp_path / "a.tif", **TILED)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], Resampling.nearest)
    rasterio.shutil.copy(path, tmp_path / "b.tif", driver="GTiff", copy_src_overviews=True, **TILED)
    assert cog_faults(tmp_path / "b.tif") == []


def test_strips_and_no_overviews(tmp_path):
    faults = cog_faults(geotiff(tmp_path / "a.tif", tiled=False))
    assert faults == ["it has no overviews", "full resolution is stored in strips, not in tiles"]


def test_overviews_that_were_added_later_lie_at_the_wrong_end(tmp_path):
    path = geotiff(tmp_path / "a.tif", **TILED)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], Resampling.nearest)
    faults = cog_faults(path)
    assert "the pixels of full resolution lie before the last directory" in faults
    assert "the pixels of full resolution lie before those of overview 1" in faults


def test_overviews_in_a_file_of_their_own(tmp_path):
    path = geotiff(tmp_path / "a.tif", **TILED)
    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], Resampling.nearest)
    assert cog_faults(path) == ["its overviews lie in a file of their own"]


def test_other_formats(tmp_path):
    with rasterio.open(tmp_path / "a.png", "w", driver="PNG", height=700, width=900, count=1, dtype="uint8") as dataset:
        dataset.write(PIXELS)
    assert cog_faults(tmp_path / "a.png") == ["it is PNG, not GeoTIFF"]


def test_no_file(tmp_path):
    with pytest.raises(RasterError, match="does not exist"):
        cog_faults(tmp_path / "a.tif")
