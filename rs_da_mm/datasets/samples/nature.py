"""Planting woods, grass and bare land, and laying out open traffic land."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.samples.covers import Surface, Vegetation
from rs_da_mm.datasets.samples.ground import Patch, Planting
from rs_da_mm.datasets.samples.noise import FloatArray, cell_hash


def plant_vegetation(patch: Patch, recipe: Vegetation, broad: FloatArray, coarse: FloatArray, crowns: FloatArray) -> Planting:
    """Plant woods, scrub or grass.

    Args:
        patch: The pixels.
        recipe: What vegetation of this kind looks like.
        broad: ``(H, W)`` noise of some 150 m.
        coarse: ``(H, W)`` noise of some 40 m.
        crowns: ``(H, W)`` relief of tree crowns, see :func:`~rs_da_mm.datasets.samples.noise.lit_slope`.

    Returns:
        What to put on each pixel.
    """
    wide, middle, relief = patch.pick(broad), patch.pick(coarse), patch.pick(crowns)
    growth = 0.6 * wide + 0.6 * middle + 0.35 * relief
    low, high = recipe.bare
    bare = np.clip(low + (high - low) * (0.5 - 0.4 * (wide + 0.5 * middle)), 0, 1)
    tone = 1 + recipe.relief * relief + 0.05 * middle
    surface = np.full(patch.place.shape, recipe.plant, np.uint8)
    if recipe.cover < 1:
        opening = growth < _quantile(growth, 1 - recipe.cover)
        surface[opening] = Surface.GRASS
        tone[opening] = 1 + 0.04 * relief[opening]
        plant = ~opening
        bare[plant] = 0.0
    if recipe.bushes:
        bush = middle - 0.5 * wide + 0.6 * relief
        clump = bush > _quantile(bush, 1 - recipe.bushes)
        surface[clump] = Surface.TREE
        bare[clump] = 0.0
        tone[clump] = 1 + 0.2 * relief[clump]
    if recipe.paths:
        _lay_out(surface, bare, wide, middle)
    return Planting(surface, bare.astype(np.float32), tone.astype(np.float32), cell_hash(patch.district))


def plant_bare(patch: Patch, broad: FloatArray, coarse: FloatArray, fine: FloatArray) -> Planting:
    """Leave land bare: soil, sand, some weeds, and the rough marks of digging and driving.

    Args:
        patch: The pixels.
        broad: ``(H, W)`` noise of some 150 m.
        coarse: ``(H, W)`` noise of some 40 m.
        fine: ``(H, W)`` noise of a few metres.

    Returns:
        What to put on each pixel.
    """
    wide, middle, grain = patch.pick(broad), patch.pick(coarse), patch.pick(fine)
    surface = np.where(wide + 0.7 * middle > 0.4, Surface.SAND, Surface.SOIL).astype(np.uint8)
    weeds = middle - wide > 1.4
    surface[weeds] = Surface.GRASS
    bare = np.where(weeds, 0.5, 0.0).astype(np.float32)
    tracks = np.abs(wide) < 0.06
    tone = 1 + 0.10 * middle + 0.12 * grain + 0.25 * tracks
    return Planting(surface, bare, tone.astype(np.float32), cell_hash(patch.district))


def plant_traffic(patch: Patch, coarse: FloatArray, fine: FloatArray) -> Planting:
    """Lay out open traffic land: runways, aprons and yards as broad strips between mown grass.

    Args:
        patch: The pixels.
        coarse: ``(H, W)`` noise of some 40 m.
        fine: ``(H, W)`` noise of a few metres.

    Returns:
        What to put on each pixel.
    """
    along, across = patch.rotated()
    strip = across - 130 * np.floor(across / 130)
    link = along - 300 * np.floor(along / 300)
    runway = strip < 46
    taxiway = (np.abs(strip - 88) < 9) | (link < 20)
    marking = np.abs(strip - 23) < 1.5
    surface = np.where(runway, Surface.CONCRETE, np.where(taxiway, Surface.ASPHALT, Surface.GRASS)).astype(np.uint8)
    bare = np.where(surface == Surface.GRASS, np.clip(0.35 + 0.15 * patch.pick(coarse), 0, 1), 0)
    tone = np.where(runway, 0.85, 1.0) + 0.03 * patch.pick(fine) + 0.3 * marking
    return Planting(surface, bare.astype(np.float32), tone.astype(np.float32), cell_hash(patch.district))


def _lay_out(surface: NDArray[np.uint8], bare: FloatArray, wide: FloatArray, middle: FloatArray) -> None:
    """Cut curving paths and bunkers of sand into grass, in place."""
    path = np.abs(wide - 0.3 * middle) < 0.05
    bunker = (middle > 1.9) & (wide < 0.8)
    surface[path] = Surface.CONCRETE
    surface[bunker] = Surface.SAND
    bare[path | bunker] = 0.0


def _quantile(values: FloatArray, share: float) -> float:
    """The value that a share of the pixels stays below; 0 where there are none."""
    return float(np.quantile(values, share)) if values.size else 0.0
