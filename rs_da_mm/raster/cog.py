"""Cloud-optimized GeoTIFF: the same raster with overviews, laid out so that a part of it can be read over a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

import rasterio
import rasterio.shutil

from rs_da_mm.errors import RasterError
from rs_da_mm.partial_files import begin_partial
from rs_da_mm.raster.blocks import stored_blocks
from rs_da_mm.raster.cog_check import cog_faults
from rs_da_mm.raster.partial import discard
from rs_da_mm.raster.writer import RasterWriter

Resampling = Literal["mode", "average", "nearest", "bilinear", "cubic"]

_CACHE = 256 << 20
_BEYOND = (".ovr.tmp", ".msk.ovr.tmp")
"""What GDAL keeps beside a file while it makes its overviews."""


class CogWriter(RasterWriter):
    """Writes a cloud-optimized GeoTIFF by window, atomically: a :class:`~rs_da_mm.raster.RasterWriter` for such files.

    The windows go to a hidden working file; when the ``with`` block ends, GDAL's COG driver makes the final one of it. That is
    checked twice before it takes its place: pixel for pixel, and by :func:`~rs_da_mm.raster.cog_check.cog_faults`. For that time
    the disk holds both.

    Args:
        path: Where the raster goes, ``.tif`` or ``.tiff``.
        overviews: How a pixel of an overview is made of the four below it. ``'mode'`` for class numbers: the most frequent one,
            nodata not counted. Each overview is made of the one below it. ``'average'`` for scores.
        **options: What :class:`~rs_da_mm.raster.RasterWriter` takes, apart from ``tiled``. ``blocksize`` is 512 unless told.
            float16 is kept in 32 bits.

    Raises:
        RasterError: When a raster cannot be like that, or the file cannot be made.
    """

    # GDAL's COG driver leaves the padding of edge blocks of 16-bit floats as it finds the memory: the same map, other bytes.
    _HALF = False

    def __init__(self, path: str | Path, *, overviews: Resampling = "mode", **options: Any) -> None:
        if overviews not in get_args(Resampling):
            raise RasterError(f"{path}: overviews is {overviews!r}; it can be {', '.join(map(repr, get_args(Resampling)))}.")
        self._overviews = overviews
        defaults: dict[str, Any] = {"compress": "deflate", "blocksize": 512, "bigtiff": "IF_SAFER", "threads": 1}
        self._options = defaults | options
        super().__init__(path, **self._options)

    def _assemble(self, partial: Path) -> None:
        """Turn the working file into a cloud-optimized one of the same name."""
        final = begin_partial(self.path)
        try:
            with rasterio.Env(GDAL_CACHEMAX=_CACHE, CPL_TMPDIR=str(partial.parent)):
                rasterio.shutil.copy(partial, final, driver="COG", **self._creation_options(partial))
            faults = cog_faults(final)
            if faults:
                raise OSError(f"it did not come out as a cloud-optimized GeoTIFF: {'; '.join(faults)}")
            final.replace(partial)
        finally:
            discard(final)
            for suffix in _BEYOND:
                final.with_name(final.name + suffix).unlink(missing_ok=True)

    def _creation_options(self, working: Path) -> dict[str, Any]:
        options = {
            "compress": self._options["compress"],
            "blocksize": self._options["blocksize"],
            "bigtiff": self._options["bigtiff"],
            "num_threads": self._options["threads"],
            "overview_resampling": self._overviews,
            "overviews": "IGNORE_EXISTING",
            "sparse_ok": self._sparse and _holds_data(working),
        }
        if self._options["compress"] != "none":
            options["predictor"] = "NO" if self.profile.palette is not None else "YES"
        return options


def _holds_data(path: Path) -> bool:
    """Whether a sparse file has more than the one block that every file is given: if not, GDAL would leave that out again."""
    with rasterio.open(path) as dataset:
        blocks = stored_blocks(dataset)
        first = next(blocks)
        if next(blocks, None) is not None:
            return True
        values = dataset.read(window=((first.row, first.row + first.height), (first.col, first.col + first.width)))
        return bool((values != dataset.nodata).any())
