from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from rs_da_mm.evaluation import land_cover_scores


def drawn(seed, classes=6, in_truth=None, in_prediction=None, size=400):
    """Draw a truth and a prediction that agree half of the time."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(in_truth or classes, size)
    other = rng.choice(in_prediction or classes, size)
    return truth, np.where(rng.random(size) < 0.5, truth, other)


def expected(truth, predicted):
    """Score with scikit-learn, whose means leave out what is in neither truth nor prediction."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "y_pred contains classes not in y_true"
        share = np.bincount(truth, minlength=6) / truth.size
        iou = metrics.jaccard_score(truth, predicted, average=None, labels=range(6), zero_division=0)
        return {
            "OA": metrics.accuracy_score(truth, predicted),
            "AA": metrics.balanced_accuracy_score(truth, predicted),
            "Kappa": metrics.cohen_kappa_score(truth, predicted),
            "mIoU": metrics.jaccard_score(truth, predicted, average="macro", zero_division=0),
            "FWIoU": float(share @ iou),
            "mF1": metrics.f1_score(truth, predicted, average="macro", zero_division=0),
        }


def scored(truth, predicted):
    return land_cover_scores(metrics.confusion_matrix(truth, predicted, labels=range(6)))


@pytest.mark.parametrize(
    ("in_truth", "in_prediction"),
    [
        (None, None),
        ([0, 1, 3], [0, 1, 3]),  # 2, 4 and 5 in neither
        ([0, 1, 3], [0, 1, 2, 3]),  # 2 in the prediction alone
    ],
)
def test_scores_are_scikit_learns(in_truth, in_prediction):
    truth, predicted = drawn(0, in_truth=in_truth, in_prediction=in_prediction)
    summary = scored(truth, predicted).summary()
    for name, value in expected(truth, predicted).items():
        assert summary[name] == pytest.approx(100 * value, rel=1e-12), name


@given(seed=st.integers(0, 2**16), present=st.sets(st.integers(0, 5), min_size=2))
@settings(max_examples=20, deadline=None)
def test_scores_are_scikit_learns_for_any_classes(seed, present):
    truth, predicted = drawn(seed, in_truth=sorted(present), size=60)
    summary = scored(truth, predicted).summary()
    assert summary == pytest.approx({name: 100 * value for name, value in expected(truth, predicted).items()}, rel=1e-9)


def test_per_class_scores_by_hand():
    scores = land_cover_scores([[6, 2], [1, 3]])
    np.testing.assert_allclose(scores.iou, [100 * 6 / 9, 100 * 3 / 6])
    np.testing.assert_allclose(scores.f1, [100 * 12 / 15, 100 * 6 / 9])
    np.testing.assert_allclose(scores.precision, [100 * 6 / 7, 100 * 3 / 5])
    np.testing.assert_allclose(scores.recall, [100 * 6 / 8, 100 * 3 / 4])
    np.testing.assert_allclose(scores.share, [100 * 8 / 12, 100 * 4 / 12])
    chance = (8 * 7 + 4 * 5) / 144
    assert scores.kappa == pytest.approx(100 * (9 / 12 - chance) / (1 - chance))


def test_a_class_in_neither_leaves_the_means_as_they_are():
    with_absent = land_cover_scores([[6, 0, 2], [0, 0, 0], [1, 0, 3]])
    assert with_absent.summary() == pytest.approx(land_cover_scores([[6, 2], [1, 3]]).summary())
    assert with_absent.absent == [1]
    assert all(np.isnan(column[1]) for column in with_absent.per_class().values())


def test_a_class_in_the_prediction_alone_counts_as_missed_but_has_no_recall():
    scores = land_cover_scores([[3, 1], [0, 0]])
    assert scores.only_predicted == [1]
    assert scores.absent == []
    assert scores.mean_iou == pytest.approx(100 * (3 / 4 + 0) / 2)
    assert scores.mean_f1 == pytest.approx(100 * (6 / 7 + 0) / 2)
    assert scores.average_accuracy == pytest.approx(75)
    assert np.isnan(scores.recall[1])


def test_a_class_in_the_truth_alone_counts_everywhere():
    scores = land_cover_scores([[3, 0], [1, 0]])
    assert scores.mean_iou == pytest.approx(100 * (3 / 4 + 0) / 2)
    assert scores.average_accuracy == pytest.approx(50)
    assert scores.f1[1] == 0
    assert np.isnan(scores.precision[1])


def test_a_perfect_map_of_one_class_has_no_kappa():
    scores = land_cover_scores([[0, 0], [0, 9]])
    assert np.isnan(scores.kappa)
    assert scores.overall_accuracy == scores.mean_iou == scores.mean_f1 == 100


def test_counts_of_a_country_do_not_overflow():
    big = 10**12
    small = land_cover_scores([[6, 2], [1, 3]])
    assert land_cover_scores(np.array([[6, 2], [1, 3]]) * big).summary() == pytest.approx(small.summary())


@pytest.mark.parametrize("matrix", [[[1, 2, 3], [4, 5, 6]], [[1, -1], [0, 0]], [[0, 0], [0, 0]]])
def test_what_is_no_confusion_matrix_is_refused(matrix):
    with pytest.raises(ValueError, match="confusion matrix"):
        land_cover_scores(matrix)
