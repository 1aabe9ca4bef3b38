from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.samples.covers import VEGETATION, Cover, Surface
from rs_da_mm.datasets.samples.ground import Ground, Sun, Zones
from rs_da_mm.datasets.samples.nature import plant_bare, plant_traffic, plant_vegetation
from rs_da_mm.datasets.samples.noise import fractal_noise, named_generator

SHAPE = (300, 400)


@pytest.fixture
def patch():
    zones = Zones(np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.int32), np.array([0.3], np.float32))
    return Ground.empty(zones, 2.0, Sun(0.0, 0.8)).patch(np.ones(SHAPE, bool))


@pytest.fixture
def noise():
    rng = named_generator(0, "nature")
    return [fractal_noise(rng, SHAPE, period, 2) for period in (75, 20, 5)]


@pytest.mark.parametrize("cover", VEGETATION)
def test_plants_take_the_share_of_the_recipe(cover, patch, noise):
    recipe = VEGETATION[cover]
    planting = plant_vegetation(patch, recipe, *noise)
    share = (planting.surface == recipe.plant).mean()
    if recipe.cover < 1:
        assert share == pytest.approx(recipe.cover, abs=0.002)
    else:
        assert 1 - recipe.bushes - 0.12 < share <= 1 - recipe.bushes + 0.002
    assert planting.bare.min() >= 0
    assert planting.bare.max() <= 1
    assert (planting.surface == Surface.CONCRETE).any() == recipe.paths


def test_woods_are_rougher_than_grass(patch, noise):
    rough = [plant_vegetation(patch, VEGETATION[c], *noise).tone.std() for c in (Cover.WOODLAND, Cover.SHRUB, Cover.GRASSLAND)]
    assert rough[0] > 2 * rough[2]
    assert rough[1] > 1.5 * rough[2]


def test_bare_land_is_soil_and_sand(patch, noise):
    surface = plant_bare(patch, *noise).surface
    assert 0.15 < (surface == Surface.SAND).mean() < 0.6
    assert np.isin(surface, [Surface.SAND, Surface.SOIL]).mean() > 0.8


def test_traffic_land_is_in_strips_along_its_direction(patch, noise):
    planting = plant_traffic(patch, noise[1], noise[2])
    assert (planting.surface == Surface.CONCRETE).mean() == pytest.approx(46 / 130, abs=0.05)
    assert (planting.surface == Surface.ASPHALT).mean() > 0.1


def test_nothing_grows_on_no_pixels(noise):
    zones = Zones(np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.int32), np.zeros(1, np.float32))
    nothing = Ground.empty(zones, 2.0, Sun(0.0, 0.8)).patch(np.zeros(SHAPE, bool))
    for recipe in VEGETATION.values():
        assert plant_vegetation(nothing, recipe, *noise).surface.size == 0
