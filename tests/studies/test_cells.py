"""Means, deviations, and what stands where there is no number."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.studies.cells import Cell, best_of, check_metric_names, make_cell
from rs_da_mm.studies.description import Metric
from rs_da_mm.studies.fields import StudyError

METRIC = Metric("mIoU", "mIoU", "mIoU")


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=9))
def test_mean_and_deviation_are_numpys(values):
    cell = Cell(dict(enumerate(values)), len(values))
    assert cell.mean == pytest.approx(np.mean(values), rel=1e-9, abs=1e-9)
    assert cell.deviation == pytest.approx(np.std(values, ddof=1), rel=1e-9, abs=1e-9)


def test_a_single_value_has_no_deviation():
    assert (Cell({0: 76.414}, 1).deviation, Cell({0: 76.414}, 1).number(2)) == (None, "76.41")
    assert Cell({0: 76.0, 1: 77.0}, 2).number(1) == "76.5 ± 0.7"
    assert Cell({0: 5.0, 1: 5.0}, 2).number(0) == "5"
    assert Cell().number(2) == ""


@pytest.mark.parametrize(
    ("cell", "remark"),
    [
        (Cell(), "–"),
        (Cell({0: 1.0}, 1), ""),
        (Cell({}, 2, "failed (see log)"), "failed (see log)"),
        (Cell({0: 1.0}, 3, "not run yet"), "(2 of 3 seeds missing: not run yet)"),
    ],
)
def test_remarks(cell, remark):
    assert cell.remark() == remark


def test_the_best_is_found_by_what_is_shown():
    cells = [Cell({0: 70.004}, 1), Cell({0: 69.0}, 1), Cell({}, 1), Cell({0: 70.0}, 1)]
    assert best_of(cells, METRIC) == {0, 3}
    assert best_of(cells, Metric("x", "x", "x", better="lower")) == {1}
    assert best_of(cells, Metric("x", "x", "x", better=None)) == frozenset()
    assert best_of(cells[:1], METRIC) == frozenset(), "nothing to be better than"
    assert best_of([cells[0], cells[3]], METRIC) == frozenset(), "all the same"


def cell_of(results, method, metric="mIoU", test="test", group=None):
    metric = next(one for one in results.study.metrics if one.key == metric)
    return make_cell(results, method, group, results.study.test(test), metric)


def test_values_are_collected_by_seed_and_reasons_for_the_others(make_results):
    values = {
        ("A", None, "test", 0): {"mIoU": 1.0},
        ("A", None, "test", 1): {"mIoU": 2.0},
        ("A", None, "test", 2): {"mIoU": math.nan},
        ("B", None, "test", 0): "needs",
        ("B", None, "test", 1): "failed",
        ("C", None, "test", 0): {"OA": 1.0},
    }
    results = make_results(values, {"B": "the weights"}, metrics=["mIoU"], seeds=[0, 1, 2])
    assert cell_of(results, "A") == Cell({0: 1.0, 1: 2.0}, 3, "undefined")
    assert cell_of(results, "B").remark() == "needs the weights; failed (see log); not run yet"
    assert cell_of(results, "C").reason == "–; not run yet"


def test_a_mean_of_tests_is_taken_seed_by_seed(make_results):
    # Building IoU of four cities, as the paper's table has them: its mean is their plain average.
    cities = {"vegas": (72.59, 70.0), "paris": (57.33, 60.0), "shanghai": (57.49, 50.0), "khartoum": (51.36, 40.0)}
    values = {("A", None, city, seed): {"IoU": pair[seed]} for city, pair in cities.items() for seed in (0, 1)}
    del values["A", None, "paris", 1]
    tests = [*cities, {"name": "mean", "mean_of": list(cities)}]
    results = make_results(values, metrics=["IoU"], seeds=[0, 1], tests=tests)
    cell = cell_of(results, "A", "IoU", "mean")
    assert cell.values == {0: pytest.approx(59.6925)}
    assert cell.remark() == "(1 of 2 seeds missing: not run yet)"


def test_a_change_is_relative_and_taken_seed_by_seed(make_results):
    values = {("base", None, "test", seed): {"m": base} for seed, base in enumerate((20.0, 40.0))}
    values |= {("new", None, "test", seed): {"m": new} for seed, new in enumerate((21.0, 50.0))}
    metrics = [{"name": "m"}, {"name": "m", "key": "d", "relative_to": "base"}]
    results = make_results(values, metrics=metrics, seeds=[0, 1])
    assert cell_of(results, "new", "d").values == {0: pytest.approx(5.0), 1: pytest.approx(25.0)}
    assert cell_of(results, "base", "d").values == {0: 0.0, 1: 0.0}


def test_a_method_that_has_no_part_in_a_group_has_a_dash(make_results):
    methods = [{"name": "A", "config": "a.py", "groups": {"g": False}}, {"name": "B", "config": "a.py"}]
    results = make_results({}, methods=methods, metrics=["m"], groups=[{"name": "g"}])
    assert cell_of(results, "A", "m", group="g").remark() == "–"
    assert cell_of(results, "B", "m", group="g").remark() == "not run yet"


def test_facts_of_the_training_are_metrics_too(make_results):
    results = make_results({("A", None, "test", 0): {}}, metrics=["run.parameters", "run.seconds"])
    assert cell_of(results, "A", "run.parameters").values == {0: 12.0}
    assert cell_of(results, "A", "run.seconds").values == {}


def test_a_metric_that_no_run_gives_is_told_with_the_nearest(make_results):
    results = make_results({("A", None, "test", 0): {"mIoU": 1.0}}, metrics=["MIOU"])
    with pytest.raises(StudyError, match=r"metrics 'MIOU': the test 'test' gives no 'MIOU'\. Did you mean 'mIoU'"):
        check_metric_names(results)
    check_metric_names(make_results({}, metrics=["x"], methods=[{"name": "A", "config": "a.py"}]))
