"""Blocks of windows and how they go to parts, with guard strips between blocks of different parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass
class Unit:
    """Windows of one scene that go to one part together.

    Attributes:
        scene: The scene.
        members: ``(n,)`` places of the windows in the scene's list.
        corners: ``(n, 2)`` row and column at which each begins, in pixels.
        reach: ``(2,)`` two windows are neighbours when their corners lie no further apart than this in both directions.
        conflicts: For each unit that has neighbours of this one's windows, by its place in the list of all units: ``(n, m)``,
            true where this one's window is a neighbour of that one's.
    """

    scene: str
    members: Indices
    corners: Indices
    reach: Indices
    conflicts: dict[int, Mask] = field(default_factory=dict)


@dataclass(frozen=True)
class Arrangement:
    """Which part each unit went to, and which of its windows stay.

    Attributes:
        part: Part of each unit.
        kept: ``(n,)`` per unit, false for windows left out as guard.
    """

    part: list[int]
    kept: list[Mask]

    def sizes(self, parts: int) -> list[int]:
        """Windows kept in each part."""
        sizes = [0] * parts
        for part, kept in zip(self.part, self.kept, strict=True):
            sizes[part] += int(kept.sum())
        return sizes

    def loss(self, shares: Sequence[float]) -> tuple[int, int, int]:
        """Order arrangements from good to bad: empty parts, distance from the shares in half percents, windows left out."""
        sizes = np.array(self.sizes(len(shares)))
        empty = int(((sizes == 0) & (np.array(shares) > 0)).sum())
        off = float(np.abs(sizes / max(int(sizes.sum()), 1) - np.array(shares)).max())
        lost = sum(int((~kept).sum()) for kept in self.kept)
        return empty, int(off / 0.005), lost


def cut_blocks(scene: str, corners: Indices, extent: Indices, reach: Indices) -> list[Unit]:
    """Cut the windows of a scene into blocks.

    Args:
        scene: The scene.
        corners: ``(n, 2)`` row and column at which each window begins.
        extent: ``(2,)`` rows and columns of a block, in pixels; a window belongs to the block in which it begins.
        reach: See :class:`Unit`.

    Returns:
        The blocks that have windows, row by row, without their conflicts.
    """
    blocks, block_of = np.unique(corners // extent, axis=0, return_inverse=True)
    block_of = block_of.reshape(-1)  # NumPy 2.0 gives it another shape than 1.26 and 2.1
    members = [np.nonzero(block_of == block)[0] for block in range(len(blocks))]
    return [Unit(scene, chosen, corners[chosen], reach) for chosen in members]


def find_conflicts(units: Sequence[Unit]) -> None:
    """Note in every unit which of its windows are neighbours of windows of other units of the same scene."""
    by_scene: dict[str, list[int]] = {}
    for place, unit in enumerate(units):
        by_scene.setdefault(unit.scene, []).append(place)
    for places in by_scene.values():
        low = np.array([units[place].corners.min(axis=0) for place in places])
        high = np.array([units[place].corners.max(axis=0) for place in places])
        for i, place in enumerate(places):
            one = units[place]
            near = ((low[i + 1 :] <= high[i] + one.reach) & (low[i] <= high[i + 1 :] + one.reach)).all(axis=1)
            for j in np.nonzero(near)[0]:
                other_place = places[i + 1 + int(j)]
                other = units[other_place]
                apart = np.abs(one.corners[:, None] - other.corners[None])
                neighbours = (apart <= one.reach).all(axis=2)
                if neighbours.any():
                    one.conflicts[other_place] = neighbours
                    other.conflicts[place] = neighbours.T


def arrange(units: Sequence[Unit], order: Sequence[int], shares: Sequence[float]) -> Arrangement:
    """Hand units to parts, one after the other.

    The first units go to one part each, so that none stays empty; every further one goes to the part that is furthest behind. A
    unit gives up its windows that neighbour a window of another part which is already placed.

    Args:
        units: All units, their conflicts found.
        order: In which order they are placed.
        shares: Share of each part, 0 to 1.

    Returns:
        The arrangement.
    """
    part = [-1] * len(units)
    kept = [np.ones(len(unit.members), dtype=np.bool_) for unit in units]
    sizes = np.zeros(len(shares))
    wanted = np.array(shares)
    waiting = [index for index, share in enumerate(shares) if share > 0]
    for place in order:
        behind = np.full(len(shares), np.inf)
        np.divide(sizes, wanted, out=behind, where=wanted > 0)
        # Of parts that are equally far behind, the one with the larger share comes first.
        chosen = waiting.pop(0) if waiting else int(np.lexsort((-wanted, behind))[0])
        for other, neighbours in units[place].conflicts.items():
            if part[other] not in (-1, chosen):
                kept[place] &= ~neighbours[:, kept[other]].any(axis=1)
        part[place] = chosen
        sizes[chosen] += int(kept[place].sum())
    return Arrangement(part, kept)
