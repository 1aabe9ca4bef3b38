"""The ground that windows cover: windows of all scenes side by side in metres, whatever coordinate systems the scenes have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import DatasetError, RasterError
from rs_da_mm.raster import Window
from rs_da_mm.raster.ground_plane import GroundPlane, Placement, geocentric

_MARGIN = 100.0
"""Metres by which the ground may bulge over the chords of a scene, and more, when scenes are put into one plane."""

_SAME = 0.01
"""Metres by which two windows on the same ground may seem to lie apart."""


@dataclass(frozen=True)
class Footprints:
    """Windows as quadrilaterals on the ground, scene by scene in alphabetical order.

    Scenes that come near each other share a plane; those of another city or continent have one of their own, so that lengths are
    right everywhere.

    Attributes:
        place: ``(n,)`` number of the plane.
        quads: ``(n, 4, 2)`` corners in metres of that plane, going round.
        globe: ``(n, 3)`` middle, in geocentric metres.
        pixel: ``(n,)`` metres of a pixel's longer side.
        scene: ``(n,)`` place of the scene in the alphabetical list.
    """

    place: NDArray[np.int64]
    quads: NDArray[np.float64]
    globe: NDArray[np.float64]
    pixel: NDArray[np.float64]
    scene: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.place)

    @cached_property
    def centres(self) -> NDArray[np.float64]:
        """``(n, 2)`` middle of each, in metres of its plane."""
        middles: NDArray[np.float64] = self.quads.mean(axis=1)
        return middles

    @cached_property
    def radii(self) -> NDArray[np.float64]:
        """``(n,)`` metres from the middle to the furthest corner."""
        away: NDArray[np.float64] = np.linalg.norm(self.quads - self.centres[:, None], axis=2).max(axis=1)
        return away

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """``(n,)`` metres of the longest side."""
        sides: NDArray[np.float64] = np.linalg.norm(self.quads - np.roll(self.quads, -1, axis=1), axis=2).max(axis=1)
        return sides

    def sites(self, group: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find windows of one group that cover the same ground, as at ten dates: they count as one site.

        Args:
            group: ``(n,)`` the group of each.

        Returns:
            ``(sites,)`` one window of each site, and ``(n,)`` the site of each window.
        """
        rounded = np.round(self.quads.reshape(len(self), 8) / _SAME).astype(np.int64)
        key = np.column_stack([group, self.place, rounded])
        _, first, site = np.unique(key, axis=0, return_index=True, return_inverse=True)
        return first, site.reshape(-1)

    def take(self, chosen: NDArray[Any]) -> Footprints:
        """Some of them, by place or mask."""
        columns = (self.place, self.quads, self.globe, self.pixel, self.scene)
        return Footprints(*(column[chosen] for column in columns))


def require_placed(placements: Mapping[str, Placement | None], what: str) -> dict[str, Placement]:
    """Refuse scenes whose place on the ground is not known.

    Args:
        placements: Placement of each scene.
        what: What needs them, to begin the error with.

    Returns:
        The placements.

    Raises:
        DatasetError: Naming the scenes without, and what to do.
    """
    lost = sorted(scene for scene, placement in placements.items() if placement is None)
    if lost:
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise DatasetError(
            f"{what} needs to know where every scene lies, and {len(lost)} of {len(placements)} do not say so with a grid and a "
            f"coordinate system (CRS): {', '.join(map(repr, lost[:3]))}{more}. Give them one (`rio edit-info --crs EPSG:… "
            "FILE`), or split by whole scenes: dict(type='blocked', block='scene')."
        )
    return {scene: placement for scene, placement in placements.items() if placement is not None}


