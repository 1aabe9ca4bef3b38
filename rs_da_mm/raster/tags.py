"""What files say about themselves beyond pixels and place."""

from __future__ import annotations

from pathlib import Path

from rs_da_mm.raster.handles import open_raster
from rs_da_mm.raster.locations import locate


def file_tags(path: str | Path) -> dict[str, str]:
    """Read the metadata items of a raster, without those of single bands.

    Args:
        path: The file, or another place that GDAL reads from.

    Returns:
        Names and values.

    Raises:
        RasterError: When it cannot be opened.
    """
    return dict(open_raster(locate(path)).tags())
