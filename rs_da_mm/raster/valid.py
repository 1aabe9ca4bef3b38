"""Which pixels of a file hold data.

The first of these that a file has decides: its per-dataset mask (inside the file, or a ``.msk`` beside it), its alpha band, its
nodata value. GDAL itself puts nodata before alpha.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags


@dataclass(frozen=True)
class ValidRule:
    """How one file tells which of its pixels hold data.

    Attributes:
        per_dataset: The file has a mask of its own.
        alpha: Number of the alpha band that decides, counted from 1; ``None`` when none does.
        nodata: The value that stands for "no data", per selected band; ``None`` where there is none.
    """

    per_dataset: bool
    alpha: int | None
    nodata: tuple[float | None, ...]

    @property
    def reads_pixels(self) -> bool:
        """Whether the selected bands themselves are looked at, for nodata."""
        return not self.per_dataset and self.alpha is None and all(value is not None for value in self.nodata)


def alpha_bands(dataset: Any) -> tuple[int, ...]:
    """Numbers of the bands that a file marks as alpha, counted from 1."""
    return tuple(number for number, kind in enumerate(dataset.colorinterp, 1) if kind == ColorInterp.alpha)


def find_rule(dataset: Any, bands: tuple[int, ...], alpha: tuple[int, ...], nodata: float | None) -> ValidRule:
    """Find out how a file tells which pixels hold data.

    Args:
        dataset: An open rasterio dataset.
        bands: Selected bands, counted from 1.
        alpha: Its alpha bands. One that is itself selected is image, and decides nothing.
        nodata: The user's nodata value, in place of the file's.

    Returns:
        The rule.
    """
    deciding = [number for number in alpha if number not in bands]
    flags = set(dataset.mask_flag_enums[0])
    masked = MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags
    if MaskFlags.nodata in flags:  # one nodata value per band, which together make one mask of the dataset
        masked = masked and not deciding and nodata is None
    values = tuple(dataset.nodatavals[band - 1] if nodata is None else nodata for band in bands)
    return ValidRule(masked, deciding[0] if deciding else None, values)


def is_nodata(pixels: NDArray[Any], values: tuple[float | None, ...]) -> NDArray[np.bool_]:
    """Find the pixels whose every band holds its nodata value.

    Args:
        pixels: ``(H, W, bands)``.
        values: One nodata value per band; a band that has none always holds data. Compared in the bands' own dtype, so that a
            value which a float32 file can only hold rounded is still found. One that the dtype cannot hold is never found.

    Returns:
        ``(H, W)``, true where there is no data.
    """
    empty = np.ones(pixels.shape[:2], dtype=np.bool_)
    for band, value in enumerate(values):
        empty &= _equals(pixels[:, :, band], value)
    return empty


def is_number(pixels: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Find the values that are numbers.

    Args:
        pixels: Any shape.

    Returns:
        Same shape, false where a value is NaN or infinite; ``None`` when all are numbers.
    """
    if pixels.dtype.kind not in "fc":
        return None
    finite = np.isfinite(pixels)
    return None if finite.all() else finite


def _equals(pixels: NDArray[Any], value: float | None) -> NDArray[np.bool_]:
    if value is None:
        return np.zeros(pixels.shape, dtype=np.bool_)
    if pixels.dtype.kind in "fc":
        return np.isnan(pixels) if math.isnan(value) else pixels == _rounded(value, pixels.dtype)
    limits = np.iinfo(pixels.dtype)
    if math.isnan(value) or not limits.min <= value <= limits.max or value != int(value):
        return np.zeros(pixels.shape, dtype=np.bool_)
    return pixels == pixels.dtype.type(int(value))


def _rounded(value: float, dtype: np.dtype[Any]) -> Any:
    """The value as the dtype stores it; one just past the largest is the largest, as GDAL has it."""
    with np.errstate(over="ignore"):
        rounded = dtype.type(value)
    if np.isfinite(value) and not np.isfinite(rounded) and abs(value) < 1.000001 * float(np.finfo(dtype).max):
        return np.copysign(np.finfo(dtype).max, value).astype(dtype)
    return rounded
