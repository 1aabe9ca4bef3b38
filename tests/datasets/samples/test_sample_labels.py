from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.samples.covers import Cover, Surface
from rs_da_mm.datasets.samples.ground import Ground, Sun, Zones
from rs_da_mm.datasets.samples.labels import Legend, draw_labels, leave_out
from rs_da_mm.datasets.samples.noise import named_generator

LEGEND = Legend(codes={Cover.URBAN: 1, Cover.LAKE: 2}, unlabelled=0, coarseness=1, slip=0.0)


def ground_of(cover):
    return Ground.empty(Zones(cover, np.zeros(cover.shape, np.int32), np.zeros(1, np.float32)), 2.0, Sun(0.0, 0.8))


def halves(height=80, width=120):
    cover = np.full((height, width), Cover.URBAN, np.uint8)
    cover[:, width // 2 :] = Cover.LAKE
    return cover


def draw(cover, seed=0, **changes):
    legend = Legend(**{**LEGEND.__dict__, **changes})
    return draw_labels(named_generator(seed, "labels"), ground_of(cover), legend, 2)


def test_a_perfect_map_is_the_truth_at_half_the_resolution():
    labels = draw(halves())
    assert labels.shape == (40, 60)
    assert (labels[:, :30] == 1).all()
    assert (labels[:, 30:] == 2).all()


def test_what_the_legend_does_not_name_is_unlabelled():
    cover = halves()
    cover[:20] = Cover.BARE
    assert (draw(cover)[:10] == 0).all()


def test_a_legend_of_surfaces_reads_surfaces():
    ground = ground_of(halves())
    ground.surface[:] = Surface.CROP
    ground.bare[:, :60] = 0.9
    ground.surface[:10] = Surface.ROOF_RED
    legend = Legend(codes={Surface.ROOF_RED: 3, Surface.CROP: 4, Surface.SOIL: 5}, unlabelled=0, coarseness=1, slip=0.0)
    truth = legend.read(ground)
    assert (truth[:10] == 3).all()
    assert (truth[10:, :60] == 5).all()
    assert (truth[10:, 60:] == 4).all()


def test_coarseness_drops_what_is_small():
    cover = halves()
    cover[40:44, 20:24] = Cover.LAKE  # 2 × 2 pixels of the map
    assert (draw(cover, coarseness=5)[:, :28] == 1).all()
    assert (draw(cover, coarseness=1)[20:22, 10:12] == 2).all()


def test_slip_moves_outlines_by_about_its_size():
    edges = np.concatenate([(draw(halves(400, 120), seed, slip=2.0) == 1).sum(axis=1) for seed in range(8)])
    assert edges.mean() == pytest.approx(30, abs=1)
    assert edges.std() == pytest.approx(2.0, rel=0.35)


def test_rims_follow_their_share_of_the_borders():
    labels = np.stack([draw(halves(400, 120), seed, rims=0.3, rim=2) for seed in range(8)])
    rim = labels == 0
    assert rim[..., 27:33].sum() == rim.sum()
    # A strip of two pixels on either side of the border.
    assert rim.any(axis=2).mean() == pytest.approx(0.3, abs=0.12)
    assert rim.sum(axis=2).max() == 4


def test_a_share_of_a_scene_is_left_out():
    labels = leave_out(named_generator(0, "l"), np.full((300, 400), 7, np.uint8), 0.45, 15)
    assert (labels == 15).mean() == pytest.approx(0.45, abs=0.01)
    # In large pieces: hardly any of it touches what is kept.
    border = (labels[:, 1:] != labels[:, :-1]).mean()
    assert border < 0.01
