"""Dividing windows into training, validation and test parts: at random, or in spatial blocks.

Neighbouring windows share fields, roofs and the light of the day. A random split therefore tests on places that the network has
all but seen, and flatters; a blocked split keeps every two neighbours in one part.

Every draw is the order of SHA-256 digests of (seed, window), so a seed gives the same split on every platform, with every
NumPy, in whatever order a folder lists its files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.split_blocks import Arrangement, Unit, arrange, cut_blocks, find_conflicts
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Window

PARTS = ("train", "val", "test")
_ATTEMPTS = 16

Key = TypeVar("Key")


class WindowKey(NamedTuple):
    """Names a window of a data set: its scene, and the pixel at which it begins."""

    scene: str
    row: int
    col: int


@dataclass(frozen=True)
class BlockedSplit:
    """The result of :func:`blocked_split`.

    Attributes:
        parts: The windows of each part, scene by scene in the order given.
        dropped: Windows in the guard strips, which belong to no part.
    """

    parts: list[list[WindowKey]]
    dropped: list[WindowKey]


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


def random_split(keys: Sequence[Key], ratios: Sequence[float], seed: int) -> list[list[Key]]:
    """Divide things at random.

    Args:
        keys: What is divided: strings, or tuples of strings and numbers; no two alike.
        ratios: See :func:`split_sizes`.
        seed: Draws another split for each number.

    Returns:
        The parts: disjoint, together complete, of exactly the sizes that :func:`split_sizes` gives, each in the order of
        ``keys``.
    """
    position = {key: i for i, key in enumerate(keys)}
    drawn = shuffled(keys, seed)
    parts, begin = [], 0
    for size in split_sizes(len(keys), ratios):
        parts.append(sorted(drawn[begin : begin + size], key=position.__getitem__))
        begin += size
    return parts


def shuffled(keys: Sequence[Key], seed: int | str) -> list[Key]:
    """Put things in the random order that belongs to a seed, whatever order they come in."""

    def digest(key: Key) -> bytes:
        words = key if isinstance(key, tuple) else (key,)
        return hashlib.sha256("\0".join([str(seed), *map(str, words)]).encode()).digest()

    return sorted(keys, key=digest)


def blocked_split(
    windows: Mapping[str, Sequence[Window]],
    ratios: Sequence[float],
    seed: int,
    block: int | Literal["scene"] = "scene",
    stride: tuple[int, int] | None = None,
) -> BlockedSplit:
    """Divide windows so that no two neighbours are in different parts.

    Neighbours are two windows of one scene that overlap or touch, at a corner too; with a stride above their size, also those
    next to each other across the gap. Whole scenes, or blocks of ``block`` x ``block`` windows, go to the parts in a random
    order, always to the part that is furthest behind its share. Where two blocks of different parts meet, the windows of the
    later one that neighbour the earlier one are left out: a guard strip, one window wide where windows do not overlap. Of
    several orders the one that meets the ratios best is taken, and of those that meet them to half a percent, the one that
    leaves out fewest.

    Args:
        windows: The windows of each scene.
        ratios: See :func:`split_sizes`; met by the windows that are kept, as closely as whole blocks allow.
        seed: Draws another split for each number.
        block: ``'scene'``, or how many windows a block has in each direction.
        stride: Rows and columns from one window to the next; their size when it is not given.

    Returns:
        The parts and what was left out.

    Raises:
        DatasetError: When there are fewer scenes or blocks than parts, or a part would get no window.
    """
    if block != "scene" and (isinstance(block, bool) or not isinstance(block, int) or block < 1):
        raise DatasetError(f"The split's block is {block!r}; it can be 'scene', or a number of windows such as 8.")
    shares = [float(share) for share in exact_shares(ratios)]
    units = [unit for scene, placed in sorted(windows.items()) for unit in _units_of(scene, placed, block, stride)]
    wanted = sum(share > 0 for share in shares)
    if len(units) < wanted:
        raise DatasetError(
            f"A blocked split in {wanted} parts needs {wanted} {'scenes' if block == 'scene' else 'blocks'} or more, and there "
            f"{'is' if len(units) == 1 else 'are'} {len(units)}. " + _advice(block)
        )
    find_conflicts(units)
    orders = (shuffled(range(len(units)), f"{seed}/{attempt}") for attempt in range(_ATTEMPTS))
    best = min((arrange(units, order, shares) for order in orders), key=lambda arrangement: arrangement.loss(shares))
    if any(share > 0 and not kept for share, kept in zip(shares, best.sizes(len(shares)), strict=True)):
        raise DatasetError(f"No arrangement of the {len(units)} blocks leaves windows in every part. {_advice(block)}")
    return _gather(windows, units, best, len(shares))


def split_runs(
    windows: Mapping[str, Sequence[Window]],
    ratios: Sequence[float],
    seed: int,
    block: int | Literal["scene"],
    stride: tuple[int, int] | None = None,
) -> BlockedSplit:
    """Divide numbered patches of a larger, unknown scene so that no two with consecutive names are in different parts.

    Neighbours in number are often neighbours on the ground; more is not known. As :func:`blocked_split`, with runs of ``block``
    patches in the order of their names for blocks, and a guard of one patch.

    Args:
        windows: The windows of each patch; all of a patch go together.
        ratios: As for :func:`blocked_split`.
        seed: As for :func:`blocked_split`.
        block: How many patches a run has.
        stride: Not used; runs have no geometry.

    Returns:
        The parts and what was left out.

    Raises:
        DatasetError: As :func:`blocked_split`; and for ``block='scene'``, which would be a random split under another name.
    """
    if block == "scene":
        raise DatasetError(
            "The images of this data set are patches of larger scenes that their names do not tell, so block='scene' keeps no "
            "neighbours together. Take runs of patches in the order of their names: block=50."
        )
    names = sorted(windows)
    runs = blocked_split({"": [Window(place, 0, 1, 1) for place in range(len(names))]}, ratios, seed, block)
    of_patch = {name: [WindowKey(name, window.row, window.col) for window in windows[name]] for name in names}
    parts = [[key for run in part for key in of_patch[names[run.row]]] for part in runs.parts]
    return BlockedSplit(parts, [key for run in runs.dropped for key in of_patch[names[run.row]]])


def _units_of(scene: str, placed: Sequence[Window], block: int | str, stride: tuple[int, int] | None) -> list[Unit]:
    if not placed:
        return []
    corners = np.array([(window.row, window.col) for window in placed], dtype=np.int64)
    size = np.array([placed[0].height, placed[0].width])
    step = np.array(stride) if stride is not None else size
    if block == "scene":
        return [Unit(scene, np.arange(len(placed)), corners, reach=np.maximum(size, step))]
    return cut_blocks(scene, corners, step * int(block), reach=np.maximum(size, step))


def _gather(windows: Mapping[str, Sequence[Window]], units: list[Unit], best: Arrangement, count: int) -> BlockedSplit:
    part_of: dict[str, NDArray[np.int64]] = {scene: np.full(len(placed), -1, dtype=np.int64) for scene, placed in windows.items()}
    for unit, part, kept in zip(units, best.part, best.kept, strict=True):
        part_of[unit.scene][unit.members[kept]] = part
    parts: list[list[WindowKey]] = [[] for _ in range(count)]
    dropped: list[WindowKey] = []
    for scene, placed in windows.items():
        for window, part in zip(placed, part_of[scene].tolist(), strict=True):
            (dropped if part < 0 else parts[part]).append(WindowKey(scene, window.row, window.col))
    return BlockedSplit(parts, dropped)


def _advice(block: int | str) -> str:
    if block == "scene":
        return "Take blocks of windows inside the scenes (block=8), or a random split."
    return "Take smaller blocks, or a random split."
