"""Dividing windows by where they lie on the ground, over the borders of scenes, zones and dates.

Blocks in metres go to the parts with everything that lies in them: the same field in two scenes, in the overlap of two UTM zones,
or at ten dates is in one part. Between blocks of different parts windows are left out until no two are nearer than promised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.footprints import Footprints, footprints
from rs_da_mm.datasets.near_windows import near_pairs
from rs_da_mm.datasets.split_arrangement import Pieces, best_arrangement
from rs_da_mm.datasets.split_draws import BlockedSplit, exact_shares
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Window
from rs_da_mm.raster.ground_plane import Placement

_EDGES = (16, 8, 4, 2)
"""Windows along the side of a block that are tried, from the largest, when none is asked for."""
_BLOCKS = 5
"""Blocks that the smallest part should have at least."""
_GAPS = 4
"""Gaps that a block is wide at least when none is asked for: of narrower ones little would be left."""


def ground_split(
    windows: Mapping[str, Sequence[Window]],
    placements: Mapping[str, Placement],
    ratios: Sequence[float],
    seed: int,
    block: float | None = None,
    gap: float | None = None,
    pixels: Mapping[str, NDArray[np.int64]] | None = None,
) -> BlockedSplit:
    """Divide windows by where they lie.

    Square blocks of ground go to the parts in a random order, always to the part that is furthest behind its share; a window
    belongs to the block in which its middle lies. Where blocks of different parts meet, the later one gives up windows until
    none is nearer than ``gap`` to the earlier one's. The result does not depend on the order of scenes.

    Args:
        windows: The windows of each scene.
        placements: Where each scene lies.
        ratios: Share of each part, to any total; met by the windows that are kept, as closely as whole blocks allow.
        seed: Draws another split for each number.
        block: Metres along the side of a block. By default 16 windows, fewer where that would make fewer than five blocks for
            the smallest part, but at least four gaps.
        gap: Metres between the nearest points of windows in different parts, at least. By default they do not touch. (Windows
            touch when they overlap, or lie nearer than half a pixel.)
        pixels: Per scene ``(windows, classes)`` pixels of each class, for parts that are to be alike in classes too.

    Returns:
        The parts, what was left out, and as notes ``block`` and ``gap`` in metres and the number of ``blocks``.

    Raises:
        DatasetError: When there are fewer blocks than parts, a part would get no window, or a scene has no place on the ground.
    """
    shares = [float(share) for share in exact_shares(ratios)]
    prints = footprints(windows, placements, gap or 0.0)
    if not len(prints):
        raise DatasetError("There are no windows to split.")
    side = _default_block(prints, min(share for share in shares if share > 0), gap) if block is None else block
    unit = _cut(prints, side)
    part_of = divide(windows, prints, unit, shares, seed, gap or 0.0, pixels)
    blocks, wanted = int(unit.max()) + 1, sum(share > 0 for share in shares)
    if part_of is None:
        raise DatasetError(
            f"The windows lie in {blocks} blocks of {side:,.0f} m, and no arrangement of them leaves windows in each of "
            f"{wanted} parts" + (f" that are {gap:,.0f} m apart" if gap else "") + ". Take smaller blocks (block=… metres)"
            f"{', a smaller gap,' if gap else ''} or fewer parts."
        )
    split = BlockedSplit.gather(windows, part_of, len(shares))
    return BlockedSplit(split.parts, split.dropped, {"block": round(side, 1), "gap": gap or 0, "blocks": blocks})


def group_split(
    windows: Mapping[str, Sequence[Window]],
    groups: Mapping[str, str],
    ratios: Sequence[float],
    seed: int,
    pixels: Mapping[str, NDArray[np.int64]] | None = None,
    placements: Mapping[str, Placement] | None = None,
    gap: float | None = None,
) -> BlockedSplit:
    """Divide windows by the group that their scene belongs to, such as a city or a year.

    Args:
        windows: The windows of each scene.
        groups: The group of each scene.
        ratios: As for :func:`ground_split`, met as closely as whole groups allow.
        seed: As for :func:`ground_split`.
        pixels: As for :func:`ground_split`.
        placements: Where each scene lies; needed with a ``gap``.
        gap: As for :func:`ground_split`; by default groups may touch, as two dates of one place do.

    Returns:
        The parts, what was left out, and as notes the groups of each part.

    Raises:
        DatasetError: When there are fewer groups than parts, or a part would get no window.
    """
    shares = [float(share) for share in exact_shares(ratios)]
    names = sorted({groups[scene] for scene, placed in windows.items() if placed})
    number = {name: place for place, name in enumerate(names)}
    scenes = [scene for scene in sorted(windows) if windows[scene]]
    unit = np.repeat([number[groups[scene]] for scene in scenes], [len(windows[scene]) for scene in scenes]).astype(np.int64)
    prints = None if gap is None or placements is None else footprints(windows, placements, gap)
    part_of = divide(windows, prints, unit, shares, seed, gap or 0.0, pixels)
    if part_of is None:
        wanted = sum(share > 0 for share in shares)
        raise DatasetError(
            f"{len(names)} groups ({', '.join(names[:5])}{', …' if len(names) > 5 else ''}) do not make {wanted} parts with "
            "windows in each. Split by something that the scenes differ more in, or take fewer parts."
        )
    split = BlockedSplit.gather(windows, part_of, len(shares))
    homes = [sorted({groups[key.scene] for key in part}) for part in split.parts]
    return BlockedSplit(split.parts, split.dropped, {"groups": homes, "gap": gap or 0})


def divide(
    windows: Mapping[str, Sequence[Window]],
    prints: Footprints | None,
    unit: NDArray[np.int64],
    shares: Sequence[float],
    seed: int,
    gap: float,
    pixels: Mapping[str, NDArray[np.int64]] | None,
) -> dict[str, list[int]] | None:
    """Arrange units of windows so that parts keep their distance.

    Args:
        windows: The windows of each scene.
        prints: Where they lie, scenes in alphabetical order; ``None`` where units may touch.
        unit: ``(n,)`` unit of each, in the same order.
        shares: Share of each part, 0 to 1.
        seed: Draws another arrangement for each number.
        gap: Metres between parts.
        pixels: Per scene ``(windows, classes)`` pixels of each class, or ``None``.

    Returns:
        Part of each window by scene, -1 for those left out; ``None`` when a part would stay empty.
    """
    scenes = [scene for scene in sorted(windows) if windows[scene]]
    first = site = np.arange(len(unit))
    pairs = np.zeros((0, 2), dtype=np.int64)
    if prints is not None:
        first, site = prints.sites(unit)
        pairs = near_pairs(prints.take(first), gap, unit[first])
    held = None
    if pixels is not None:
        every = np.concatenate([pixels[scene] for scene in scenes])
        held = np.zeros((len(first), every.shape[1]), dtype=np.int64)
        np.add.at(held, site, every)
    pieces = Pieces(unit[first], np.bincount(site, minlength=len(first)), pairs, held)
    part = best_arrangement(pieces, shares, seed)[site]
    if any(share > 0 and not (part == index).any() for index, share in enumerate(shares)):
        return None
    ends = np.cumsum([len(windows[scene]) for scene in scenes])
    found = {scene: one.tolist() for scene, one in zip(scenes, np.split(part, ends[:-1]), strict=True)}
    return {scene: found.get(scene, []) for scene in windows}


def _cut(prints: Footprints, side: float) -> NDArray[np.int64]:
    """Number of the block of each window; blocks are counted plane by plane."""
    # Blocks begin half a window before the first middle, so that on a grid no middle lies on the border of two blocks.
    half = float(np.median(prints.edges)) / 2
    cell = np.zeros((len(prints), 2), dtype=np.int64)
    for place in range(int(prints.place.max()) + 1):
        here = prints.place == place
        along = prints.centres[here] @ _turn(prints.quads[here])
        cell[here] = np.floor((along - along.min(axis=0) + half) / side)
    _, unit = np.unique(np.column_stack([prints.place, cell]), axis=0, return_inverse=True)
    return unit.reshape(-1)


def _turn(quads: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(2, 2)`` turns the plane so that its axes run along most windows' sides: less is cut off at the borders of blocks."""
    side = quads[:, 1] - quads[:, 0]
    # Four times the angle is the same for all sides of a rectangle, whichever comes first.
    angle = float(np.angle(np.exp(4j * np.arctan2(side[:, 1], side[:, 0])).sum())) / 4
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _default_block(prints: Footprints, smallest: float, gap: float | None) -> float:
    edge, least = float(np.median(prints.edges)), _GAPS * (gap or 0.0)
    sides = [max(count * edge, least) for count in _EDGES]
    return next((side for side in sides if (_cut(prints, side).max() + 1) * smallest >= _BLOCKS), sides[-1])
