"""Making a GeoTIFF: how it is stored, and all that it says apart from its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.blocks import stored_blocks
from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.handles import quiet
from rs_da_mm.raster.profile import Profile

SUFFIXES = (".tif", ".tiff")

_COMPRESSIONS = ("deflate", "zstd", "lzw", "none")
_BIGTIFF = ("YES", "NO", "IF_NEEDED", "IF_SAFER")


@dataclass(frozen=True)
class Storage:
    """How a GeoTIFF keeps its pixels.

    Attributes:
        compress: ``'deflate'``, ``'zstd'``, ``'lzw'`` or ``'none'``.
        tiled: Square blocks rather than strips of rows.
        blocksize: Side of a block in pixels, a multiple of 16.
        bigtiff: ``'YES'``, ``'NO'``, ``'IF_NEEDED'`` or ``'IF_SAFER'``: the form for files beyond 4 GB.
        threads: Threads that compress.
        sparse: Leave out blocks that hold the nodata value only.
        half: Keep float16 in 16 bits; otherwise in 32, of which a compressed file is a little larger.
    """

    compress: str
    tiled: bool
    blocksize: int
    bigtiff: str
    threads: int
    sparse: bool = False
    half: bool = True

    def options(self, profile: Profile) -> dict[str, Any]:
        """Give GDAL's creation options.

        Args:
            profile: What the raster is like.

        Returns:
            Name to value.

        Raises:
            RasterError: When a GeoTIFF cannot be stored like that.
        """
        self._check(profile.path)
        options: dict[str, Any] = {"interleave": "pixel", "bigtiff": self.bigtiff, "num_threads": self.threads}
        # Left to itself, GDAL calls the fourth of four uint8 bands alpha: a near infrared band would hide the dark pixels.
        options["photometric"] = "RGB" if profile.count == 3 and profile.dtype in (np.uint8, np.uint16) else "MINISBLACK"
        if profile.dtype == np.float16 and self.half:
            options["nbits"] = 16
        if self.sparse:
            options["sparse_ok"] = True
        if self.compress != "none":
            options |= {"compress": self.compress, "predictor": _predictor(profile)}
        if self.tiled and max(profile.height, profile.width) >= self.blocksize:
            options |= {"tiled": True, "blockxsize": self.blocksize, "blockysize": self.blocksize}
        return options

    def _check(self, path: Path) -> None:
        for what, value, choices in (("compress", self.compress, _COMPRESSIONS), ("bigtiff", self.bigtiff, _BIGTIFF)):
            if value not in choices:
                raise RasterError(f"{path}: {what} is {value!r}; it can be {', '.join(map(repr, choices))}.")
        if self.blocksize < 16 or self.blocksize % 16:
            raise RasterError(f"{path}: blocksize is {self.blocksize}; TIFF wants a multiple of 16.")


def create_geotiff(partial: Path, profile: Profile, storage: Storage) -> Any:
    """Make a GeoTIFF without pixels.

    Args:
        partial: Where.
        profile: What it is to be like.
        storage: How it keeps its pixels.

    Returns:
        A rasterio dataset, open for writing.
    """
    where = profile.georeference or Georeference()
    with quiet():
        dataset = rasterio.open(
            partial,
            "w",
            driver="GTiff",
            height=profile.height,
            width=profile.width,
            count=profile.count,
            dtype=profile.stored.name,
            nodata=profile.nodata,
            crs=where.crs,
            transform=where.transform if where.has_transform else None,
            **storage.options(profile),
        )
        if where.gcps and not where.has_transform:
            dataset.gcps = (list(where.gcps), where.gcps_crs)
        if profile.palette is not None:
            dataset.write_colormap(1, profile.colormap)
        for band, description in enumerate(profile.descriptions or (), 1):
            if description is not None:
                dataset.set_band_description(band, description)
        if profile.scale is not None:
            dataset.scales = (profile.scale,) * profile.count
        dataset.update_tags(**profile.tags)
    return dataset


def keep_one_block(path: Path) -> None:
    """Store the first block of a sparse GeoTIFF that has none.

    A raster of nodata alone is then told from one whose writer was killed, which has no block either.

    Args:
        path: The file, closed.
    """
    with quiet():
        with rasterio.open(path) as dataset:
            if next(stored_blocks(dataset), None) is not None:
                return
            part = next(window for _, window in dataset.block_windows(1))
        with rasterio.open(path, "r+") as dataset:
            dataset.write(dataset.read(window=part), window=part)


def _predictor(profile: Profile) -> int:
    """None for class indices and complex values, 3 for floats, 2 (differences) for other integers."""
    if profile.palette is not None or profile.dtype.kind == "c":
        return 1
    return 3 if profile.dtype.kind == "f" else 2
