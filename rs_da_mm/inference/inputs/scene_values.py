"""Whether the values of a scene are of the kind that a model's normalisation was made for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.inference.core.protocols import SceneSource
from rs_da_mm.raster.windows import Window

SAMPLES = 16
"""Windows with data that are looked at."""
_TRIES = 64
_SIDE = 128
_FAR = 8.0
"""Standard deviations from the mean at which the middle value of a band is absurd."""
_FLAT = 0.02
"""Standard deviations within which no scene lies whole."""


@dataclass(frozen=True)
class BandValues:
    """Values of one band beside what the model was trained on.

    Attributes:
        median: Middle value of the sampled pixels.
        low: Their first percentile.
        high: Their 99th percentile.
        mean: What the model's normalisation subtracts.
        std: What it divides by.
        median_z: Middle value of how many standard deviations the pixels are away from the mean.
    """

    median: float
    low: float
    high: float
    mean: float
    std: float
    median_z: float

    @property
    def far(self) -> bool:
        """Whether the band as a whole is absurdly far from the mean."""
        return self.median_z > _FAR

    @property
    def flat(self) -> bool:
        """Whether nearly all pixels would look alike to the model."""
        return (self.high - self.low) / self.std < _FLAT


def sample_pixels(source: SceneSource, has_data: Callable[[Window], bool] | None = None) -> NDArray[Any] | None:
    """Read up to 16 windows of 128 × 128 pixels that hold data, spread over a scene.

    Args:
        source: The scene.
        has_data: Tells whether a rectangle may hold data; where it does not, nothing is read.

    Returns:
        Valid pixels ``(n, bands)`` in the scene's dtype; ``None`` where none were found in 64 places.
    """
    height, width = min(_SIDE, source.height), min(_SIDE, source.width)
    found: list[NDArray[Any]] = []
    places = {
        (round(_halton(index, 2) * (source.height - height)), round(_halton(index, 3) * (source.width - width))): None
        for index in range(1, _TRIES + 1)
    }
    for row, col in places:  # in the order in which they were made: each lies between those before
        window = Window(row, col, height, width)
        if has_data is not None and not has_data(window):
            continue
        pixels, valid = source.read_with_valid(window)
        if valid.any():
            found.append(pixels[valid != 0])
        if len(found) == SAMPLES:
            break
    return np.concatenate(found) if found else None


def compare_values(
    pixels: NDArray[Any], mean: Sequence[float], std: Sequence[float], gain: float = 1.0, offset: float = 0.0
) -> tuple[BandValues, ...]:
    """Compare pixels with a normalisation.

    Args:
        pixels: ``(n, bands)``.
        mean: Per band, or one for all.
        std: Likewise.
        gain: Values are multiplied by it first.
        offset: Then this is added.

    Returns:
        For each band.
    """
    values = pixels.astype(np.float64) * gain + offset
    means, stds = (np.broadcast_to(np.asarray(numbers, np.float64), values.shape[1:]) for numbers in (mean, std))
    low, median, high = np.percentile(values, (1, 50, 99), axis=0)
    distance = np.median(np.abs(values - means) / stds, axis=0)
    return tuple(BandValues(*map(float, band)) for band in zip(median, low, high, means, stds, distance, strict=True))


def misfits(values: Sequence[BandValues]) -> list[int]:
    """Places of the bands that are absurd: those far from the mean, or all, where all are flat."""
    if all(band.flat for band in values):
        return list(range(len(values)))
    return [place for place, band in enumerate(values) if band.far]


def _halton(index: int, base: int) -> float:
    """A number of Halton's sequence, from 0 to 1: any first few of them lie evenly."""
    value, part = 0.0, 1.0
    while index:
        part /= base
        index, digit = divmod(index, base)
        value += digit * part
    return value
