from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rs_da_mm.datasets.samples.building import SHADOW_TONE, footprints, plant_settlement
from rs_da_mm.datasets.samples.covers import ROOFS, SETTLEMENTS, Cover, Settlement, Surface
from rs_da_mm.datasets.samples.ground import Ground, Sun, Zones

SHAPE = (240, 320)
FLAT = np.zeros(SHAPE, np.float32)
PLAIN = Settlement(
    block=(100, 100),
    street=10,
    plot=(30, 30),
    fill=(0.5, 0.5),
    density=1.0,
    height=(20, 20),
    roofs=(1, 0, 0, 0),
    yards=(1, 0, 0),
    trees=0.1,
    gabled=False,
)


def patch_of(direction=0.0, sun=Sun(0.0, np.pi / 4)):  # noqa: B008
    zones = Zones(np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.int32), np.array([direction], np.float32))
    return Ground.empty(zones, 1.0, sun).patch(np.ones(SHAPE, bool))


def test_what_stands_at_a_place_does_not_depend_on_what_else_is_asked():
    patch = patch_of()
    everything = footprints(*patch.rotated(), patch.district, PLAIN)
    some = slice(5000, 5100)
    alone = footprints(patch.x[some], patch.y[some], patch.district[some], PLAIN)
    for whole, part in zip(everything, alone, strict=True):
        assert np.array_equal(whole[some], part)


def test_streets_and_buildings_take_their_shares():
    here = footprints(*patch_of().rotated(), patch_of().district, PLAIN)
    assert not (here.roof & here.street).any()
    # Half of each plot's length and width; plots fill what the streets leave.
    assert here.roof.sum() / (~here.street).sum() == pytest.approx(0.25, abs=0.03)
    assert np.abs(here.face[here.roof]).max() < 1


def test_density_decides_how_many_plots_are_built_on():
    patch = patch_of()
    shares = [footprints(*patch.rotated(), patch.district, replace(PLAIN, density=d)).roof.mean() for d in (0.0, 0.5, 1.0)]
    assert shares[0] == 0
    assert shares[1] / shares[2] == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("direction", [0.0, 0.7])
def test_shadows_fall_away_from_the_sun_as_far_as_the_height_says(direction):
    sun = Sun(0.0, np.pi / 4)  # the sun stands over the columns' end, a shadow is as long as the building is high
    recipe = replace(PLAIN, height=(12, 12))
    planting = plant_settlement(patch_of(direction, sun), recipe, sun, FLAT)
    roof = (planting.surface == Surface.ROOF_GREY).reshape(SHAPE)
    shaded = (planting.tone < 0.6).reshape(SHAPE) & ~roof
    distance = np.full(SHAPE, np.inf)
    for step in range(1, 14):
        ahead = np.zeros(SHAPE, bool)
        ahead[:, :-step] = roof[:, step:]
        distance = np.where(ahead & np.isinf(distance), step, distance)
    inside = np.s_[:, :-14]
    assert shaded.sum() > 500
    assert (distance[inside][shaded[inside]] <= 12).mean() > 0.98
    west = np.zeros(SHAPE, bool)
    west[:, 1:] = roof[:, :-1]
    # Ground just beyond a building's sunny side is not in its shadow (a neighbour may shade some of it).
    assert shaded[west & ~roof].mean() < 0.4
    east = np.zeros(SHAPE, bool)
    east[:, :-3] = roof[:, 3:]
    assert shaded[inside][(east & ~roof)[inside]].mean() > 0.95


def test_shadow_darkens_to_what_the_sky_lights():
    sun = Sun(0.0, np.pi / 4)
    planting = plant_settlement(patch_of(), PLAIN, sun, FLAT)
    street = planting.surface == Surface.ASPHALT
    tones = planting.tone[street]
    assert tones.min() >= 0.88 * SHADOW_TONE - 1e-6
    assert ((tones < 1.12 * SHADOW_TONE + 1e-6) | (tones >= 0.88 - 1e-6)).all()


def test_gables_face_the_sun():
    sun = Sun(np.pi / 2, 1.2)  # across the direction 0
    planting = plant_settlement(patch_of(), replace(PLAIN, gabled=True), sun, FLAT)
    here = footprints(*patch_of().rotated(), patch_of().district, PLAIN)
    sunny, shady = here.roof & (here.face > 0), here.roof & (here.face < 0)
    assert planting.tone[sunny].mean() / planting.tone[shady].mean() == pytest.approx(1.22 / 0.78, rel=0.02)


@pytest.mark.parametrize("cover", SETTLEMENTS)
def test_settlements_are_a_mixture(cover):
    grain = np.random.default_rng(0).standard_normal(SHAPE, dtype=np.float32)
    planting = plant_settlement(patch_of(), SETTLEMENTS[cover], Sun(0.3, 0.9), grain)
    roofs = np.isin(planting.surface, ROOFS).mean()
    assert 0.1 < roofs < 0.6
    assert (planting.surface == Surface.ASPHALT).mean() > 0.03
    assert (planting.surface == Surface.TREE).mean() > 0.01


def test_the_most_built_is_told_by_its_roofs():
    roofs = np.array([SETTLEMENTS[cover].roofs for cover in (Cover.INDUSTRIAL, Cover.URBAN, Cover.RURAL)])
    assert np.allclose(roofs.sum(axis=1), 1)
    assert roofs[0, 2] > roofs[1:, 2].max()
