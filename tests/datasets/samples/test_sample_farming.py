from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rs_da_mm.datasets.samples.covers import FIELDS, Cover, Fields, Surface
from rs_da_mm.datasets.samples.farming import divide, plant_fields, plant_ponds
from rs_da_mm.datasets.samples.ground import Ground, Sun, Zones

SHAPE = (300, 500)
FLAT = np.zeros(SHAPE, np.float32)


@pytest.fixture
def patch():
    zones = Zones(np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.int32), np.array([0.4], np.float32))
    return Ground.empty(zones, 2.0, Sun(0.0, 0.8)).patch(np.ones(SHAPE, bool))


def test_parcels_have_the_size_that_was_asked_for(patch):
    parcels = divide(patch, (40, 40), (100, 100))
    _, counts = np.unique(parcels.number, return_counts=True)
    # 4 m² to a pixel; parcels cut by the map's edge are smaller.
    assert np.median(counts) * 4 == pytest.approx(40 * 100, rel=0.03)
    assert counts.max() * 4 == pytest.approx(40 * 100, rel=0.03)
    assert parcels.edge.min() >= 0
    assert parcels.edge.max() == pytest.approx(20, abs=1)


def test_a_bund_runs_around_every_parcel(patch):
    recipe = Fields(width=(40, 40), length=(100, 100), bare=(0, 0), bund=Surface.SAND, bund_width=8)
    planting = plant_fields(patch, recipe, FLAT, FLAT)
    # What is left within is (40 - 8) × (100 - 8) of 40 × 100 m.
    assert (planting.surface == Surface.CROP).mean() == pytest.approx(32 * 92 / 4000, abs=0.02)
    assert set(np.unique(planting.surface)) == {Surface.CROP, Surface.SAND}


def test_soil_shows_within_the_limits_and_is_one_number_per_parcel(patch):
    recipe = Fields(width=(30, 30), length=(80, 80), bare=(0.2, 0.6), row_contrast=0)
    planting = plant_fields(patch, recipe, FLAT, FLAT)
    crop = planting.surface == Surface.CROP
    assert planting.bare[crop].min() >= 0.2
    assert planting.bare[crop].max() <= 0.6
    assert planting.bare[crop].mean() == pytest.approx(0.4, abs=0.06)
    for number in np.unique(planting.parcel)[:20]:
        assert np.ptp(planting.bare[crop & (planting.parcel == number)]) == 0


def test_rows_repeat_at_their_distance(patch):
    recipe = Fields(width=(1e6, 1e6), length=(1e6, 1e6), bare=(0, 0), rows=16, row_contrast=0.2, bund_width=0)
    tone = plant_fields(patch, recipe, FLAT, FLAT).tone.reshape(SHAPE)
    spectrum = np.abs(np.fft.fft2(tone - tone.mean(), norm="forward"))
    row, column = np.unravel_index(spectrum.argmax(), SHAPE)
    frequency = np.hypot(np.fft.fftfreq(SHAPE[0])[row], np.fft.fftfreq(SHAPE[1])[column])
    assert 2.0 / frequency == pytest.approx(16, rel=0.05)


def test_flooded_parcels_are_as_frequent_as_asked(patch):
    recipe = Fields(width=(14, 14), length=(14, 14), bare=(0, 0), flooded=0.35, bund_width=0)
    planting = plant_fields(patch, recipe, FLAT, FLAT)
    assert (planting.surface == Surface.WATER_POND).mean() == pytest.approx(0.35, abs=0.04)


def test_an_orchard_has_its_share_of_trees(patch):
    recipe = replace(FIELDS[Cover.ORCHARD], bund_width=0)
    noise = np.random.default_rng(0).standard_normal(SHAPE, dtype=np.float32)
    planting = plant_fields(patch, recipe, FLAT, noise)
    assert (planting.surface == Surface.TREE).mean() == pytest.approx(recipe.trees, abs=0.005)


def test_ponds_are_water_between_dikes(patch):
    planting = plant_ponds(patch, FLAT)
    water = planting.surface == Surface.WATER_POND
    dike = divide(patch, (50, 110), (70, 180)).edge < 4
    assert 0.6 < water.mean() < 0.95
    assert not (water & dike).any()


def test_no_pixels_no_fields(patch):
    zones = Zones(np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.int32), np.zeros(1, np.float32))
    nothing = Ground.empty(zones, 2.0, Sun(0.0, 0.8)).patch(np.zeros(SHAPE, bool))
    for recipe in FIELDS.values():
        assert plant_fields(nothing, recipe, FLAT, FLAT).surface.size == 0
