"""How pieces of ground go to parts when some of them must not be in different ones, and how even the classes come out.

As :mod:`rs_da_mm.datasets.split_blocks`, for pieces that lie anywhere: which of them are too near each other is given as pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.split_draws import shuffled

ATTEMPTS = 16
"""Orders that are tried."""
STRATIFIED_ATTEMPTS = 64
"""Orders that are tried where classes count too."""

_EVEN = 0.005
_EVEN_ENOUGH = 0.02


@dataclass(frozen=True)
class Pieces:
    """What goes to parts.

    Attributes:
        unit: ``(n,)`` the unit of each piece, counted from 0; pieces of a unit go to one part, or are left out.
        weight: ``(n,)`` how many windows each piece has.
        pairs: ``(m, 2)`` pieces of different units that must not be in different parts.
        pixels: ``(n, classes)`` pixels of each class, where classes are to come out alike; ``None`` where only sizes count.
    """

    unit: NDArray[np.int64]
    weight: NDArray[np.int64]
    pairs: NDArray[np.int64]
    pixels: NDArray[np.int64] | None = None

    @property
    def units(self) -> int:
        """How many units there are."""
        return int(self.unit.max()) + 1 if len(self.unit) else 0


def best_arrangement(pieces: Pieces, shares: Sequence[float], seed: int) -> NDArray[np.int64]:
    """Try several orders in which units go to parts, and take the best.

    The first units go to one part each, every further one to the part that is furthest behind its share; where classes count, to
    the part that lacks most of what the unit holds. A unit gives up its pieces that must not meet those of another part which
    are already placed. Best is, in this order: no part is empty; each class is in every part; the ratios are met (to half a
    percent, or to 2 where classes count); the classes' shares are alike; fewest windows are left out.

    Args:
        pieces: What goes to parts.
        shares: Share of each part, 0 to 1.
        seed: Draws another arrangement for each number.

    Returns:
        ``(n,)`` the part of each piece, -1 for those left out.
    """
    wanted = np.array(shares, dtype=np.float64)
    neighbours = _Neighbours(len(pieces.unit), pieces.pairs)
    members = _members(pieces)
    attempts = ATTEMPTS if pieces.pixels is None else STRATIFIED_ATTEMPTS
    orders = (shuffled(range(pieces.units), f"{seed}/{attempt}") for attempt in range(attempts))
    tried = (_arrange(pieces, members, neighbours, order, wanted) for order in orders)
    return min(tried, key=lambda part: _loss(pieces, part, wanted))


def class_spread(pixels: NDArray[np.int64], part: NDArray[np.int64], shares: NDArray[np.float64]) -> tuple[int, float]:
    """Say how evenly classes went to parts.

    Args:
        pixels: ``(n, classes)`` pixels of each class in each piece.
        part: ``(n,)`` part of each piece, -1 for none.
        shares: ``(parts,)`` share of each part.

    Returns:
        How many times a class that occurs is missing in a part; and the mean over the classes of how far, in the worst part, the
        part's share of the class is from the part's share of everything (0 when all parts are the whole in small).
    """
    held = _sums(pixels, part, len(shares))
    total = held.sum(axis=0)
    occurs = pixels.sum(axis=0) > 0
    missing = int(((held == 0) & occurs & (shares > 0)[:, None]).sum())
    # A class of which nothing was kept is as far from its share as can be.
    portions = np.divide(held, total, out=np.zeros(held.shape), where=total > 0)
    off = np.abs(portions - shares[:, None]).max(axis=0)[occurs]
    return missing, float(off.mean()) if len(off) else 0.0


def _loss(pieces: Pieces, part: NDArray[np.int64], shares: NDArray[np.float64]) -> tuple[float, ...]:
    sizes = _sums(pieces.weight[:, None], part, len(shares))[:, 0]
    empty = int(((sizes == 0) & (shares > 0)).sum())
    off = float(np.abs(sizes / max(int(sizes.sum()), 1) - shares).max())
    lost = int(pieces.weight[part < 0].sum())
    if pieces.pixels is None:
        return empty, int(off / _EVEN), lost
    missing, spread = class_spread(pieces.pixels, part, shares)
    return empty, missing, int(off / _EVEN_ENOUGH), spread, lost


def _arrange(
    pieces: Pieces,
    members: Sequence[NDArray[np.int64]],
    neighbours: _Neighbours,
    order: Sequence[int],
    shares: NDArray[np.float64],
) -> NDArray[np.int64]:
    part = np.full(len(pieces.unit), -1, dtype=np.int64)
    barred = np.zeros((len(pieces.unit), len(shares)), dtype=np.bool_)  # a neighbour is in this part
    sizes = np.zeros(len(shares))
    brings = None if pieces.pixels is None else _portions(pieces.pixels, pieces.weight)
    held = np.zeros((len(shares), 0 if brings is None else brings.shape[1]))
    waiting = [index for index, share in enumerate(shares) if share > 0]
    for unit in order:
        mine = members[unit]
        if waiting:
            chosen = waiting.pop(0)
        elif brings is None:
            chosen = _furthest_behind(sizes, shares)
        else:
            chosen = _most_in_need(held, brings[mine].sum(axis=0), shares)
        others = np.delete(barred[mine], chosen, axis=1)
        kept = mine[~others.any(axis=1)]
        part[kept] = chosen
        barred[neighbours.of(kept), chosen] = True
        sizes[chosen] += pieces.weight[kept].sum()
        if brings is not None:
            held[chosen] += brings[kept].sum(axis=0)
    return part


def _furthest_behind(sizes: NDArray[np.float64], shares: NDArray[np.float64]) -> int:
    """Of parts that are equally far behind, the one with the larger share comes first."""
    behind = np.full(len(shares), np.inf)
    np.divide(sizes, shares, out=behind, where=shares > 0)
    return int(np.lexsort((-shares, behind))[0])


def _most_in_need(held: NDArray[np.float64], brings: NDArray[np.float64], shares: NDArray[np.float64]) -> int:
    """The part in which a unit takes most off the squared distance of what each part holds from its share of what all hold.

    The last column is the portion of all windows; it weighs as much as all classes together, so that the ratios hold.
    """
    need = (shares[:, None] * (held.sum(axis=0) + brings) - held) * brings
    need[:, -1] *= max(need.shape[1] - 1, 1)
    return int(np.argmax(np.where(shares > 0, need.sum(axis=1), -np.inf)))


def _portions(pixels: NDArray[np.int64], weight: NDArray[np.int64]) -> NDArray[np.float64]:
    """Each piece's portion of each class, so that a rare class weighs as much as a frequent one, and of all windows."""
    columns = np.concatenate([pixels, weight[:, None]], axis=1)
    total = columns.sum(axis=0)
    return np.divide(columns, total, out=np.zeros(columns.shape), where=total > 0)


def _sums(values: NDArray[np.int64], part: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """``(parts, columns)`` sums over the pieces of each part."""
    return np.stack([values[part == number].sum(axis=0) for number in range(parts)])


def _members(pieces: Pieces) -> list[NDArray[np.int64]]:
    order = np.argsort(pieces.unit, kind="stable")
    return np.split(order, np.cumsum(np.bincount(pieces.unit, minlength=pieces.units))[:-1])


class _Neighbours:
    """Pairs, to be asked for all partners of some pieces."""

    def __init__(self, count: int, pairs: NDArray[np.int64]) -> None:
        both = np.concatenate([pairs, pairs[:, ::-1]])
        order = np.argsort(both[:, 0], kind="stable")
        self._partners = both[order, 1]
        self._begins = np.searchsorted(both[order, 0], np.arange(count + 1))

    def of(self, pieces: NDArray[np.int64]) -> NDArray[np.int64]:
        """The partners of pieces, some perhaps more than once."""
        begins, counts = self._begins[pieces], self._begins[pieces + 1] - self._begins[pieces]
        within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        return self._partners[np.repeat(begins, counts) + within]
