from __future__ import annotations

import numpy as np
import pytest
import rasterio

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import write_raster
from rs_da_mm.raster.geotiff import Storage
from rs_da_mm.raster.profile import make_profile


def options(tmp_path, dtype="uint8", count=1, size=(512, 512), palette=None, **storage):
    profile = make_profile(tmp_path / "a.tif", *size, count, dtype, palette=palette)
    defaults = {"compress": "deflate", "tiled": True, "blocksize": 256, "bigtiff": "IF_SAFER", "threads": 1}
    return Storage(**{**defaults, **storage}).options(profile)


@pytest.mark.parametrize(
    ("dtype", "palette", "predictor"),
    [("uint8", None, 2), ("int32", None, 2), ("float32", None, 3), ("uint8", [(0, 0, 0)], 1), ("complex64", None, 1)],
)
def test_the_predictor_follows_the_values(tmp_path, dtype, palette, predictor):
    assert options(tmp_path, dtype, palette=palette)["predictor"] == predictor


def test_uncompressed_rasters_have_no_predictor(tmp_path):
    assert not {"compress", "predictor"} & set(options(tmp_path, compress="none"))


def test_a_raster_smaller_than_a_block_is_stored_in_strips(tmp_path):
    assert "tiled" not in options(tmp_path, size=(255, 200))
    assert options(tmp_path, size=(100, 256))["tiled"]
    assert "tiled" not in options(tmp_path, tiled=False)


@pytest.mark.parametrize(
    ("count", "dtype", "photometric"),
    [(3, "uint8", "RGB"), (3, "uint16", "RGB"), (3, "float32", "MINISBLACK"), (4, "uint8", "MINISBLACK")],
)
def test_only_three_bands_are_red_green_blue(tmp_path, count, dtype, photometric):
    assert options(tmp_path, dtype, count)["photometric"] == photometric


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ({"compress": "jpeg"}, "compress is 'jpeg'; it can be 'deflate', 'zstd', 'lzw', 'none'"),
        ({"bigtiff": "maybe"}, "bigtiff is 'maybe'"),
        ({"blocksize": 100}, "blocksize is 100; TIFF wants a multiple of 16"),
        ({"blocksize": 0}, "blocksize is 0"),
    ],
)
def test_storage_that_cannot_be_is_told(tmp_path, storage, message):
    with pytest.raises(RasterError, match=rf"a\.tif: {message}"):
        options(tmp_path, **storage)


@pytest.mark.parametrize(("bigtiff", "version"), [("YES", 43), ("NO", 42), ("IF_SAFER", 42)])
def test_the_large_form_is_used_when_asked_for(tmp_path, bigtiff, version):
    write_raster(tmp_path / "a.tif", np.ones((4, 4), np.uint8), bigtiff=bigtiff)
    head = (tmp_path / "a.tif").read_bytes()[:4]
    assert int.from_bytes(head[2:], "little" if head[:2] == b"II" else "big") == version


def test_the_large_form_is_used_when_needed(tmp_path):
    """A file that may pass 4 GB gets it by itself; nothing of it need be written to see that."""
    profile = make_profile(tmp_path / "a.tif", 70_000, 70_000, 1, "uint8")
    storage = Storage("deflate", True, 256, "IF_SAFER", 1)
    options = {**storage.options(profile), "sparse_ok": True}
    shape = {"height": 70_000, "width": 70_000, "count": 1, "dtype": "uint8", "transform": rasterio.Affine.scale(2)}
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", **shape, **options):
        pass
    assert (tmp_path / "a.tif").read_bytes()[2] == 43
