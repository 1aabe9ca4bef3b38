"""Against the worked examples of Olofsson et al. (2014) and Stehman (2014), the equations written out, and simulated samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rs_da_mm.evaluation import land_cover_scores
from rs_da_mm.evaluation.area_adjusted import critical_value, stratified_estimates, whole_area

# Olofsson et al. (2014), section 5 and table 8: deforestation, forest gain, stable forest, stable non-forest.
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
WEIGHTS = np.array([0.02, 0.015, 0.32, 0.645])
HECTARES = 10_000_000 * 0.09


def by_map_class(counts):
    strata = np.zeros((len(counts), *counts.shape), int)
    strata[np.arange(len(counts)), np.arange(len(counts))] = counts
    return strata


def test_the_worked_example_of_olofsson_2014():
    found = stratified_estimates(by_map_class(COUNTS), WEIGHTS)
    assert f"{found.overall:.2f} {1.96 * found.overall_error:.2f}" == "0.95 0.02"
    np.testing.assert_array_equal(found.users.round(2), [0.88, 0.73, 0.93, 0.96])
    np.testing.assert_array_equal((1.96 * found.users_error).round(2), [0.07, 0.10, 0.04, 0.02])
    np.testing.assert_array_equal(found.producers.round(2), [0.75, 0.85, 0.93, 0.96])
    # As equation 7 gives them, and the R package mapaccuracy, which is another program.
    np.testing.assert_allclose(
        critical_value(0.95) * found.producers_error, [0.21330593, 0.25440369, 0.03432379, 0.0183612], rtol=1e-6
    )
    np.testing.assert_allclose(found.areas * HECTARES, [21_158, 11_686, 285_770, 581_386], atol=1)
    np.testing.assert_allclose(1.96 * found.areas_error * HECTARES, [6_158, 3_756, 15_510, 16_282], atol=1)


def written_out(counts, weights):
    """Equations 1 to 10 as the paper prints them, cell by cell, with the strata's areas N_i in place of pixels."""
    k = len(counts)
    n = counts.sum(1)
    p = [[weights[i] * counts[i, j] / n[i] for j in range(k)] for i in range(k)]
    overall = sum(p[j][j] for j in range(k))
    users = [p[i][i] / sum(p[i]) for i in range(k)]
    true = [sum(p[i][j] for i in range(k)) for j in range(k)]
    producers = [p[j][j] / true[j] for j in range(k)]
    v_overall = sum(weights[i] ** 2 * users[i] * (1 - users[i]) / (n[i] - 1) for i in range(k))
    v_users = [users[i] * (1 - users[i]) / (n[i] - 1) for i in range(k)]
    v_producers = []
    for j in range(k):
        own = weights[j] ** 2 * (1 - producers[j]) ** 2 * users[j] * (1 - users[j]) / (n[j] - 1)
        q = counts[:, j] / n
        others = sum(weights[i] ** 2 * q[i] * (1 - q[i]) / (n[i] - 1) for i in range(k) if i != j)
        v_producers.append((own + producers[j] ** 2 * others) / true[j] ** 2)
    v_areas = [sum((weights[i] * p[i][j] - p[i][j] ** 2) / (n[i] - 1) for i in range(k)) for j in range(k)]
    return p, overall, users, producers, true, *(np.sqrt(v) for v in (v_overall, v_users, v_producers, v_areas))


