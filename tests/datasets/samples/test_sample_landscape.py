from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rs_da_mm.datasets.samples.covers import Cover, Surface
from rs_da_mm.datasets.samples.gid15 import RECIPE
from rs_da_mm.datasets.samples.ground import Sun
from rs_da_mm.datasets.samples.landscape import SUPERSAMPLING, Relief, grow_landscape
from rs_da_mm.datasets.samples.noise import named_generator

LAYERS = ("cover", "district", "surface", "bare", "tone", "parcel")


@pytest.fixture(scope="module")
def ground():
    return grow_landscape(0, "test", (200, 260), RECIPE)


def test_layers_have_one_shape_at_twice_the_resolution(ground):
    for layer in LAYERS:
        assert getattr(ground, layer).shape == (200 * SUPERSAMPLING, 260 * SUPERSAMPLING)
    assert ground.metres == RECIPE.metres / SUPERSAMPLING


def test_layers_stay_in_their_ranges(ground):
    assert set(np.unique(ground.cover)) == set(Cover)
    assert set(np.unique(ground.surface)) == set(Surface)
    assert 0 <= ground.bare.min() <= ground.bare.max() <= 1
    assert ground.tone.min() > 0
    assert np.isfinite(ground.tone).all()


def test_the_same_name_is_the_same_landscape_and_another_is_not(ground):
    again = grow_landscape(0, "test", (200, 260), RECIPE)
    assert all(np.array_equal(getattr(ground, layer), getattr(again, layer)) for layer in LAYERS)
    assert again.sun == ground.sun
    for other in (grow_landscape(1, "test", (200, 260), RECIPE), grow_landscape(0, "test2", (200, 260), RECIPE)):
        assert (other.cover != ground.cover).mean() > 0.5


def test_the_recipe_decides_what_there_is():
    meadow = replace(RECIPE, shares={Cover.GRASSLAND: 1.0}, river=0.0, highways=0, lanes=0)
    assert (grow_landscape(0, "meadow", (60, 80), meadow).cover == Cover.GRASSLAND).all()
    wet = grow_landscape(0, "meadow", (60, 80), replace(meadow, river=1.0, river_width=(60.0, 60.0)))
    assert set(np.unique(wet.cover)) == {Cover.GRASSLAND, Cover.RIVER, Cover.BARE}


def test_relief_is_standardised():
    relief = Relief.draw(named_generator(0, "relief"), (150, 200), 2.0, Sun(0.4, 0.9))
    for layer in (relief.broad, relief.coarse, relief.fine):
        assert layer.mean() == pytest.approx(0, abs=1e-3)
        assert layer.std() == pytest.approx(1, abs=1e-3)
    assert relief.crowns.std() == pytest.approx(1, abs=0.15)
