from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.area_adjusted import stratified_estimates
from rs_da_mm.evaluation.assessment.clusters import cluster_estimates
from rs_da_mm.evaluation.assessment.estimation import from_map_strata, from_polygons, from_random, from_strata

CLASSES = ("forest", "meadow", "water", "scrub")
SIZES = np.array([60.0, 30.0, 10.0, 0.0])


def test_polygons_without_a_class_of_the_map_weight_it_with_the_next():
    groups = np.zeros((40, 4, 4), np.int64)
    groups[:25, 0, 0], groups[:25, 0, 3], groups[25:, 1, 1], groups[25:, 1, 0] = 9, 2, 8, 1
    found, notes = from_polygons(groups, SIZES, CLASSES)
    expected = cluster_estimates(groups, [60.0, 40.0, 0.0], [0, 1, 1, 2])
    np.testing.assert_allclose(found.proportions, expected.proportions)
    np.testing.assert_allclose(found.areas_error, expected.areas_error)
    assert (
        notes[0] == "Too little of the sample lies in one of these classes of the map, which were weighted as one: meadow, water."
    )
    assert len(notes) == 2


def test_few_polygons_are_told():
    groups = np.tile(np.eye(4, dtype=np.int64)[:3, :, None] * np.eye(4, dtype=np.int64)[None], (4, 1, 1))
    assert from_polygons(groups, SIZES, CLASSES)[1][-1] == "12 polygons are few: the intervals are only rough."


def test_random_points_are_stratified_by_the_classes_of_the_map():
    counts = np.array([[50, 3, 0, 2], [4, 20, 1, 0], [0, 1, 9, 0], [0, 0, 0, 0]])
    found, notes = from_random(counts, SIZES, CLASSES)
    same = from_map_strata(counts, SIZES, CLASSES)
    np.testing.assert_allclose(found.proportions, same.proportions)
    np.testing.assert_allclose(found.producers_error, same.producers_error)
    assert notes == []


def test_given_strata():
    counts = np.random.default_rng(0).integers(1, 9, (3, 4, 4))
    found = from_strata(counts, np.array([1.0, 2.0, 3.0]), ("a", "b", "c"), "zone")
    np.testing.assert_allclose(found.areas, stratified_estimates(counts, [1.0, 2.0, 3.0]).areas)


def test_thin_strata_are_named():
    counts = np.array([[50, 3, 0, 2], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    with pytest.raises(InputError, match=r"every class of the map needs .* fewer: meadow \(30 % of the area\): 1, water \(10 %"):
        from_map_strata(counts, SIZES, CLASSES)
