from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.samples.appearance import BANDS, SPECTRA, illuminate, reflectance, scene_spectra
from rs_da_mm.datasets.samples.covers import Surface
from rs_da_mm.datasets.samples.ground import Ground, Sun, Zones
from rs_da_mm.datasets.samples.noise import named_generator


def bare_ground(height=8, width=15):
    zones = Zones(np.zeros((height, width), np.uint8), np.zeros((height, width), np.int32), np.zeros(1, np.float32))
    return Ground.empty(zones, 2.0, Sun(0.0, 0.8))


def photograph(ground, seed=0):
    return reflectance(named_generator(seed, "look"), ground)


def test_every_surface_has_a_spectrum():
    assert set(SPECTRA) == set(Surface)
    assert all(len(spectrum) == len(BANDS) and 0 < min(spectrum) <= max(spectrum) < 0.6 for spectrum in SPECTRA.values())


def test_plants_are_bright_and_water_dark_in_the_near_infrared():
    for plant in (Surface.CROP, Surface.GRASS, Surface.TREE, Surface.BUSH):
        assert SPECTRA[plant][3] > 2 * SPECTRA[plant][0]
    for water in (Surface.WATER_RIVER, Surface.WATER_LAKE, Surface.WATER_POND):
        assert SPECTRA[water][3] < SPECTRA[water][1]


def test_one_parcel_of_one_surface_has_one_colour():
    image = photograph(bare_ground())
    assert image.shape == (8, 15, 4)
    assert np.ptp(image.reshape(-1, 4), axis=0).max() == 0


def test_tone_scales_all_bands():
    ground = bare_ground()
    ground.tone[:4] = 0.5
    image = photograph(ground)
    assert np.allclose(image[:4], 0.5 * image[4:], rtol=1e-5)


def test_bare_share_mixes_linearly_with_soil():
    ground = bare_ground(4, 3)
    ground.surface[:] = Surface.WATER_LAKE  # as even from parcel to parcel as soil is not: only the mean spectrum mixes
    ground.bare[:, 1] = 0.5
    ground.bare[:, 2] = 1.0
    image = photograph(ground)
    assert np.allclose(image[:, 1], (image[:, 0] + image[:, 2]) / 2, rtol=1e-5)
    spectra = scene_spectra(named_generator(0, "look"))
    assert np.allclose(image[0, 2] / image[0, 0], spectra[Surface.SOIL] / spectra[Surface.WATER_LAKE], rtol=1e-4)


def test_parcels_differ_mostly_in_brightness():
    ground = bare_ground(1, 3000)
    ground.surface[:] = Surface.CROP
    ground.parcel[:] = np.arange(3000)
    image = photograph(ground)[0]
    assert np.std(image / image.mean(0), axis=0) == pytest.approx(0.10 * np.hypot(0.9, 0.3), rel=0.1)
    correlation = np.corrcoef(image.T)
    assert correlation[np.triu_indices(4, 1)].min() > 0.8


def test_scenes_differ():
    spectra = np.stack([scene_spectra(named_generator(seed, "s")) for seed in range(200)])
    mean = np.array([SPECTRA[surface] for surface in Surface])
    assert np.median(spectra, axis=0) == pytest.approx(mean, rel=0.12)
    spread = np.log(spectra[:, Surface.WATER_RIVER]).std(axis=0)
    assert spread == pytest.approx(0.28 * np.hypot(1, 0.3), rel=0.25)


def test_light_is_a_plane_without_haze():
    even = np.full((40, 60, 4), 0.2, np.float32)
    lit = illuminate(named_generator(0, "light"), even.copy(), haze=0.0) / even
    assert np.abs(np.diff(lit, n=2, axis=0)).max() < 1e-5
    assert np.abs(np.diff(lit, n=2, axis=1)).max() < 1e-5
    assert lit.mean() == pytest.approx(1, abs=1e-4)
    assert 0.9 < lit.min() < lit.max() < 1.1


def test_haze_adds_most_to_blue():
    dark = np.zeros((40, 60, 4), np.float32)
    hazy = illuminate(named_generator(0, "light"), dark, haze=0.03)
    means = hazy.mean(axis=(0, 1))
    assert means[2] > means[1] > means[0] > means[3] > 0
    assert means[0] / means[2] == pytest.approx(0.45, rel=1e-3)
