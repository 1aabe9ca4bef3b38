"""How far windows lie apart on the ground, and which of them are near each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.footprints import Footprints
from rs_da_mm.raster.ground_plane import GroundPlane

_AT_ONCE = 1 << 18

Pairs = NDArray[np.int64]


def quad_distances(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measure how far convex quadrilaterals lie apart.

    Args:
        one: ``(n, 4, 2)`` corners, going round.
        other: Likewise.

    Returns:
        ``(n,)`` the distance between the nearest points of each two; 0 where they touch or overlap.
    """
    apart = np.minimum(_to_sides(one, other), _to_sides(other, one))
    return np.where(_overlap(one, other), 0.0, apart)


def window_distances(prints: Footprints, one: Pairs, other: Pairs) -> NDArray[np.float64]:
    """Measure how far windows of one place lie apart at least.

    Args:
        prints: Where the windows lie.
        one: ``(n,)`` windows.
        other: ``(n,)`` windows that share the plane of the first.

    Returns:
        ``(n,)`` metres on the ground; where the plane stretches lengths, what is left when that is taken back.
    """
    found = np.empty(len(one))
    for begin in range(0, len(one), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        a, b = prints.quads[one[part]], prints.quads[other[part]]
        shrinking = np.minimum(GroundPlane.shrinking(a).min(axis=1), GroundPlane.shrinking(b).min(axis=1))
        found[part] = quad_distances(a, b) * shrinking
    return found


def near_pairs(prints: Footprints, limit: float, group: NDArray[np.int64], touching: float = 0.5) -> Pairs:
    """Find windows of different groups that lie near each other.

    Args:
        prints: Where the windows lie.
        limit: Windows nearer than this (metres) are near.
        group: ``(n,)`` the group of each window; pairs within one are not looked at.
        touching: Windows that lie nearer than this part of the coarser one's pixel touch, and are near in any case.

    Returns:
        ``(m, 2)`` pairs, the smaller number first.
    """
    if not len(prints):
        return np.zeros((0, 2), dtype=np.int64)
    centres, radii, pixel = prints.centres, prints.radii, prints.pixel
    least = max(limit, touching * float(pixel.max()))
    shrinking = float(GroundPlane.shrinking(prints.quads).min())
    # In the plane nothing looks nearer than cos (c / 2) times what it is.
    reach = 2 * float(radii.max()) + least / max(shrinking, 0.1)
    found = []
    for one, other in _neighbours(prints.place, centres, reach):
        near = group[one] != group[other]
        one, other = one[near], other[near]
        apart = np.linalg.norm(centres[one] - centres[other], axis=1)
        close = apart - radii[one] - radii[other] <= least / max(shrinking, 0.1)
        one, other = one[close], other[close]
        limits = np.maximum(limit, touching * np.maximum(pixel[one], pixel[other]))
        near = window_distances(prints, one, other) < limits
        found.append(np.sort(np.stack([one[near], other[near]], axis=1), axis=1))
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _neighbours(place: NDArray[np.int64], centres: NDArray[np.float64], reach: float) -> Iterator[tuple[Pairs, Pairs]]:
    """All pairs in the same or in adjacent cells of ``reach`` metres, each once, some at a time."""
    low = np.floor(centres / reach).astype(np.int64)
    low -= low.min(axis=0)
    rows = int(low[:, 1].max()) + 3  # one free row and column around, so that no neighbour is another place's
    cols = int(low[:, 0].max()) + 3
    cell = (place * cols + low[:, 0] + 1) * rows + low[:, 1] + 1
    order = np.argsort(cell, kind="stable")
    cells, begins, counts = np.unique(cell[order], return_index=True, return_counts=True)
    for step in (0, 1, rows - 1, rows, rows + 1):
        at = np.searchsorted(cells, cells + step)
        there = np.nonzero((at < len(cells)) & (cells[np.minimum(at, len(cells) - 1)] == cells + step))[0]
        yield from _products(order, begins, counts, there, at[there], same=step == 0)


def _products(
    order: Pairs, begins: Pairs, counts: Pairs, cells: Pairs, others: Pairs, same: bool
) -> Iterator[tuple[Pairs, Pairs]]:
    """Every member of each cell with every one of the other cell, some 10^5 pairs at a time."""
    total = counts[cells] * counts[others]
    ends = np.cumsum(total)
    for begin in range(0, int(ends[-1]) if len(ends) else 0, _AT_ONCE):
        flat = np.arange(begin, min(begin + _AT_ONCE, int(ends[-1])))
        which = np.searchsorted(ends, flat, side="right")
        within = flat - (ends - total)[which]
        some, there = cells[which], others[which]
        one, other = begins[some] + within // counts[there], begins[there] + within % counts[there]
        keep = one < other if same else slice(None)
        yield order[one[keep]], order[other[keep]]


def _overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Two convex figures are apart exactly when their shadows on a line across one of their sides are."""
    overlap = np.ones(len(one), dtype=np.bool_)
    for quads in (one, other):
        sides = np.roll(quads, -1, axis=1) - quads
        across = np.stack([-sides[..., 1], sides[..., 0]], axis=-1)
        a, b = (np.einsum("nsk,nck->nsc", across, corners) for corners in (one, other))
        apart = (a.max(axis=2) < b.min(axis=2)) | (b.max(axis=2) < a.min(axis=2))
        overlap &= ~apart.any(axis=1)
    return overlap


def _to_sides(corners: NDArray[np.float64], quads: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(n,)`` distance from the nearest corner to the sides of the other quadrilateral."""
    starts = quads[:, None]
    sides = np.roll(quads, -1, axis=1)[:, None] - starts
    away = corners[:, :, None] - starts
    square = (sides**2).sum(axis=-1)
    along = np.divide((away * sides).sum(axis=-1), square, out=np.zeros(away.shape[:3]), where=square > 0)
    nearest: NDArray[np.float64] = away - np.clip(along, 0, 1)[..., None] * sides
    apart: NDArray[np.float64] = np.sqrt((nearest**2).sum(axis=-1).min(axis=(1, 2)))
    return apart
