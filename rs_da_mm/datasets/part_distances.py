"""How far the parts of a split lie apart on the ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.footprints import Footprints, footprints
from rs_da_mm.datasets.near_windows import window_distances
from rs_da_mm.datasets.split_draws import WindowKey
from rs_da_mm.raster import Window
from rs_da_mm.raster.ground_plane import Placement

_CROWDS = 256
"""About how many crowds the windows of a part are bundled into, so that few pairs of windows need a closer look."""
_TOUCHING = 0.001
"""Metres that are no distance: as far as windows with a common side seem to lie apart, and more."""


def part_distances(
    windows: Mapping[str, Sequence[Window]],
    parts: Mapping[str, Sequence[WindowKey]],
    placements: Mapping[str, Placement],
) -> dict[tuple[str, str], float]:
    """Measure how near the parts come to each other.

    Args:
        windows: The windows of each scene.
        parts: The windows of each part.
        placements: Where each scene lies.

    Returns:
        For each two parts that have windows, metres on the ground between the nearest points of the nearest windows; 0 where
        windows touch or overlap. Exact among scenes that come near each other; between places apart it is what it is at least.

    Raises:
        DatasetError: When a scene's coordinate system has no place on Earth for its windows.
    """
    prints = footprints(windows, placements)
    keys = [WindowKey(scene, window.row, window.col) for scene in sorted(windows) for window in windows[scene]]
    row_of = {key: row for row, key in enumerate(keys)}
    rows = {part: np.array([row_of[key] for key in members], dtype=np.int64) for part, members in parts.items() if members}
    crowds = {part: _crowds(prints, members[_one_of_each(prints, members)]) for part, members in rows.items()}
    return {(one, other): _nearest(prints, crowds[one], crowds[other]) for one, other in combinations(crowds, 2)}


class _Crowds(NamedTuple):
    """Windows in bundles, each inside a sphere.

    Attributes:
        members: Windows of each bundle.
        middles: ``(n, 3)`` geocentric metres.
        radii: ``(n,)`` metres.
    """

    members: list[NDArray[np.int64]]
    middles: NDArray[np.float64]
    radii: NDArray[np.float64]


def _one_of_each(prints: Footprints, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return prints.take(rows).sites(np.zeros(len(rows), dtype=np.int64))[0]


def _crowds(prints: Footprints, rows: NDArray[np.int64]) -> _Crowds:
    """Cut the longest side of the box around the windows in two, and so on, until the bundles are small."""
    waiting, members = [rows], []
    wanted = max(len(rows) // _CROWDS, 8)
    while waiting:
        some = waiting.pop()
        spread = np.ptp(prints.globe[some], axis=0)
        if len(some) <= wanted:
            members.append(some)
            continue
        order = some[np.argsort(prints.globe[some, int(np.argmax(spread))], kind="stable")]
        waiting += [order[: len(order) // 2], order[len(order) // 2 :]]
    middles = np.array([prints.globe[some].mean(axis=0) for some in members])
    sizes = prints.radii
    reach = [
        float((np.linalg.norm(prints.globe[some] - middle, axis=1) + sizes[some]).max())
        for some, middle in zip(members, middles, strict=True)
    ]
    return _Crowds(members, middles, np.array(reach))


def _nearest(prints: Footprints, one: _Crowds, other: _Crowds) -> float:
    apart = np.linalg.norm(one.middles[:, None] - other.middles[None], axis=2)
    least = apart - one.radii[:, None] - other.radii[None]
    best = float("inf")
    for pair in np.argsort(least, axis=None, kind="stable").tolist():
        some, there = divmod(pair, len(other.members))
        if least[some, there] >= best or best < _TOUCHING:
            break
        best = min(best, _nearest_of(prints, one.members[some], other.members[there], best))
    return 0.0 if best < _TOUCHING else best


def _nearest_of(prints: Footprints, one: NDArray[np.int64], other: NDArray[np.int64], best: float) -> float:
    """The smallest distance between two bundles, if it is below ``best``."""
    radii = prints.radii
    apart = np.linalg.norm(prints.globe[one][:, None] - prints.globe[other][None], axis=2)
    least = np.maximum(apart - radii[one][:, None] - radii[other][None], 0)
    most = float(apart.min())  # no two windows lie further apart than their middles
    left, right = np.nonzero(least <= min(best, most))
    one, other, least = one[left], other[right], least[left, right]
    together = prints.place[one] == prints.place[other]
    near = window_distances(prints, one[together], other[together])
    return float(min(near.min(initial=np.inf), least[~together].min(initial=np.inf)))
