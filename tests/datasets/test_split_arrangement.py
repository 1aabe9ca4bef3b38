from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_da_mm.datasets.split_arrangement import Pieces, best_arrangement, class_spread

RATIOS = (0.6, 0.2, 0.2)
NONE = np.zeros((0, 2), dtype=np.int64)


def pieces(unit, pairs=NONE, weight=None, pixels=None):
    unit = np.array(unit)
    return Pieces(unit, np.ones(len(unit), dtype=np.int64) if weight is None else np.array(weight), np.array(pairs), pixels)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 40), st.booleans())
def test_pieces_that_must_not_meet_are_never_in_different_parts(seed, count, stratified):
    rng = np.random.default_rng(seed)
    unit = np.unique(rng.integers(0, 8, count), return_inverse=True)[1].reshape(-1)
    pairs = [pair for pair in itertools.combinations(range(count), 2) if unit[pair[0]] != unit[pair[1]] and rng.random() < 0.1]
    pixels = rng.integers(0, 50, (count, 3)) if stratified else None
    given_pieces = pieces(unit, np.array(pairs, dtype=np.int64).reshape(-1, 2), pixels=pixels)
    part = best_arrangement(given_pieces, RATIOS, seed)
    for i, j in pairs:
        assert part[i] == part[j] or -1 in (part[i], part[j])
    for number in range(unit.max() + 1):
        assert len(set(part[unit == number].tolist()) - {-1}) <= 1
    np.testing.assert_array_equal(best_arrangement(given_pieces, RATIOS, seed), part)


def test_units_without_neighbours_lose_nothing_and_meet_the_ratios():
    part = best_arrangement(pieces(np.repeat(np.arange(50), 4)), RATIOS, 0)
    assert np.bincount(part).tolist() == [120, 40, 40]


def test_weights_are_what_meets_the_ratios():
    part = best_arrangement(pieces(np.arange(4), weight=[6, 2, 1, 1]), (0.6, 0.2, 0.2), 0)
    sizes = [int(np.array([6, 2, 1, 1])[part == number].sum()) for number in range(3)]
    assert sizes == [6, 2, 2]


def test_the_later_unit_gives_way():
    # Two units of two pieces, of which one each is too near the other: one of the four has to go.
    part = best_arrangement(pieces([0, 0, 1, 1], [(1, 2)]), (1, 1), 0)
    assert sorted(np.bincount(part[part >= 0]).tolist()) == [1, 2]
    assert (part == -1).tolist() in ([False, True, False, False], [False, False, True, False])


def test_a_part_of_ratio_0_stays_empty():
    for pixels in (None, np.ones((9, 2), dtype=np.int64)):
        part = best_arrangement(pieces(np.arange(9), pixels=pixels), (2 / 3, 0, 1 / 3), 0)
        assert np.bincount(part, minlength=3).tolist() == [6, 0, 3]


def test_another_seed_is_another_arrangement():
    found = {tuple(best_arrangement(pieces(np.arange(30)), RATIOS, seed).tolist()) for seed in range(5)}
    assert len(found) == 5


def test_every_class_comes_into_every_part_where_it_can():
    pixels = np.zeros((60, 3), dtype=np.int64)
    pixels[:, 0] = 1000
    pixels[::20, 1] = 10  # in three units only
    pixels[::15, 2] = 10  # in four
    part = best_arrangement(pieces(np.arange(60), pixels=pixels), RATIOS, 0)
    held = np.stack([pixels[part == number].sum(axis=0) for number in range(3)])
    assert (held > 0).all()
    assert np.abs(np.bincount(part) / 60 - RATIOS).max() < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_classes_are_more_alike_than_without_looking_at_them(seed):
    rng = np.random.default_rng(seed)
    pixels = rng.gamma(0.2, 1000, (80, 5)).astype(np.int64)  # most units have hardly any of most classes
    plain = best_arrangement(pieces(np.arange(80)), RATIOS, seed)
    alike = best_arrangement(pieces(np.arange(80), pixels=pixels), RATIOS, seed)
    off = [class_spread(pixels, part, np.array(RATIOS))[1] for part in (plain, alike)]
    assert off[1] < 0.4 * off[0]


def test_the_spread_is_0_where_parts_are_the_whole_in_small():
    pixels = np.array([[6, 3]] * 10)
    part = np.repeat([0, 1, 2], [6, 2, 2])
    assert class_spread(pixels, part, np.array(RATIOS)) == (0, pytest.approx(0))
    # All of class 1 in part 1, whose share is 0.2: 0.8 too much there. Class 0 is 6 of 8, 0 of 8 and 2 of 8.
    held = np.where((part == 1)[:, None], [0, 5], [1, 0])
    assert class_spread(held, part, np.array(RATIOS)) == (3, pytest.approx((0.2 + 0.8) / 2))
