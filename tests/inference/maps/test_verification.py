"""Labels of two models are compared in windows that are spread over the scene."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_scenes import ArraySource

from rs_da_mm.inference.core.plan import plan_windows
from rs_da_mm.inference.maps.verification import label_agreement, spread_windows


def brighter_than(level):
    def model(pixels, valid):
        second = (pixels[..., 0] > level).astype(np.float32)
        return np.stack([1 - second, second], axis=1)

    return model


def test_the_share_is_that_of_pixels_with_data():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 100, (64, 64, 1), dtype=np.uint8)
    valid = (rng.random((64, 64)) > 0.3).astype(np.uint8)
    plan = plan_windows(64, 64, 16, 0)
    agreement = label_agreement(ArraySource(pixels, valid), plan, brighter_than(50), brighter_than(60))
    known = pixels[valid != 0][:, 0].astype(int)
    assert agreement.pixels == known.size
    assert agreement.windows == 16
    assert agreement.share == pytest.approx(np.mean((known <= 50) | (known > 60)))


def test_a_scene_without_data_says_nothing_against_it():
    plan = plan_windows(32, 32, 16, 0)
    source = ArraySource(np.zeros((32, 32, 1), np.uint8), np.zeros((32, 32), np.uint8))
    assert label_agreement(source, plan, brighter_than(1), brighter_than(2)) == (1.0, 0, 0)


@pytest.mark.parametrize(("side", "count"), [(16, 1), (48, 9), (320, 16)])
def test_windows_are_spread_evenly(side, count):
    plan = plan_windows(side, side, 16, 0)
    chosen = list(spread_windows(plan, 16))
    every = [window for row in plan.rows for window in row.windows]
    places = [every.index(window) for window in chosen]
    assert len(chosen) == count
    assert places == sorted(set(places))
    assert max(np.diff([-1, *places, len(every)])) <= len(every) / count + 1
