"""PNG and JPEG, which are written in one go."""

from __future__ import annotations

from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from rs_da_mm.errors import RasterError
from rs_da_mm.partial_files import begin_partial
from rs_da_mm.raster.checks import check_written
from rs_da_mm.raster.handles import quiet
from rs_da_mm.raster.ledger import Ledger
from rs_da_mm.raster.partial import discard, publish
from rs_da_mm.raster.profile import Profile
from rs_da_mm.raster.windows import Window

DRIVERS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}

_HOLDS = {"PNG": ((1, 2, 3, 4), ("uint8", "uint16")), "JPEG": ((1, 3), ("uint8",))}


def write_image(profile: Profile, pixels: NDArray[Any], quality: int) -> None:
    """Write a PNG or JPEG file, atomically.

    Args:
        profile: What it is to be like; the suffix of its path says which of the two.
        pixels: ``(H, W, bands)``.
        quality: Of a JPEG, 1 to 100.

    Raises:
        RasterError: When the format does not hold such a raster.
        OSError: When it cannot be written, or does not come out as it was written.
    """
    driver = DRIVERS[profile.path.suffix.lower()]
    _check_format(profile, driver, quality)
    ledger = Ledger(profile.height, profile.width)
    if driver == "PNG":  # a JPEG never reads as it was written
        ledger.add(Window(0, 0, profile.height, profile.width), pixels)
    partial = begin_partial(profile.path)
    try:
        options = {"quality": quality} if driver == "JPEG" else {}
        # Without this, GDAL puts what the format has no place for into an .aux.xml file beside it.
        with rasterio.Env(GDAL_PAM_ENABLED=False), quiet():
            with rasterio.open(
                partial,
                "w",
                driver=driver,
                height=profile.height,
                width=profile.width,
                count=profile.count,
                dtype=profile.dtype.name,
                nodata=profile.nodata,
                **options,
            ) as dataset:
                if profile.palette is not None:
                    dataset.write_colormap(1, profile.colormap)
                dataset.write(np.moveaxis(pixels, 2, 0))
            check_written(partial, profile, ledger.entries)
        publish(partial, profile.path)
    finally:
        discard(partial)


def _check_format(profile: Profile, driver: str, quality: int) -> None:
    counts, dtypes = _HOLDS[driver]
    if profile.count not in counts or profile.dtype.name not in dtypes:
        raise RasterError(
            f"{profile.path}: {driver} holds {' or '.join(map(str, counts))} bands of {' or '.join(dtypes)}, "
            f"not {profile.count} of {profile.dtype.name}; write a .tif."
        )
    lost = {
        "georeference": profile.georeference is not None and not profile.georeference.is_empty,
        "descriptions": any(profile.descriptions or ()),
        "tags": bool(profile.tags),
        "scale": profile.scale is not None,
        "nodata": driver == "JPEG" and profile.nodata is not None,
        "palette": driver == "JPEG" and profile.palette is not None,
    }
    for what, given in lost.items():
        if given:
            raise RasterError(f"{profile.path}: {driver} has no place for {what}; write a .tif, or leave it out.")
    if not 1 <= quality <= 100:
        raise RasterError(f"{profile.path}: quality is {quality}; it goes from 1 to 100.")