def footprints(windows: Mapping[str, Sequence[Window]], placements: Mapping[str, Placement], reach: float = 0.0) -> Footprints:
    """Find the ground that windows cover.

    Args:
        windows: The windows of each scene. What of them lies outside the scene covers no ground.
        placements: Where each scene lies.
        reach: Scenes that come as near to each other as this (metres) share a plane.

    Returns:
        One footprint per window: scenes in alphabetical order, each one's windows in the order given.

    Raises:
        DatasetError: When a scene's coordinate system has no place on Earth for its windows; it names the scene.
    """
    names = [scene for scene in sorted(windows) if windows[scene]]
    on_globe, pixels = [], []
    for name in names:
        try:
            corners, pixel = _corners(windows[name], placements[name])
        except RasterError as error:
            raise DatasetError(f"Scene '{name}' cannot be placed on the ground: {error}") from error
        on_globe.append(corners)
        pixels.append(np.full(len(corners), pixel))
    place_of_scene, planes = _planes(on_globe, reach)
    quads = [planes[place].project(corners) for place, corners in zip(place_of_scene, on_globe, strict=True)]
    counts = [len(corners) for corners in on_globe]
    return Footprints(
        np.repeat(np.array(place_of_scene, dtype=np.int64), counts),
        np.concatenate(quads) if quads else np.zeros((0, 4, 2)),
        np.concatenate(on_globe).mean(axis=1) if on_globe else np.zeros((0, 3)),
        np.concatenate(pixels) if pixels else np.zeros(0),
        np.repeat(np.arange(len(names)), counts),
    )


def _corners(windows: Sequence[Window], placement: Placement) -> tuple[NDArray[np.float64], float]:
    """Geocentric corners ``(n, 4, 3)`` of windows, and the longer side of a pixel in metres."""
    boxes = np.array(windows, dtype=np.float64).reshape(-1, 4)
    limits = np.array([placement.height, placement.width], dtype=np.float64)
    low = np.clip(boxes[:, :2], 0, limits)
    high = np.clip(boxes[:, :2] + boxes[:, 2:], 0, limits)
    rows = np.stack([low[:, 0], low[:, 0], high[:, 0], high[:, 0]], axis=1)
    cols = np.stack([low[:, 1], high[:, 1], high[:, 1], low[:, 1]], axis=1)
    # Windows of a grid share their corners: each is transformed once.
    unique, inverse = np.unique(np.stack([cols, rows], axis=-1).reshape(-1, 2), axis=0, return_inverse=True)
    points = geocentric(placement.degrees(unique))[inverse.reshape(-1)].reshape(-1, 4, 3)
    sides = np.linalg.norm(points - np.roll(points, -1, axis=1), axis=2)
    pixels = np.maximum(np.stack([high[:, 1] - low[:, 1], high[:, 0] - low[:, 0]], axis=1), 1)
    return points, float((sides[:, :2] / pixels).max())


def _planes(scenes: Sequence[NDArray[np.float64]], reach: float) -> tuple[list[int], list[GroundPlane]]:
    """Number of the plane of each scene, and the planes: scenes whose surrounding spheres come near each other share one."""
    if not scenes:
        return [], []
    middles = np.array([corners.reshape(-1, 3).mean(axis=0) for corners in scenes])
    radii = np.array([np.linalg.norm(corners - middle, axis=2).max() for corners, middle in zip(scenes, middles, strict=True)])
    place = np.full(len(scenes), -1, dtype=np.int64)
    planes: list[GroundPlane] = []
    for first in range(len(scenes)):
        if place[first] >= 0:
            continue
        number, waiting = len(planes), [first]
        place[first] = number
        while waiting:
            one = waiting.pop()
            apart = np.linalg.norm(middles - middles[one], axis=1) - radii - radii[one]
            near = np.nonzero((place < 0) & (apart <= 1.01 * reach + _MARGIN))[0]
            place[near] = number
            waiting += near.tolist()
        centre = middles[place == number].mean(axis=0)
        # Scenes all around the globe have their middle inside it.
        planes.append(GroundPlane(centre if np.linalg.norm(centre) > 1e6 else middles[first]))
    return place.tolist(), planes
