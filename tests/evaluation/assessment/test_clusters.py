from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.evaluation.area_adjusted import critical_value, stratified_estimates
from rs_da_mm.evaluation.assessment.clusters import cluster_estimates

OWN = np.arange(3)


def numbers(found):
    return [found.overall, *found.users, *found.producers, *found.areas]


def errors(found):
    return [found.overall_error, *found.users_error, *found.producers_error, *found.areas_error]


def single_pixels(counts):
    """A group per pixel."""
    groups = []
    for (i, j), n in np.ndenumerate(counts):
        cell = np.zeros_like(counts)
        cell[i, j] = 1
        groups += [cell] * n
    return np.array(groups)


def test_groups_of_one_pixel_are_a_stratified_sample():
    """But for n/(n - 1) of each stratum, which the linearised variance has once for all groups."""
    counts = np.array([[400, 30, 20], [10, 300, 40], [5, 60, 500]])
    sizes = [5.0, 3.0, 9.0]
    strata = np.zeros((3, 3, 3), int)
    strata[OWN, OWN] = counts
    expected, found = stratified_estimates(strata, sizes), cluster_estimates(single_pixels(counts), sizes, OWN)
    assert numbers(found) == pytest.approx(numbers(expected), rel=1e-12)
    assert errors(found) == pytest.approx(errors(expected), rel=3e-3)


def test_without_strata_it_is_the_ratio_of_a_cluster_sample():
    """Overall accuracy O = sum y_c / sum x_c with V = C/(C - 1) sum (y_c - O x_c)² / (sum x_c)² over five groups."""
    groups = np.random.default_rng(3).integers(1, 9, (5, 2, 2))
    found = cluster_estimates(groups, [7.0], [0, 0])
    right, pixels = np.trace(groups, axis1=1, axis2=2), groups.sum((1, 2))
    overall = right.sum() / pixels.sum()
    assert found.overall == pytest.approx(overall)
    assert found.overall_error**2 == pytest.approx(5 / 4 * ((right - overall * pixels) ** 2).sum() / pixels.sum() ** 2)
    mapped, correct = groups.sum(2)[:, 0], groups[:, 0, 0]
    users = correct.sum() / mapped.sum()
    assert found.users_error[0] ** 2 == pytest.approx(5 / 4 * ((correct - users * mapped) ** 2).sum() / mapped.sum() ** 2)


def test_more_pixels_that_say_the_same_tell_nothing_more():
    groups = np.random.default_rng(0).integers(0, 5, (40, 3, 3))
    once, often = (cluster_estimates(groups * times, [1.0, 2.0, 3.0], OWN) for times in (1, 25))
    assert numbers(once) == pytest.approx(numbers(often), rel=1e-12)
    assert errors(once) == pytest.approx(errors(often), rel=1e-12)


def test_every_group_twice_shrinks_the_error_as_twice_the_sample():
    groups = np.random.default_rng(1).integers(0, 5, (300, 3, 3))
    once, twice = (cluster_estimates(given, [1.0, 2.0, 3.0], OWN) for given in (groups, np.concatenate([groups, groups])))
    assert numbers(once) == pytest.approx(numbers(twice), rel=1e-12)
    np.testing.assert_allclose(np.array(errors(once)) / errors(twice), np.sqrt(2), rtol=2e-3)


def test_intervals_hold_the_truth_as_often_as_they_promise():
    """Fields of 1 to 40 pixels that are mapped right or wrong as a whole; taken as single pixels, they would promise far more."""
    rng = np.random.default_rng(2)
    fields, per_sample = 20_000, 600
    mapped = rng.choice(3, fields, p=[0.5, 0.3, 0.2])
    truth = np.where(rng.random(fields) < 0.8, mapped, rng.integers(0, 3, fields))
    pixels = rng.integers(1, 41, fields)
    everything = np.zeros((3, 3))
    np.add.at(everything, (mapped, truth), pixels)
    sizes, shares = everything.sum(1), everything / everything.sum()
    true = [np.trace(shares), *(np.diag(shares) / shares.sum(1)), *(np.diag(shares) / shares.sum(0)), *shares.sum(0)]
    covered, naive = [], []
    for _ in range(1000):
        drawn = rng.choice(fields, per_sample, replace=False)
        groups = np.zeros((per_sample, 3, 3), int)
        groups[np.arange(per_sample), mapped[drawn], truth[drawn]] = pixels[drawn]
        found = cluster_estimates(groups, sizes, OWN)
        covered.append(np.abs(np.subtract(numbers(found), true)) <= critical_value(0.95) * np.array(errors(found)))
        strata = np.zeros((3, 3, 3), int)
        strata[OWN, OWN] = groups.sum(0)
        wrong = stratified_estimates(strata, sizes)
        naive.append(abs(wrong.overall - true[0]) <= critical_value(0.95) * wrong.overall_error)
    assert (np.mean(covered, axis=0) > 0.93).all(), np.mean(covered, axis=0)
    assert (np.mean(covered, axis=0) < 0.97).all(), np.mean(covered, axis=0)
    assert np.mean(naive) < 0.5


def test_joined_strata_share_their_area():
    """Classes 1 and 2 of the map as one stratum: their pixels stand for their area together."""
    groups = np.array([[[8, 0, 0], [0, 3, 0], [0, 0, 0]], [[6, 2, 0], [0, 0, 0], [0, 1, 4]]])
    found = cluster_estimates(groups, [70.0, 30.0], [0, 1, 1])
    np.testing.assert_allclose(found.proportions * 100, [[14 / 16 * 70, 2 / 16 * 70, 0], [0, 3 / 8 * 30, 0], [0, 1 / 8 * 30, 15]])


def test_one_group_with_a_class_tells_no_error_of_it():
    groups = np.array([[[8, 1], [0, 0]], [[6, 2], [0, 0]], [[9, 0], [1, 5]]])
    found = cluster_estimates(groups, [70.0, 30.0], [0, 1])
    assert np.isnan(found.users_error[1])
    assert not np.isnan(found.users_error[0])
    assert not np.isnan(found.areas_error).any()


@pytest.mark.parametrize("groups", [[[[8, 1], [3, 4]]], [[[8, 1], [0, 0]], [[6, 2], [0, 0]]]])
def test_too_few_are_refused(groups):
    """One group; two groups with no pixel in a stratum that has an area."""
    with pytest.raises(ValueError, match="two groups or more"):
        cluster_estimates(groups, [1.0, 1.0], [0, 1])
