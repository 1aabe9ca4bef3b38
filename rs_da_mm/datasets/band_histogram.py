"""Mean, spread and percentiles of a band in one pass over its pixels."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class BandHistogram(Protocol):
    """Takes in pixels batch by batch, and then answers questions about all of them."""

    def add(self, values: NDArray[Any]) -> None:
        """Take in the values of some pixels, ``(n,)``."""

    @property
    def count(self) -> int:
        """How many there were."""

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation (of the pixels themselves: divided by n); NaN when there were none."""

    def extremes(self) -> tuple[float, float]:
        """Smallest and largest value; NaN when there were none."""

    def percentile(self, percent: float) -> float:
        """The value below which ``percent`` of the pixels lie, 0 to 100, between two of them by linear interpolation."""


def make_histogram(dtype: np.dtype[Any]) -> BandHistogram:
    """Choose what counts the values of a dtype: exactly for integers of 8 and 16 bit, else to half a thousandth."""
    exact = dtype.kind in "iu" and dtype.itemsize <= 2
    return IntegerHistogram(dtype) if exact else FloatHistogram()


class IntegerHistogram:
    """Counts every value, so that everything that follows from the counts is exact.

    Args:
        dtype: An integer dtype of 8 or 16 bit.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        limits = np.iinfo(dtype)
        self._lowest = int(limits.min)
        self._counts = np.zeros(int(limits.max) - int(limits.min) + 1, dtype=np.int64)

    def add(self, values: NDArray[Any]) -> None:
        """Take in the values of some pixels, ``(n,)``."""
        self._counts += np.bincount(values.astype(np.int64) - self._lowest, minlength=len(self._counts))

    @property
    def count(self) -> int:
        """How many there were."""
        return int(self._counts.sum())

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation, from sums of whole numbers that cannot overflow."""
        count = self.count
        if count == 0:
            return math.nan, math.nan
        places = np.nonzero(self._counts)[0].tolist()
        weights = [(place + self._lowest, int(self._counts[place])) for place in places]
        total = sum(value * pixels for value, pixels in weights)
        squares = sum(value * value * pixels for value, pixels in weights)
        return total / count, math.sqrt((count * squares - total * total) / count**2)

    def extremes(self) -> tuple[float, float]:
        """Smallest and largest value; NaN when there were none."""
        places = np.nonzero(self._counts)[0]
        if len(places) == 0:
            return math.nan, math.nan
        return float(places[0] + self._lowest), float(places[-1] + self._lowest)

    def percentile(self, percent: float) -> float:
        """As ``numpy.percentile`` over all pixels at once."""
        count = self.count
        if count == 0:
            return math.nan
        position = percent / 100 * (count - 1)
        below = math.floor(position)
        ranks = np.searchsorted(np.cumsum(self._counts), [below, min(below + 1, count - 1)], side="right")
        low, high = (int(rank) + self._lowest for rank in ranks)
        return low + (high - low) * (position - below)


class FloatHistogram:
    """Counts values in bins that are 1/2048 of them wide, for floating-point and 32-bit data of any range.

    A bin holds all values whose sign, exponent and first 11 bits of mantissa agree in float32. Mean and standard deviation come
    from the values themselves, in float64; percentiles are off by less than 0.05 % of their value.
    """

    _DROPPED_BITS = 12

    def __init__(self) -> None:
        self._counts = np.zeros(1 << (32 - self._DROPPED_BITS), dtype=np.int64)
        self._count, self._mean, self._squares = 0, 0.0, 0.0
        self._low, self._high = math.inf, -math.inf

    def add(self, values: NDArray[Any]) -> None:
        """Take in the values of some pixels, ``(n,)``."""
        exact = values.astype(np.float64)
        if len(exact) == 0:
            return
        # Chan, Golub and LeVeque's rule for joining two sets: stable where sums of squares are not.
        count, mean = len(exact), float(exact.mean())
        squares = float(np.square(exact - mean).sum())
        total, shift = self._count + count, mean - self._mean
        self._squares += squares + shift * shift * self._count * count / total
        self._mean += shift * count / total
        self._count = total
        self._low, self._high = min(self._low, float(exact.min())), max(self._high, float(exact.max()))
        self._counts += np.bincount(_order_key(exact) >> self._DROPPED_BITS, minlength=len(self._counts))

    @property
    def count(self) -> int:
        """How many there were."""
        return self._count

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation; NaN when there were none."""
        if self._count == 0:
            return math.nan, math.nan
        return self._mean, math.sqrt(self._squares / self._count)

    def extremes(self) -> tuple[float, float]:
        """Smallest and largest value; NaN when there were none."""
        return (self._low, self._high) if self._count else (math.nan, math.nan)

    def percentile(self, percent: float) -> float:
        """The value at a percentile, to 1/2048 of it."""
        if self._count == 0:
            return math.nan
        position = percent / 100 * (self._count - 1)
        ends = np.cumsum(self._counts)
        place = int(np.searchsorted(ends, position, side="right"))
        inside = (position - (int(ends[place]) - int(self._counts[place])) + 0.5) / int(self._counts[place])
        low, high = (_from_order_key((place + step) << self._DROPPED_BITS) for step in (0, 1))
        return min(max(low + (high - low) * min(inside, 1.0), self._low), self._high)


def _order_key(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Numbers of 32 bit that sort as the float32 values do."""
    limit = float(np.finfo(np.float32).max)
    bits = np.clip(values, -limit, limit).astype(np.float32).view(np.uint32)
    negative = bits >> 31 == 1
    return np.where(negative, ~bits, bits | np.uint32(1 << 31)).astype(np.int64)


def _from_order_key(key: int) -> float:
    key = min(key, (1 << 32) - 1)
    bits = key & 0x7FFFFFFF if key >> 31 else ~key & 0xFFFFFFFF
    value = float(np.array(bits, dtype=np.uint32).view(np.float32))
    return value if math.isfinite(value) else math.copysign(float(np.finfo(np.float32).max), value)
