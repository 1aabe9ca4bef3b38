"""The bar of a map that says how far is how far."""

from __future__ import annotations

import math
from typing import NamedTuple

_PART = 0.3
"""The bar takes at most this part of the room for it."""


class ScaleBar(NamedTuple):
    """A bar of two halves.

    Attributes:
        part: Its length as a part of the room for it.
        length: Its length in ``unit``.
        unit: ``'km'``, ``'m'``, ``'cm'`` or ``'pixels'``.
    """

    part: float
    length: float
    unit: str

    @property
    def labels(self) -> tuple[str, str, str]:
        """What is written at its beginning, middle and end."""
        return "0", f"{self.length / 2:g}", f"{self.length:g} {self.unit}"


def scale_bar(width: float, pixel_metres: float | None) -> ScaleBar:
    """Choose a bar of a round length.

    Args:
        width: Columns that fit into the room for it.
        pixel_metres: Metres from one column to the next; ``None`` where that is not known.

    Returns:
        The longest bar of 1, 2 or 5 times a power of ten that takes at most 0.3 of the room; it counts pixels where metres are
        not known.
    """
    if pixel_metres is None:
        length = max(1.0, _round_down(_PART * width))
        return ScaleBar(length / width, length, "pixels")
    metres = _round_down(_PART * width * pixel_metres)
    part = metres / (width * pixel_metres)
    for unit, size in (("km", 1000.0), ("m", 1.0)):
        if metres >= size:
            return ScaleBar(part, metres / size, unit)
    return ScaleBar(part, metres * 100, "cm")


def _round_down(length: float) -> float:
    """The largest of 1, 2, 5, 10, 20, … that is not larger; a power of ten that logarithms miss by a hair counts."""
    power = 10.0 ** math.floor(math.log10(length) + 1e-9)
    return max(digit * power for digit in (1, 2, 5) if digit == 1 or digit * power <= length * (1 + 1e-9))
