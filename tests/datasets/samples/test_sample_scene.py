from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rs_da_mm.datasets.samples.covers import Cover
from rs_da_mm.datasets.samples.gid import LEGEND, RECIPE
from rs_da_mm.datasets.samples.noise import named_generator
from rs_da_mm.datasets.samples.scene import make_scene, swath
from rs_da_mm.datasets.samples.sensor import PMS1, PMS2

SHAPE = (150, 220)


@pytest.fixture(scope="module")
def scene():
    return make_scene(0, "test/scene", SHAPE, RECIPE, PMS1, LEGEND)


def test_a_scene_has_an_image_in_both_depths_and_a_map(scene):
    assert scene.numbers.shape == (*SHAPE, 4)
    assert scene.numbers.dtype == np.uint16
    assert 256 < scene.numbers.max() <= 1023
    assert scene.view.shape == (*SHAPE, 4)
    assert scene.view.dtype == np.uint8
    assert scene.labels.shape == SHAPE
    assert scene.numbers.min() >= 1
    assert scene.view.min() >= 1
    assert {0, 1, 2, 3, 5} <= set(np.unique(scene.labels)) <= set(range(6))


def test_the_view_is_the_numbers_stretched(scene):
    for band in range(4):
        numbers, view = scene.numbers[..., band].astype(float), scene.view[..., band].astype(float)
        inside = (view > 1) & (view < 255)
        slope, start = np.polyfit(numbers[inside], view[inside], 1)
        assert np.abs(numbers[inside] * slope + start - view[inside]).max() < 0.6


def test_a_scene_repeats_and_its_parts_are_drawn_apart(scene):
    again = make_scene(0, "test/scene", SHAPE, RECIPE, PMS1, LEGEND)
    assert all(np.array_equal(getattr(scene, part), getattr(again, part)) for part in ("numbers", "view", "labels"))
    other = make_scene(0, "test/scene", SHAPE, RECIPE, PMS2, replace(LEGEND, slip=0.0))
    assert np.array_equal(other.ground.cover, scene.ground.cover)
    assert not np.array_equal(other.numbers, scene.numbers)
    # Outlines are a little off, not somewhere else.
    assert 0.005 < (other.labels != scene.labels).mean() < 0.1


def test_borders_are_mixed_pixels():
    flat = replace(RECIPE, shares={Cover.LAKE: 0.5, Cover.BARE: 0.5}, river=0.0, highways=0, lanes=0)
    sharp = replace(PMS1, psf=0.0, noise=0.0)
    scene = make_scene(1, "test/shore", SHAPE, flat, sharp, LEGEND)
    water = (scene.ground.cover == Cover.LAKE).reshape(SHAPE[0], 2, SHAPE[1], 2).mean(axis=(1, 3))
    nir = scene.numbers[..., 3].astype(float)
    means = [nir[water == share].mean() for share in (0, 0.25, 0.5, 0.75, 1)]
    assert (water == 0.5).sum() > 50
    # A pixel is the mean of its parts: from land to water in equal steps.
    assert np.diff(means) == pytest.approx([(means[-1] - means[0]) / 4] * 4, rel=0.35)


def test_a_swath_leaves_a_triangle_at_each_corner():
    mask = swath(named_generator(0, "swath"), (400, 600))
    for corner in (mask[0, 0], mask[0, -1], mask[-1, 0], mask[-1, -1]):
        assert not corner
    assert mask[200, 300]
    first_row, first_column = int(mask[0].argmax()), int((~mask[:, 0]).sum())
    assert 0.03 <= first_row / 600 <= 0.09
    assert first_column > 300
    assert 0.8 < mask.mean() < 0.95
