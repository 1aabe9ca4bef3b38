"""What a raster that is to be written is like, checked before a file is made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.georeference import Georeference

_DTYPES = (
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)


@dataclass(frozen=True)
class Profile:
    """What a raster that is to be written is like.

    Attributes:
        path: Where it goes.
        height: Rows.
        width: Columns.
        count: Bands.
        dtype: NumPy dtype of the values.
        georeference: Where it lies, or ``None``.
        nodata: The value that means "no data", or ``None``.
        palette: Red, green, blue (0–255) of value 0, 1, …, or ``None``.
        descriptions: A name per band, or ``None``.
        tags: Names and values to keep in the file.
        scale: What a stored value is to be multiplied by, or ``None``.
    """

    path: Path
    height: int
    width: int
    count: int
    dtype: np.dtype[Any]
    georeference: Georeference | None
    nodata: float | None
    palette: tuple[tuple[int, ...], ...] | None
    descriptions: tuple[str | None, ...] | None
    tags: dict[str, str]
    scale: float | None = None

    @property
    def stored(self) -> np.dtype[Any]:
        """The dtype that GDAL sees: it reads half floats as float32, and keeps them in 16 bits when told so."""
        return np.dtype(np.float32) if self.dtype == np.float16 else self.dtype

    @property
    def colormap(self) -> dict[int, tuple[int, ...]]:
        """The palette as rasterio wants it: value to red, green, blue and an opaque alpha."""
        return {index: (*colour, 255) for index, colour in enumerate(self.palette or ())}


def make_profile(
    path: str | Path,
    height: int,
    width: int,
    count: int,
    dtype: DTypeLike,
    georeference: Georeference | None = None,
    nodata: float | None = None,
    palette: Sequence[Sequence[int]] | None = None,
    descriptions: Sequence[str | None] | None = None,
    tags: Mapping[str, Any] | None = None,
    scale: float | None = None,
) -> Profile:
    """Check what a raster is meant to be.

    Args:
        path: Where it goes.
        height: Rows.
        width: Columns.
        count: Bands.
        dtype: NumPy dtype of the values.
        georeference: Where it lies.
        nodata: The value that means "no data".
        palette: Red, green, blue (0–255) of value 0, 1, ….
        descriptions: A name per band.
        tags: Names and values to keep in the file.
        scale: What a stored value is to be multiplied by.

    Returns:
        The same, checked.

    Raises:
        RasterError: When a raster cannot be like that; the message names the file and says why.
    """
    path, dtype = Path(path), np.dtype(dtype).newbyteorder("=")
    if min(height, width, count) < 1:
        raise RasterError(f"{path}: {height} x {width} pixels of {count} bands are no raster; each must be 1 or more.")
    if dtype.name not in _DTYPES:
        raise RasterError(f"{path}: rasters hold no {dtype.name}; convert to one of {', '.join(_DTYPES)}.")
    if nodata is not None:
        require_fit(path, dtype, nodata, "nodata value")
    if descriptions is not None and len(descriptions) != count:
        raise RasterError(f"{path}: {len(descriptions)} band descriptions were given for {count} bands; give one per band.")
    return Profile(
        path,
        height,
        width,
        count,
        dtype,
        georeference,
        nodata,
        None if palette is None else _checked_palette(path, palette, count, dtype),
        None if descriptions is None else tuple(descriptions),
        {str(name): str(value) for name, value in (tags or {}).items()},
        scale,
    )


def require_fit(path: Path, dtype: np.dtype[Any], value: float, what: str) -> None:
    """Refuse a value that a dtype cannot hold.

    Args:
        path: The file, for the message.
        dtype: The raster's dtype.
        value: The value.
        what: What the value is, for the message.

    Raises:
        RasterError: When the dtype has no such value.
    """
    if dtype.kind in "fc":
        if math.isfinite(value) and abs(value) > float(np.finfo(dtype).max):
            raise RasterError(f"{path}: {dtype.name} cannot hold the {what} {value}; take a smaller one, or dtype float64.")
        return
    limits = np.iinfo(dtype)
    if not math.isfinite(value) or value != int(value) or not limits.min <= value <= limits.max:
        raise RasterError(
            f"{path}: {dtype.name} cannot hold the {what} {value}; take a whole number from {limits.min} to {limits.max}, "
            "or a larger dtype."
        )


def _checked_palette(
    path: Path, palette: Sequence[Sequence[int]], count: int, dtype: np.dtype[Any]
) -> tuple[tuple[int, ...], ...]:
    if count != 1 or dtype != np.uint8:
        raise RasterError(
            f"{path}: a palette colours one uint8 band; this raster has {count} of {dtype.name}. Leave the palette out."
        )
    colours = tuple(tuple(int(part) for part in colour) for colour in palette)
    if not 1 <= len(colours) <= 256:
        raise RasterError(f"{path}: the palette has {len(colours)} colours; 1 to 256 fit a uint8 band.")
    for index, colour in enumerate(colours):
        if len(colour) != 3 or not all(0 <= part <= 255 for part in colour):
            raise RasterError(f"{path}: palette colour {index} is {colour}; red, green and blue from 0 to 255 were expected.")
    return colours
