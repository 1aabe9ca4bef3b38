"""Building settlements: blocks between streets, one building per plot, its shadow, and the yards and trees around it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.samples.covers import ROOFS, Settlement, Surface
from rs_da_mm.datasets.samples.ground import Patch, Planting, Sun
from rs_da_mm.datasets.samples.noise import FloatArray, cell_hash, cell_random

SHADOW_TONE = 0.42
"""Brightness of ground in shadow: what the sky alone lights."""


class Footprints(NamedTuple):
    """The plots and buildings under some places, 1-D arrays.

    Attributes:
        plot: uint32, one number per plot.
        street: Whether the place lies in a street.
        roof: Whether the place lies on a building.
        face: float32 distance from the ridge, -1 to 1 from eave to eave; beyond that outside the building.
        height: float32 height of the plot's building in metres.
    """

    plot: NDArray[np.uint32]
    street: NDArray[np.bool_]
    roof: NDArray[np.bool_]
    face: FloatArray
    height: FloatArray


def footprints(along: FloatArray, across: FloatArray, district: NDArray[np.int32], recipe: Settlement) -> Footprints:
    """Say what stands at given places: a pure function of place, so that it can also be asked about where a shadow comes from.

    Args:
        along: Metres along the district's direction.
        across: Metres across it.
        district: Zone numbers.
        recipe: What a settlement of this kind looks like.

    Returns:
        Streets, plots and buildings there.
    """
    axes = [
        _axis(along, district, recipe.block[0], recipe.street, recipe.plot[0], 21),
        _axis(across, district, recipe.block[1], recipe.street, recipe.plot[1], 22),
    ]
    (plot_u, from_u, half_u, street_u), (plot_v, from_v, half_v, street_v) = axes
    plot = cell_hash(district, plot_u, plot_v)
    low, high = recipe.fill
    u = from_u / (half_u * (low + (high - low) * cell_random(plot, 1)))
    v = from_v / (half_v * (low + (high - low) * cell_random(plot, 2)))
    street = street_u | street_v
    roof = (np.abs(u) < 1) & (np.abs(v) < 1) & ~street & (cell_random(plot, 3) < recipe.density)
    height = recipe.height[0] + (recipe.height[1] - recipe.height[0]) * cell_random(plot, 4)
    return Footprints(plot, street, roof, v.astype(np.float32), height.astype(np.float32))


def plant_settlement(patch: Patch, recipe: Settlement, sun: Sun, fine: FloatArray) -> Planting:
    """Build a settlement.

    Args:
        patch: The pixels.
        recipe: What a settlement of this kind looks like.
        sun: Decides where shadows fall and which face of a roof is bright.
        fine: ``(H, W)`` noise of a few metres: trees, worn ground.

    Returns:
        What to put on each pixel.
    """
    along, across = patch.rotated()
    here = footprints(along, across, patch.district, recipe)
    grain = patch.pick(fine)
    surface, bare, tone = _open_ground(here, recipe, grain)
    shaded = _in_shadow(patch, along, across, recipe, sun) & ~here.roof
    tone[shaded] *= SHADOW_TONE
    kind = np.searchsorted(np.cumsum(recipe.roofs)[:-1], cell_random(here.plot, 5), side="right")
    surface[here.roof] = np.array(ROOFS, np.uint8)[kind[here.roof]]
    bare[here.roof] = 0.0
    roof_tone = 0.75 + 0.5 * cell_random(here.plot, 6) + 0.03 * grain
    if recipe.gabled:
        towards_sun = np.sin(sun.azimuth - patch.direction)
        roof_tone = roof_tone * (1 + 0.22 * np.sign(here.face) * towards_sun)
    tone[here.roof] = roof_tone[here.roof]
    return Planting(surface, bare, tone, here.plot)


def _open_ground(here: Footprints, recipe: Settlement, grain: FloatArray) -> tuple[NDArray[np.uint8], FloatArray, FloatArray]:
    """Surface, bare share and tone of streets, yards, and trees."""
    yards = np.array([Surface.CONCRETE, Surface.SOIL, Surface.GRASS], np.uint8)
    surface = yards[np.searchsorted(np.cumsum(recipe.yards)[:-1], cell_random(here.plot, 7), side="right")]
    surface[here.street] = Surface.ASPHALT
    # Trees stand where the noise is high: clumps of a few metres, fewer of them over the carriageway.
    tree = grain + np.where(here.street, -0.6, 0.0) > _normal_quantile(1 - recipe.trees)
    surface[tree] = Surface.TREE
    bare = np.where(surface == Surface.GRASS, 0.35, 0.0).astype(np.float32)
    tone = (0.88 + 0.24 * cell_random(here.plot, 8) + 0.05 * grain).astype(np.float32)
    return surface, bare, tone


def _in_shadow(patch: Patch, along: FloatArray, across: FloatArray, recipe: Settlement, sun: Sun) -> NDArray[np.bool_]:
    """Whether a building stands between a pixel and the sun, asked at a few distances up to the longest shadow."""
    towards_along = np.cos(sun.azimuth - patch.direction)
    towards_across = np.sin(sun.azimuth - patch.direction)
    slope = np.tan(sun.elevation)
    longest = recipe.height[1] / slope
    shaded = np.zeros(patch.place.shape, bool)
    steps = max(2, min(5, round(longest / 5)))
    for step in range(1, steps + 1):
        reach = longest * (step - 0.5) / steps
        there = footprints(along + reach * towards_along, across + reach * towards_across, patch.district, recipe)
        shaded |= there.roof & (there.height > reach * slope)
    return shaded


def _axis(
    place: FloatArray, district: NDArray[np.int32], block: float, street: float, plot: float, salt: int
) -> tuple[NDArray[np.int32], FloatArray, FloatArray, NDArray[np.bool_]]:
    """Divide one axis into blocks and plots.

    Returns:
        Plot number, metres from the plot's middle, half the plot's length in metres, and whether the place is in a street.
    """
    size = np.float32(block) * (0.8 + 0.4 * cell_random(district, salt))
    number = np.floor(place / size).astype(np.int32)
    within = place - number * size - np.float32(street)
    plots = np.maximum(np.round((size - street) / plot), 1)
    length = (size - street) / plots
    index = np.floor(within / length).astype(np.int32)
    middle = within - (index + 0.5) * length
    return number * 64 + index, middle.astype(np.float32), (length / 2).astype(np.float32), within < 0


def _normal_quantile(share: float) -> float:
    """The value that a standard normal variable stays below with probability ``share`` (logistic approximation)."""
    return float(np.log(share / (1 - share)) / 1.702)
