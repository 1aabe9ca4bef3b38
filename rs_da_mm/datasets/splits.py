"""Dividing windows into training, validation and test parts: at random, or in spatial blocks.

Neighbouring windows share fields, roofs and the light of the day. A random split therefore tests on places that the network has
all but seen, and flatters; a blocked split keeps every two neighbours in one part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.split_arrangement import Pieces, best_arrangement
from rs_da_mm.datasets.split_blocks import Arrangement, Unit, arrange, cut_blocks, find_conflicts
from rs_da_mm.datasets.split_draws import PARTS, BlockedSplit, WindowKey, exact_shares, shuffled, split_sizes
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Window

__all__ = [
    "PARTS",
    "BlockedSplit",
    "WindowKey",
    "blocked_split",
    "exact_shares",
    "random_split",
    "shuffled",
    "split_runs",
    "split_sizes",
]

_ATTEMPTS = 16

Key = TypeVar("Key")
Pixels = Mapping[str, NDArray[np.int64]]


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


def blocked_split(
    windows: Mapping[str, Sequence[Window]],
    ratios: Sequence[float],
    seed: int,
    block: int | Literal["scene"] = "scene",
    stride: tuple[int, int] | None = None,
    pixels: Pixels | None = None,
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
        pixels: Per scene ``(windows, classes)`` pixels of each class, for parts that are to be alike in classes too; see
            :func:`~rs_da_mm.datasets.split_arrangement.best_arrangement`.

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
    if pixels is None:
        orders = (shuffled(range(len(units)), f"{seed}/{attempt}") for attempt in range(_ATTEMPTS))
        best = min((arrange(units, order, shares) for order in orders), key=lambda arrangement: arrangement.loss(shares))
    else:
        best = _arrange_alike(units, pixels, shares, seed)
    if any(share > 0 and not kept for share, kept in zip(shares, best.sizes(len(shares)), strict=True)):
        raise DatasetError(f"No arrangement of the {len(units)} blocks leaves windows in every part. {_advice(block)}")
    return _gather(windows, units, best, len(shares))


def split_runs(
    windows: Mapping[str, Sequence[Window]],
    ratios: Sequence[float],
    seed: int,
    block: int | Literal["scene"],
    stride: tuple[int, int] | None = None,
    pixels: Pixels | None = None,
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
        pixels: As for :func:`blocked_split`.

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
    of_runs = None if pixels is None else {"": np.stack([pixels[name].sum(axis=0) for name in names])}
    places = [Window(place, 0, 1, 1) for place in range(len(names))]
    runs = blocked_split({"": places}, ratios, seed, block, pixels=of_runs)
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


def _arrange_alike(units: list[Unit], pixels: Pixels, shares: list[float], seed: int) -> Arrangement:
    """Arrange units so that the classes of the parts are alike."""
    counts = [len(unit.members) for unit in units]
    first = np.cumsum([0, *counts])
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    for place, unit in enumerate(units):
        for other, neighbours in unit.conflicts.items():
            if other > place:
                pairs.append(np.argwhere(neighbours) + first[[place, other]])
    pieces = Pieces(
        np.repeat(np.arange(len(units)), counts),
        np.ones(int(first[-1]), dtype=np.int64),
        np.concatenate(pairs),
        np.concatenate([pixels[unit.scene][unit.members] for unit in units]),
    )
    part = np.split(best_arrangement(pieces, shares, seed), first[1:-1])
    return Arrangement([int(one.max()) for one in part], [one >= 0 for one in part])


def _gather(windows: Mapping[str, Sequence[Window]], units: list[Unit], best: Arrangement, count: int) -> BlockedSplit:
    part_of: dict[str, NDArray[np.int64]] = {scene: np.full(len(placed), -1, dtype=np.int64) for scene, placed in windows.items()}
    for unit, part, kept in zip(units, best.part, best.kept, strict=True):
        part_of[unit.scene][unit.members[kept]] = part
    return BlockedSplit.gather(windows, {scene: part.tolist() for scene, part in part_of.items()}, count)


def _advice(block: int | str) -> str:
    if block == "scene":
        return "Take blocks of windows inside the scenes (block=8), or a random split."
    return "Take smaller blocks, or a random split."
