"""Planting farmland, orchards and fish ponds: rectangular parcels in strips along the district's direction."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.samples.covers import Fields, Surface
from rs_da_mm.datasets.samples.ground import Patch, Planting
from rs_da_mm.datasets.samples.noise import FloatArray, cell_hash, cell_random


class Parcels(NamedTuple):
    """The parcels of a patch, 1-D arrays over its pixels.

    Attributes:
        number: uint32, one per parcel.
        across: float32 metres from the pixel to the strip's first edge.
        edge: float32 metres from the pixel to the nearest edge of the parcel.
    """

    number: NDArray[np.uint32]
    across: FloatArray
    edge: FloatArray


def divide(patch: Patch, width: tuple[float, float], length: tuple[float, float]) -> Parcels:
    """Divide a patch into strips and the strips into parcels.

    Args:
        patch: The pixels.
        width: Least and greatest width of a strip in metres; each district has its own.
        length: Least and greatest length of a parcel in metres; each strip has its own.

    Returns:
        The parcel of each pixel.
    """
    along, across = patch.rotated()
    strip_width = _between(width, cell_random(patch.district, 11))
    strip = np.floor(across / strip_width).astype(np.int32)
    parcel_length = _between(length, cell_random(patch.district, strip, 12))
    shifted = along + parcel_length * cell_random(patch.district, strip, 13)
    parcel = np.floor(shifted / parcel_length).astype(np.int32)
    within_strip = across - strip * strip_width
    within_parcel = shifted - parcel * parcel_length
    edge = np.minimum(
        np.minimum(within_strip, strip_width - within_strip),
        np.minimum(within_parcel, parcel_length - within_parcel),
    )
    return Parcels(cell_hash(patch.district, strip, parcel), within_strip, edge)


def plant_fields(patch: Patch, recipe: Fields, coarse: FloatArray, fine: FloatArray) -> Planting:
    """Plant crops, or an orchard where the recipe has trees.

    Args:
        patch: The pixels.
        recipe: What farmland of this kind looks like.
        coarse: ``(H, W)`` noise of some 40 m: how soil and growth vary within a parcel.
        fine: ``(H, W)`` noise of a few metres.

    Returns:
        What to put on each pixel.
    """
    parcels = divide(patch, recipe.width, recipe.length)
    vigour = cell_random(parcels.number, 1)
    bare = _between(recipe.bare, vigour) + 0.07 * patch.pick(coarse)
    rows = np.sin(parcels.across * np.float32(2 * np.pi / recipe.rows))
    tone = 1 + recipe.row_contrast * cell_random(parcels.number, 2) * rows + 0.03 * patch.pick(fine) + 0.03 * patch.pick(coarse)
    surface = np.full(patch.place.shape, Surface.CROP, np.uint8)
    if recipe.trees:
        along, _ = patch.rotated()
        crowns = rows + np.sin(along * np.float32(2 * np.pi / recipe.rows)) + 0.5 * patch.pick(fine)
        tree = crowns > np.quantile(crowns, 1 - recipe.trees) if crowns.size else crowns > 0
        surface[tree] = Surface.TREE
        bare[tree] = 0.0
        tone[tree] += 0.10 * crowns[tree]
    if recipe.flooded:
        wet = cell_random(parcels.number, 3) < recipe.flooded
        surface[wet] = Surface.WATER_POND
        bare[wet] = 0.25 * vigour[wet]
        tone[wet] = 1.0
    bund = parcels.edge < recipe.bund_width / 2
    surface[bund] = recipe.bund
    bare[bund] = 0.3
    return Planting(surface, np.clip(bare, 0, 1).astype(np.float32), tone.astype(np.float32), parcels.number)


def plant_ponds(patch: Patch, coarse: FloatArray) -> Planting:
    """Dig fish ponds: rectangles of still water between dikes of soil and grass.

    Args:
        patch: The pixels.
        coarse: ``(H, W)`` noise of some 40 m.

    Returns:
        What to put on each pixel.
    """
    parcels = divide(patch, (50, 110), (70, 180))
    dike = parcels.edge < 4.0
    dry = cell_random(parcels.number, 3) < 0.06
    surface = np.where(dike, Surface.GRASS, np.where(dry, Surface.SOIL, Surface.WATER_POND)).astype(np.uint8)
    bare = np.where(dike, np.clip(0.5 + 0.3 * patch.pick(coarse), 0, 1), 0.15 * cell_random(parcels.number, 1))
    tone = np.where(dry & ~dike, 0.8, 1.0)
    return Planting(surface, bare.astype(np.float32), tone.astype(np.float32), parcels.number)


def _between(limits: tuple[float, float], fraction: FloatArray) -> FloatArray:
    """Interpolate between two limits."""
    return np.float32(limits[0]) + np.float32(limits[1] - limits[0]) * fraction
