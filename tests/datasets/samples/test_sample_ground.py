from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.samples.covers import Cover, Surface
from rs_da_mm.datasets.samples.ground import Ground, Planting, Sun, Zones


@pytest.fixture
def ground():
    cover = np.full((4, 6), Cover.LAKE, np.uint8)
    cover[1:3, 2:5] = Cover.RURAL
    district = np.arange(24, dtype=np.int32).reshape(4, 6) % 2
    return Ground.empty(Zones(cover, district, np.array([0.0, np.pi / 2], np.float32)), 2.0, Sun(0.0, 0.8))


def test_a_patch_lists_the_middle_of_each_pixel(ground):
    patch = ground.patch(ground.cover == Cover.RURAL)
    assert patch.x.tolist() == [5, 7, 9] * 2
    assert patch.y.tolist() == [3] * 3 + [5] * 3
    assert patch.district.tolist() == [0, 1, 0, 0, 1, 0]


def test_rotated_places_turn_with_the_district(ground):
    patch = ground.patch(ground.cover == Cover.RURAL)
    along, across = patch.rotated()
    straight = patch.district == 0
    assert np.allclose(along[straight], patch.x[straight])
    assert np.allclose(across[straight], patch.y[straight])
    assert np.allclose(along[~straight], patch.y[~straight], atol=1e-5)
    assert np.allclose(across[~straight], -patch.x[~straight], atol=1e-5)


def test_planting_changes_the_patch_and_nothing_else(ground):
    mask = ground.cover == Cover.RURAL
    patch = ground.patch(mask)
    n = patch.place.size
    ones = np.ones(n, np.float32)
    ground.plant(patch, Planting(np.full(n, Surface.TREE, np.uint8), 0.25 * ones, 2 * ones, np.arange(n, dtype=np.uint32)))
    assert (ground.surface == np.where(mask, Surface.TREE, Surface.SOIL)).all()
    assert (ground.bare == np.where(mask, 0.25, 0)).all()
    assert (ground.tone == np.where(mask, 2, 1)).all()
    assert ground.parcel[mask].tolist() == list(range(n))
    assert patch.pick(ground.tone).tolist() == [2.0] * n
