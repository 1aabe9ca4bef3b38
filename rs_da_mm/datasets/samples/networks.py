"""What runs through a landscape from edge to edge: rivers and roads, drawn as bands around a line."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.samples.covers import Cover, Surface
from rs_da_mm.datasets.samples.ground import Ground
from rs_da_mm.datasets.samples.noise import FloatArray

_FIXED_POINT = 3
"""Fractional bits of cv2's drawing coordinates."""


def river_line(rng: np.random.Generator, shape: tuple[int, int], meander: float) -> FloatArray:
    """Draw the line of a river that crosses the whole map.

    Args:
        rng: Where the numbers come from.
        shape: Height and width of the map in pixels.
        meander: Amplitude of its bends in pixels.

    Returns:
        ``(points, 2)`` float32 columns and rows.
    """
    start, angle, length = _crossing(rng, shape)
    along = np.linspace(-0.2, 1.2, 80) * length
    wave = sum(
        meander / order * np.sin(2 * np.pi * order * along / length * rng.uniform(0.8, 1.6) + rng.uniform(0, 2 * np.pi))
        for order in (1, 2, 4)
    )
    return _points(start, angle, along, wave)


def road_line(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Draw the line of a road: straight but for one or two gentle bends.

    Args:
        rng: Where the numbers come from.
        shape: Height and width of the map in pixels.

    Returns:
        ``(points, 2)`` float32 columns and rows.
    """
    start, angle, length = _crossing(rng, shape)
    # Kept apart: bends close to each other would make a corner.
    knots = rng.uniform((0.1, 0.6), (0.4, 0.9)) * length
    along = np.concatenate([[-0.2 * length], knots, [1.2 * length]])
    line = _points(start, angle, along, 0.05 * length * rng.standard_normal(len(along)))
    for _ in range(3):
        line = _corners_cut(line)
    return line


def paint_river(ground: Ground, line: FloatArray, width: float, bank: float) -> None:
    """Cut a river into the ground, with banks of sand.

    Args:
        ground: Changed in place.
        line: From :func:`river_line`.
        width: Width of the water in metres.
        bank: Width of the bank on either side in metres.
    """
    water = _band(ground, line, width)
    shore = _band(ground, line, width + 2 * bank) & ~water
    _cover(ground, shore, Cover.BARE, Surface.SAND)
    _cover(ground, water, Cover.RIVER, Surface.WATER_RIVER)
    ground.parcel[water] = 1


def paint_road(ground: Ground, line: FloatArray, width: float, verge: float, mapped: bool) -> None:
    """Lay a road over the ground.

    Args:
        ground: Changed in place.
        line: From :func:`road_line`.
        width: Width of the carriageway in metres.
        verge: Width of the grass on either side in metres.
        mapped: Whether the road is a cover of its own; a minor road is only a surface within its surroundings.
    """
    corridor = _band(ground, line, width + 2 * verge)
    lane = _band(ground, line, width)
    bridge = ground.cover == Cover.RIVER
    verges = corridor & ~lane & ~bridge
    ground.surface[verges] = Surface.GRASS
    ground.bare[verges] = 0.3
    ground.surface[lane] = Surface.ASPHALT
    ground.bare[lane] = 0.0
    ground.tone[verges] = 1.0
    # The surface of a minor road is worn and dusty: brighter than that of a highway.
    ground.tone[lane] = 1.0 if mapped else 1.5
    ground.parcel[corridor] = 2
    if mapped:
        ground.cover[corridor] = Cover.TRAFFIC


def _crossing(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[NDArray[np.float64], float, float]:
    """Choose a line across the map: where it starts, its direction, and its length in pixels."""
    height, width = shape
    middle = np.array([width, height]) * rng.uniform(0.2, 0.8, 2)
    angle = rng.uniform(0, np.pi)
    length = float(np.hypot(height, width))
    return middle - 0.5 * length * np.array([np.cos(angle), np.sin(angle)]), angle, length


def _points(start: NDArray[np.float64], angle: float, along: NDArray[np.float64], across: NDArray[np.float64]) -> FloatArray:
    """Place distances along and across a direction on the map."""
    column = start[0] + along * np.cos(angle) - across * np.sin(angle)
    row = start[1] + along * np.sin(angle) + across * np.cos(angle)
    return np.stack([column, row], axis=1).astype(np.float32)


def _corners_cut(line: FloatArray) -> FloatArray:
    """Round a line's corners once, by Chaikin's rule: each stretch keeps its middle half."""
    ahead = 0.75 * line[:-1] + 0.25 * line[1:]
    behind = 0.25 * line[:-1] + 0.75 * line[1:]
    middle = np.stack([ahead, behind], axis=1).reshape(-1, 2)
    return np.concatenate([line[:1], middle, line[-1:]]).astype(np.float32)


def _band(ground: Ground, line: FloatArray, width: float) -> NDArray[np.bool_]:
    """Mask the pixels within half a width (metres) of a line."""
    mask = np.zeros(ground.cover.shape, np.uint8)
    fixed = np.round(line * 2**_FIXED_POINT).astype(np.int32)
    thickness = max(1, round(width / ground.metres))
    cv2.polylines(mask, [fixed[:, None]], isClosed=False, color=1, thickness=thickness, lineType=cv2.LINE_8, shift=_FIXED_POINT)
    return mask.astype(bool)


def _cover(ground: Ground, mask: NDArray[np.bool_], cover: Cover, surface: Surface) -> None:
    """Give the masked pixels a cover and a plain surface."""
    ground.cover[mask] = cover
    ground.surface[mask] = surface
    ground.bare[mask] = 0.0
    ground.tone[mask] = 1.0
    ground.parcel[mask] = 0