@pytest.mark.parametrize("seed", range(5))
def test_the_equations_written_out(seed):
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 7))
    counts = rng.integers(1, 60, (classes, classes))
    weights = rng.dirichlet(np.ones(classes))
    found = stratified_estimates(by_map_class(counts), weights * 12345.0)
    expected = written_out(counts, weights)
    given = (
        found.proportions,
        found.overall,
        found.users,
        found.producers,
        found.areas,
        found.overall_error,
        found.users_error,
        found.producers_error,
        found.areas_error,
    )
    for one, other in zip(given, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_worked_example_of_stehman_2014():
    """Forty points in four strata that are not the classes of the map; the figures as printed on its pages 4932 to 4936."""
    strata = np.repeat(range(4), 10)
    mapped = ["ABCD".index(letter) for letter in "AAAAAAABBB" + "ABBBBBBBBB" + "BBCCCCCCBB" + "DDDDDDDDDD"]
    truth = ["ABCD".index(letter) for letter in "AAAAACBABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB"]
    counts = np.zeros((4, 4, 4), int)
    np.add.at(counts, (strata, mapped, truth), 1)
    found = stratified_estimates(counts, [40_000, 30_000, 20_000, 10_000])
    assert found.overall == pytest.approx(0.63)
    assert found.areas[[0, 2]] == pytest.approx([0.35, 0.20])
    assert found.users[1] == pytest.approx(0.574, abs=5e-4)
    assert found.producers[1] == pytest.approx(0.794, abs=5e-4)
    assert found.proportions[1, 2] == pytest.approx(0.08)
    errors = [*found.areas_error[[0, 2]], found.overall_error, found.users_error[1], found.producers_error[1]]
    # Those of the paper have the correction for a finite population, of one in two thousand.
    assert errors == pytest.approx([0.0822478, 0.06427977, 0.08464219, 0.1247822, 0.1165479], rel=5e-4)


def test_intervals_hold_the_truth_as_often_as_they_promise():
    """A map is sampled four thousand times: the errors are those of the estimates, and 95 of 100 intervals hold the truth."""
    rng = np.random.default_rng(1)
    pixels = 10 * np.array([[8_000, 900, 1_100], [700, 25_000, 2_300], [1_500, 2_500, 58_000]])
    sizes, truth = pixels.sum(1), pixels / pixels.sum()
    values, errors = [], []
    for _ in range(4000):
        counts = np.stack([rng.multivariate_hypergeometric(row, n) for row, n in zip(pixels, (600, 800, 1200), strict=True)])
        found = stratified_estimates(by_map_class(counts), sizes)
        values.append([found.overall, *found.users, *found.producers, *found.areas])
        errors.append([found.overall_error, *found.users_error, *found.producers_error, *found.areas_error])
    true = [np.trace(truth), *(np.diag(truth) / truth.sum(1)), *(np.diag(truth) / truth.sum(0)), *truth.sum(0)]
    values, errors = np.array(values), np.array(errors)
    np.testing.assert_allclose(values.mean(0), true, rtol=0.01)
    np.testing.assert_allclose(np.sqrt((errors**2).mean(0)), values.std(0), rtol=0.05)
    covered = (np.abs(values - true) <= critical_value(0.95) * errors).mean(0)
    assert (covered > 0.93).all(), covered
    assert (covered < 0.97).all(), covered


def test_strata_of_the_same_size_as_their_share_are_plain_counts():
    """In proportion, every estimate is that of the plain matrix."""
    counts = np.array([[30, 10], [20, 140]])
    found = stratified_estimates(by_map_class(counts), counts.sum(1))
    plain = land_cover_scores(counts.T)
    np.testing.assert_allclose(100 * found.users, plain.precision)
    np.testing.assert_allclose(100 * found.producers, plain.recall)
    assert 100 * found.overall == pytest.approx(plain.overall_accuracy)


def test_classes_of_one_side_only():
    """A class in the reference alone has an area and no user's accuracy; one in the map alone the other way round."""
    counts = by_map_class(np.array([[8, 2, 0], [0, 0, 0], [5, 0, 0]]))
    found = stratified_estimates(counts, [90.0, 0.0, 10.0])
    assert math.isnan(found.users[1])
    assert math.isnan(found.users_error[1])
    assert (found.producers[1], found.areas[1]) == pytest.approx((0.0, 0.18))
    assert (found.users[2], found.areas[2], found.areas_error[2]) == (0.0, 0.0, 0.0)
    assert math.isnan(found.producers[2])


@pytest.mark.parametrize("sizes", [[1.0, 1.0], [1.0, 0.0]])
def test_strata_without_enough_units_are_refused(sizes):
    counts = np.array([[[2, 0], [0, 1]], [[1, 0], [0, 0]]])
    with pytest.raises(ValueError, match="two sample units"):
        stratified_estimates(counts, sizes)


def test_the_whole_area_has_no_error():
    areas = np.array([[50.0, 10.0, 0.0], [5.0, 35.0, 0.0], [0.0, 0.0, 0.0]])
    found = whole_area(areas)
    assert found.overall == 0.85
    np.testing.assert_allclose(found.users, [50 / 60, 35 / 40, np.nan])
    np.testing.assert_allclose(found.producers, [50 / 55, 35 / 45, np.nan])
    np.testing.assert_allclose(found.areas, [0.55, 0.45, 0])
    assert not found.sampled
    assert not found.areas_error.any()


def test_critical_values():
    scipy_stats = pytest.importorskip("scipy.stats", reason="scipy knows the same quantiles")
    for confidence in (0.5, 0.9, 0.95, 0.99):
        assert critical_value(confidence) == pytest.approx(scipy_stats.norm.ppf((1 + confidence) / 2))
