from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation import confusion_matrices

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("label_dtype", [torch.uint8, torch.int32, torch.int64])
def test_every_sample_has_the_matrix_that_scikit_learn_counts(device, label_dtype):
    rng = np.random.default_rng(0)
    sizes = [(7, 5), (16, 16), (1, 9)]
    truth = [rng.integers(0, 6, size) for size in sizes]
    predicted = [rng.integers(0, 6, size) for size in sizes]
    ignored = [rng.random(size) < 0.3 for size in sizes]
    labels = [torch.from_numpy(np.where(i, 255, t)).to(label_dtype).to(device) for t, i in zip(truth, ignored, strict=True)]

    counted = confusion_matrices([torch.from_numpy(p).to(device) for p in predicted], labels, 6)

    assert counted.shape == (3, 6, 6)
    assert counted.dtype == np.int64
    for matrix, t, p, i in zip(counted, truth, predicted, ignored, strict=True):
        np.testing.assert_array_equal(matrix, confusion_matrix(t[~i], p[~i], labels=range(6)))


@given(
    num_classes=st.integers(1, 9),
    ignore_index=st.sampled_from([255, -1, 0]),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=25, deadline=None)
def test_every_counted_pixel_is_in_exactly_one_cell(num_classes, ignore_index, seed):
    rng = np.random.default_rng(seed)
    label = torch.from_numpy(np.where(rng.random((5, 6)) < 0.4, ignore_index, rng.integers(0, num_classes, (5, 6))))
    prediction = torch.from_numpy(rng.integers(0, num_classes, (5, 6)))
    (matrix,) = confusion_matrices([prediction], [label], num_classes, ignore_index)
    assert matrix.sum() == (label != ignore_index).sum()


def test_a_label_out_of_range_names_the_sample_and_the_value():
    label = torch.tensor([[0, 1], [7, 255]], dtype=torch.uint8)
    with pytest.raises(InputError, match=r"b\.tif: the label holds 7 \(1 pixels\); expected classes 0 to 5 or 255"):
        confusion_matrices([torch.zeros(2, 2)] * 2, [torch.zeros(2, 2, dtype=torch.uint8), label], 6, names=["a.tif", "b.tif"])


def test_a_negative_label_is_refused():
    with pytest.raises(InputError, match="holds -1"):
        confusion_matrices([torch.zeros(1, 1)], [torch.tensor([[-1]])], 6)


@pytest.mark.parametrize("prediction", [torch.tensor([[6]]), torch.tensor([[0.5]]), torch.tensor([[float("nan")]])])
def test_a_prediction_that_is_no_class_is_refused(prediction):
    with pytest.raises(InputError, match="the prediction holds"):
        confusion_matrices([prediction], [torch.tensor([[0]])], 6)


def test_predictions_at_ignored_pixels_are_not_looked_at():
    (matrix,) = confusion_matrices([torch.tensor([[255, 1]])], [torch.tensor([[255, 1]])], 2)
    np.testing.assert_array_equal(matrix, [[0, 0], [0, 1]])


def test_a_prediction_of_another_shape_is_refused():
    with pytest.raises(InputError, match=r"a\.tif: the prediction has shape \(2, 2\) and the label \(4, 4\)"):
        confusion_matrices([torch.zeros(2, 2)], [torch.zeros(4, 4)], 2, names=["a.tif"])


def test_no_samples_give_no_matrices():
    assert confusion_matrices([], [], 4).shape == (0, 4, 4)
