from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.samples.covers import NATURAL, Cover
from rs_da_mm.datasets.samples.noise import named_generator
from rs_da_mm.datasets.samples.zones import lay_zones, warp

SHARES = {Cover.URBAN: 0.3, Cover.IRRIGATED: 0.4, Cover.WOODLAND: 0.25, Cover.POND: 0.05}


def lay(seed=0, shape=(300, 400), shares=SHARES, ragged=5.0):
    return lay_zones(named_generator(seed, "zones"), shape, 40, shares, ragged)


def test_every_cover_with_a_share_is_there_and_no_other():
    rare = {**dict.fromkeys(Cover, 0.0), Cover.URBAN: 0.9, Cover.POND: 0.001, Cover.DRY_CROP: 0.001}
    for seed in range(20):
        assert set(np.unique(lay(seed, shares=rare).cover)) == {Cover.URBAN, Cover.POND, Cover.DRY_CROP}


def test_shares_are_what_was_wanted_on_average():
    found = np.mean([np.bincount(lay(seed, (200, 300), ragged=0.0).cover.ravel(), minlength=16) for seed in range(40)], axis=0)
    found /= found.sum()
    for cover, share in SHARES.items():
        assert found[cover] == pytest.approx(share, abs=0.05)


def test_districts_have_one_cover_and_straight_borders_without_raggedness():
    zones = lay(ragged=0.0)
    for district in np.unique(zones.district):
        assert len(np.unique(zones.cover[zones.district == district])) == 1
    assert zones.district.max() < len(zones.direction)


def test_only_natural_covers_grow_over_their_borders():
    plain, ragged = lay(ragged=1e-6), lay(ragged=6.0)
    changed = plain.cover != ragged.cover
    assert changed.any()
    assert np.isin(ragged.cover[changed], NATURAL).all()


def test_warp_moves_outlines_by_its_reach():
    half = np.zeros((400, 400), np.uint8)
    half[:, 200:] = 9
    moved = warp(named_generator(0, "w"), half, period=40, reach=4.0)
    assert set(np.unique(moved)) == {0, 9}
    assert (moved == 0).sum(axis=1).std() == pytest.approx(4.0, rel=0.35)
    assert np.array_equal(warp(named_generator(0, "w"), half, period=40, reach=0.0), half)
