"""What all ways of splitting share: names of windows, sizes of parts, and the order that belongs to a seed.

Every draw is the order of SHA-256 digests of (seed, window), so a seed gives the same split on every platform, with every
NumPy, in whatever order a folder lists its files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple, TypeVar

from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Window

PARTS = ("train", "val", "test")

Key = TypeVar("Key")


class WindowKey(NamedTuple):
    """Names a window of a data set: its scene, and the pixel at which it begins."""

    scene: str
    row: int
    col: int


@dataclass(frozen=True)
class BlockedSplit:
    """Windows divided so that those which belong together are in one part.

    Attributes:
        parts: The windows of each part, scene by scene in the order given.
        dropped: Windows in the guard strips, which belong to no part.
        notes: What was chosen on the way, by name, as it goes into the split's file.
    """

    parts: list[list[WindowKey]]
    dropped: list[WindowKey]
    notes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def gather(cls, windows: Mapping[str, Sequence[Window]], part_of: Mapping[str, Sequence[int]], parts: int) -> BlockedSplit:
        """Sort windows by their part.

        Args:
            windows: The windows of each scene.
            part_of: Part of each of them, by scene, -1 for those left out.
            parts: How many parts there are.
        """
        found: list[list[WindowKey]] = [[] for _ in range(parts + 1)]
        for scene, placed in windows.items():
            for window, part in zip(placed, part_of[scene], strict=True):
                found[part].append(WindowKey(scene, window.row, window.col))
        return cls(found[:parts], found[parts])


def split_sizes(count: int, ratios: Sequence[float]) -> list[int]:
    """Divide a number of things in given ratios, by largest remainder.

    Args:
        count: How many things there are.
        ratios: Positive or zero, to any total: ``(0.6, 0.2, 0.2)`` and ``(4, 1, 1)``. Read as the decimal fractions that they are
            written as, so 10,920 windows at 60/20/20 are 6552, 2184 and 2184.

    Returns:
        The size of each part; they add up to ``count``.

    Raises:
        DatasetError: When a ratio is negative or all are 0.
    """
    shares = exact_shares(ratios)
    exact = [share * count for share in shares]
    sizes = [int(part) for part in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda i: (sizes[i] - exact[i], i))
    for i in by_remainder[: count - sum(sizes)]:
        sizes[i] += 1
    return sizes


def exact_shares(ratios: Sequence[float]) -> list[Fraction]:
    """Ratios as fractions that add up to 1; raises :class:`DatasetError` for negative ones or a total of 0."""
    try:
        fractions = [Fraction(str(ratio)) for ratio in ratios]
    except ValueError:
        fractions = []
    if not fractions or min(fractions) < 0 or sum(fractions) == 0:
        raise DatasetError(
            f"The split's ratios are {list(ratios)}; give numbers of 0 or more, such as (0.6, 0.2, 0.2) or (4, 1, 1)."
        )
    total = sum(fractions)
    return [fraction / total for fraction in fractions]


def shuffled(keys: Sequence[Key], seed: int | str) -> list[Key]:
    """Put things in the random order that belongs to a seed, whatever order they come in."""

    def digest(key: Key) -> bytes:
        words = key if isinstance(key, tuple) else (key,)
        return hashlib.sha256("\0".join([str(seed), *map(str, words)]).encode()).digest()

    return sorted(keys, key=digest)
