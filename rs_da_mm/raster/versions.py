"""Which libraries read and write rasters here."""

from __future__ import annotations

import rasterio


def library_versions() -> dict[str, str]:
    """Give the versions of rasterio and of the libraries inside it, by name."""
    return {"rasterio": rasterio.__version__, "GDAL": rasterio.__gdal_version__, "PROJ": rasterio.__proj_version__}
