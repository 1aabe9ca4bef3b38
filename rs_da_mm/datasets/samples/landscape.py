"""Growing a landscape: zones first, then what stands in each, then the river and the roads that run through all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rs_da_mm.datasets.samples.building import plant_settlement
from rs_da_mm.datasets.samples.covers import FIELDS, SETTLEMENTS, VEGETATION, Cover, Surface
from rs_da_mm.datasets.samples.farming import plant_fields, plant_ponds
from rs_da_mm.datasets.samples.ground import Ground, Patch, Planting, Sun
from rs_da_mm.datasets.samples.nature import plant_bare, plant_traffic, plant_vegetation
from rs_da_mm.datasets.samples.networks import paint_river, paint_road, river_line, road_line
from rs_da_mm.datasets.samples.noise import FloatArray, cell_hash, crowns, fractal_noise, lit_slope, named_generator
from rs_da_mm.datasets.samples.zones import lay_zones

SUPERSAMPLING = 2
"""How many drawn pixels make one pixel of the sensor, along each axis."""


@dataclass(frozen=True)
class LandscapeRecipe:
    """What country a miniature shows.

    Attributes:
        metres: Width of the sensor's pixel in metres.
        shares: Wanted share of each zone cover in the area.
        zone: Mean distance between the centres of zones, in metres.
        river: Probability that a river crosses the scene.
        river_width: Least and greatest width of its water in metres.
        highways: How many highways cross it.
        lanes: How many minor roads cross it.
    """

    metres: float
    shares: Mapping[Cover, float] = field(hash=False)
    zone: float
    river: float
    river_width: tuple[float, float]
    highways: int
    lanes: int


def grow_landscape(seed: int, name: str, shape: tuple[int, int], recipe: LandscapeRecipe) -> Ground:
    """Grow the landscape of one scene.

    Args:
        seed: The user's seed.
        name: The scene, in full (data set and scene): another name is another landscape.
        shape: Height and width in the sensor's pixels.
        recipe: What country it is.

    Returns:
        The ground, drawn at :data:`SUPERSAMPLING` times ``shape``.
    """
    drawn = (shape[0] * SUPERSAMPLING, shape[1] * SUPERSAMPLING)
    metres = recipe.metres / SUPERSAMPLING
    rng = named_generator(seed, name, "landscape")
    sun = Sun(azimuth=float(rng.uniform(0, 2 * np.pi)), elevation=float(rng.uniform(0.7, 1.1)))
    zones = lay_zones(rng, drawn, recipe.zone / metres, recipe.shares, ragged=14 / metres)
    ground = Ground.empty(zones, metres, sun)
    relief = Relief.draw(rng, drawn, metres, sun)
    for cover in recipe.shares:
        patch = ground.patch(ground.cover == cover)
        ground.plant(patch, _plant(cover, patch, relief, sun))
    _run_through(rng, ground, recipe)
    return ground


@dataclass(frozen=True)
class Relief:
    """Noise that all covers of a scene share, each ``(H, W)`` float32 with mean 0 and standard deviation 1.

    Attributes:
        broad: Features of some 150 m.
        coarse: Features of some 40 m.
        fine: Features of a few metres.
        crowns: Tree crowns lit by the sun, on hills.
    """

    broad: FloatArray
    coarse: FloatArray
    fine: FloatArray
    crowns: FloatArray

    @classmethod
    def draw(cls, rng: np.random.Generator, shape: tuple[int, int], metres: float, sun: Sun) -> Relief:
        """Draw the noise of a scene, with pixels ``metres`` wide."""
        hills = lit_slope(fractal_noise(rng, shape, 220 / metres, octaves=3, gain=0.4), sun.azimuth)
        trees = lit_slope(crowns(rng, shape, 9 / metres), sun.azimuth)
        return cls(
            broad=fractal_noise(rng, shape, 150 / metres, octaves=2),
            coarse=fractal_noise(rng, shape, 40 / metres, octaves=3, gain=0.6),
            fine=fractal_noise(rng, shape, 9 / metres, octaves=2, gain=0.7),
            crowns=0.9 * trees + 0.45 * hills,
        )


def _plant(cover: Cover, patch: Patch, relief: Relief, sun: Sun) -> Planting:
    """Choose the planting function of a cover."""
    if cover in FIELDS:
        return plant_fields(patch, FIELDS[cover], relief.coarse, relief.fine)
    if cover in SETTLEMENTS:
        return plant_settlement(patch, SETTLEMENTS[cover], sun, relief.fine)
    if cover in VEGETATION:
        return plant_vegetation(patch, VEGETATION[cover], relief.broad, relief.coarse, relief.crowns)
    if cover == Cover.POND:
        return plant_ponds(patch, relief.coarse)
    if cover == Cover.TRAFFIC:
        return plant_traffic(patch, relief.coarse, relief.fine)
    if cover == Cover.BARE:
        return plant_bare(patch, relief.broad, relief.coarse, relief.fine)
    return _open_water(patch, Surface.WATER_LAKE, relief)


def _open_water(patch: Patch, surface: Surface, relief: Relief) -> Planting:
    """Still water: nearly even, with slow changes of depth and a little sediment."""
    tone = 1 + 0.06 * patch.pick(relief.broad)
    silt = np.clip(0.06 * patch.pick(relief.broad), 0, 1)
    water = np.full(patch.place.shape, surface, np.uint8)
    return Planting(water, silt.astype(np.float32), tone.astype(np.float32), cell_hash(np.zeros(patch.place.shape, np.int32)))


def _run_through(rng: np.random.Generator, ground: Ground, recipe: LandscapeRecipe) -> None:
    """Lay minor roads, then the river, then highways that cross it on bridges."""
    shape = ground.cover.shape
    for _ in range(recipe.lanes):
        paint_road(ground, road_line(rng, (shape[0], shape[1])), width=7.0, verge=2.0, mapped=False)
    if rng.random() < recipe.river:
        width = float(rng.uniform(*recipe.river_width))
        line = river_line(rng, (shape[0], shape[1]), meander=0.45 * width / ground.metres)
        paint_river(ground, line, width, bank=float(rng.uniform(6, 24)))
    for _ in range(recipe.highways):
        paint_road(ground, road_line(rng, (shape[0], shape[1])), width=18.0, verge=7.0, mapped=True)
