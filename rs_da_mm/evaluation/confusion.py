"""Counting which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rs_da_mm.errors import InputError


def confusion_matrices(
    predictions: Sequence[Tensor],
    labels: Sequence[Tensor],
    num_classes: int,
    ignore_index: int = 255,
    names: Sequence[str] | None = None,
) -> NDArray[np.int64]:
    """Count one confusion matrix per sample, all samples of a batch in one histogram on the device that they are on.

    Args:
        predictions: Predicted classes, one tensor of shape (H, W) per sample; samples may differ in size. What is predicted
            where the label is ignored is not looked at.
        labels: True classes, shapes as in ``predictions``.
        num_classes: Number of classes ``K``.
        ignore_index: Label of pixels that are not counted.
        names: What each sample is called in an error; its number in the batch by default.

    Returns:
        Pixel counts of shape (N, K, K): rows are the truth, columns the prediction.

    Raises:
        InputError: When a label (other than ``ignore_index``) or a prediction (where the label counts) is no class from 0 to
            ``K - 1``, or when a prediction and its label differ in shape.
    """
    names = [f"sample {index} of the batch" for index in range(len(labels))] if names is None else names
    for prediction, label, name in zip(predictions, labels, names, strict=True):
        if prediction.shape != label.shape:
            raise InputError(
                f"{name}: the prediction has shape {tuple(prediction.shape)} and the label {tuple(label.shape)}; expected one "
                "class per labelled pixel. Check that the test pipeline does not resize or pad the image alone."
            )
    if not labels:
        return np.zeros((0, num_classes, num_classes), np.int64)
    cells = (num_classes + 2) * (num_classes + 1)
    codes = [
        _pair_codes(prediction, label.to(prediction.device), num_classes, ignore_index).flatten() + index * cells
        for index, (prediction, label) in enumerate(zip(predictions, labels, strict=True))
    ]
    counts = torch.bincount(torch.cat(codes), minlength=len(codes) * cells)
    table: NDArray[np.int64] = counts.cpu().numpy().reshape(len(codes), num_classes + 2, num_classes + 1)
    for index, name in enumerate(names):
        if table[index, num_classes].any():
            raise _out_of_range("label", name, _strays(labels[index], num_classes, ignore_index), num_classes, ignore_index)
        if table[index, :num_classes, num_classes].any():
            counted = predictions[index][labels[index].to(predictions[index].device) != ignore_index]
            raise _out_of_range("prediction", name, _strays(counted, num_classes, None), num_classes, ignore_index)
    return np.ascontiguousarray(table[:, :num_classes, :num_classes])


def _pair_codes(prediction: Tensor, label: Tensor, num_classes: int, ignore_index: int) -> Tensor:
    """Number the (truth, prediction) pair of every pixel.

    Row ``K`` of the table collects labels that are no class, row ``K + 1`` ignored pixels, column ``K`` predictions that are no
    class: so a single histogram also finds what must be refused.
    """
    label = _as_index(label, num_classes)
    row = torch.where(label == ignore_index, num_classes + 1, torch.where(_is_class(label, num_classes), label, num_classes))
    column = _as_index(prediction, num_classes)
    column = torch.where(_is_class(column, num_classes), column, num_classes)
    return row * (num_classes + 1) + column


def _as_index(values: Tensor, num_classes: int) -> Tensor:
    """Turn class numbers into int32; a float that is no whole number (a score, NaN) becomes ``K``, which is no class."""
    index = values.to(torch.int32)
    return torch.where(index == values, index, num_classes) if values.is_floating_point() else index


def _is_class(index: Tensor, num_classes: int) -> Tensor:
    return (index >= 0) & (index < num_classes)


def _strays(values: Tensor, num_classes: int, ignore_index: int | None) -> Tensor:
    """Pick the values that are neither a class nor ignored."""
    index = _as_index(values, num_classes)
    stray = ~_is_class(index, num_classes)
    if ignore_index is not None:
        stray &= index != ignore_index
    return values[stray]


def _out_of_range(what: str, name: str, strays: Tensor, num_classes: int, ignore_index: int) -> InputError:
    found = ", ".join(str(value) for value in strays.unique()[:5].tolist())
    advice = {
        "label": "Check the data set's classes and how its labels are decoded (its colours, values and `split`).",
        "prediction": "Check that the model's `num_classes` is the number of classes of the data set.",
    }[what]
    return InputError(
        f"{name}: the {what} holds {found} ({strays.numel()} pixels); expected classes 0 to {num_classes - 1}"
        f"{f' or {ignore_index} for ignored pixels' if what == 'label' else ''}. {advice}"
    )
