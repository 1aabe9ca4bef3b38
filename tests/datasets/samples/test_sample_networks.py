from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.samples.covers import Cover, Surface
from rs_da_mm.datasets.samples.ground import Ground, Sun, Zones
from rs_da_mm.datasets.samples.networks import paint_river, paint_road, river_line, road_line
from rs_da_mm.datasets.samples.noise import named_generator

SHAPE = (200, 300)
ACROSS = np.array([(-20, 100), (320, 100)], np.float32)
DOWN = np.array([(150, -20), (150, 220)], np.float32)


@pytest.fixture
def ground():
    cover = np.full(SHAPE, Cover.IRRIGATED, np.uint8)
    return Ground.empty(Zones(cover, np.zeros(SHAPE, np.int32), np.zeros(1, np.float32)), 2.0, Sun(0.0, 0.8))


def test_a_river_has_its_width_and_its_banks(ground):
    paint_river(ground, ACROSS, width=80, bank=20)
    column = ground.cover[:, 150]
    assert (column == Cover.RIVER).sum() * 2 == pytest.approx(80, abs=4)
    assert (column == Cover.BARE).sum() * 2 == pytest.approx(40, abs=6)
    assert (ground.surface[ground.cover == Cover.RIVER] == Surface.WATER_RIVER).all()
    assert (ground.surface[ground.cover == Cover.BARE] == Surface.SAND).all()


def test_a_highway_is_a_cover_with_verges(ground):
    paint_road(ground, DOWN, width=16, verge=8, mapped=True)
    row = ground.cover[50]
    assert (row == Cover.TRAFFIC).sum() * 2 == pytest.approx(32, abs=4)
    assert (ground.surface[50] == Surface.ASPHALT).sum() * 2 == pytest.approx(16, abs=4)
    assert (ground.surface[50] == Surface.GRASS).sum() * 2 == pytest.approx(16, abs=4)


def test_a_minor_road_is_only_a_surface(ground):
    before = ground.cover.copy()
    paint_road(ground, DOWN, width=8, verge=2, mapped=False)
    assert np.array_equal(ground.cover, before)
    assert (ground.surface == Surface.ASPHALT).any()


def test_a_bridge_has_no_verges(ground):
    paint_river(ground, ACROSS, width=80, bank=0)
    paint_road(ground, DOWN, width=16, verge=8, mapped=True)
    assert set(np.unique(ground.surface[100])) == {Surface.ASPHALT, Surface.WATER_RIVER}


@pytest.mark.parametrize("line_of", [road_line, lambda rng, shape: river_line(rng, shape, 10.0)])
def test_lines_cross_the_whole_map(line_of):
    for seed in range(30):
        line = line_of(named_generator(seed, "line"), SHAPE)
        outside = (line < 0).any(axis=1) | (line > np.array(SHAPE[::-1])).any(axis=1)
        assert outside[0]
        assert outside[-1]
        assert not outside.all()


def test_roads_have_no_sharp_corners():
    for seed in range(30):
        steps = np.diff(road_line(named_generator(seed, "line"), SHAPE), axis=0)
        heading = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
        assert np.abs(np.diff(heading)).max() < np.radians(25)
