from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch

from rs_da_mm.models.losses import LovaszSoftmaxLoss
from rs_da_mm.models.losses.lovasz_softmax import jaccard_steps


def _batch(classes=3, ignored=0.3):
    generator = torch.Generator().manual_seed(13)
    logits = 2 * torch.randn(2, classes, 4, 5, generator=generator, dtype=torch.float64)
    label = torch.randint(0, classes, (2, 4, 5), generator=generator)
    label[torch.rand(label.shape, generator=generator) < ignored] = 255
    return logits, label


def _one_minus_iou(wrong: set[int], truth: set[int]) -> float:
    """One minus the intersection over union when the pixels of one set are wrong and all others right."""
    union = truth | wrong
    return 1 - len(truth - wrong) / len(union) if union else 0.0


def _extension(errors: np.ndarray, truth: set[int]) -> float:
    """The Lovász extension as an integral over thresholds of the set function, which knows no sorting and no steps."""
    levels = np.unique(np.concatenate([[0.0], errors]))
    return sum(
        (high - low) * _one_minus_iou(set(np.flatnonzero(errors >= high)), truth) for low, high in itertools.pairwise(levels)
    )


def _brute_force(logits, label, numbers):
    kept = (label != 255).flatten()
    probability = logits.softmax(1).transpose(0, 1).flatten(1)[:, kept].numpy()
    label = label.flatten()[kept].numpy()
    losses = []
    for number in numbers:
        truth = set(np.flatnonzero(label == number))
        errors = np.where(label == number, 1 - probability[number], probability[number])
        losses.append(_extension(errors, truth))
    return losses


def test_equals_the_extension_of_the_set_function():
    logits, label = _batch()
    assert LovaszSoftmaxLoss()(logits, label).item() == pytest.approx(np.mean(_brute_force(logits, label, range(3))), rel=1e-12)


def test_absent_classes_are_left_out_or_pushed_down():
    logits, label = _batch(classes=4)
    label[label == 3] = 255
    logits[:, 3][label == 255] += 9  # must not be taken for the highest of those that count
    present = _brute_force(logits, label, range(3))
    highest = logits.softmax(1)[:, 3][label != 255].max().item()
    assert _brute_force(logits, label, [3])[0] == pytest.approx(highest)
    assert LovaszSoftmaxLoss()(logits, label).item() == pytest.approx(np.mean(present), rel=1e-12)
    every = LovaszSoftmaxLoss(classes="all")(logits, label)
    assert every.item() == pytest.approx((sum(present) + highest) / 4, rel=1e-12)
    nothing = LovaszSoftmaxLoss(classes="all")(logits, torch.full_like(label, 255))
    assert nothing.item() == 0


def test_certain_predictions_cost_one_minus_their_iou():
    generator = torch.Generator().manual_seed(1)
    label = torch.randint(0, 3, (1, 8, 8), generator=generator)
    predicted = torch.randint(0, 3, (1, 8, 8), generator=generator)
    logits = 1000.0 * torch.nn.functional.one_hot(predicted, 3).permute(0, 3, 1, 2).double()
    ious = [((predicted == c) & (label == c)).sum() / ((predicted == c) | (label == c)).sum() for c in range(3)]
    assert LovaszSoftmaxLoss()(logits, label).item() == pytest.approx(1 - float(np.mean(ious)), rel=1e-6)


def test_whole_weights_are_as_good_as_repeated_pixels():
    logits, label = _batch(ignored=0.0)
    times = torch.randint(0, 4, label.shape, generator=torch.Generator().manual_seed(2)).flatten()
    flat = logits.permute(0, 2, 3, 1).reshape(-1, 3)
    repeated = LovaszSoftmaxLoss()(flat.repeat_interleave(times, 0), label.flatten().repeat_interleave(times))
    torch.testing.assert_close(LovaszSoftmaxLoss()(flat, label.flatten(), weight=times), repeated)


def test_steps_are_exact_over_millions_of_pixels():
    """In float32 a union of 2²⁴ pixels grows no more by one, and differences of neighbours are lost in rounding."""
    counts = torch.ones(1000)
    counts[0] = 2**24
    truth = torch.zeros(1000, dtype=torch.bool)
    truth[-1] = True
    steps = jaccard_steps(torch.linspace(1, 0, 1000), truth, counts)
    unions = [1, *(1 + 2**24 + k for k in range(999))]
    expected = [Fraction(1, before) - Fraction(1, after) for before, after in itertools.pairwise(unions)]
    torch.testing.assert_close(steps[:-1].double(), torch.tensor([float(step) for step in expected]).double(), rtol=1e-5, atol=0)
    assert steps[-1].item() == pytest.approx(1 / unions[-1], rel=1e-6)


def test_pixels_that_do_not_count_raise_nothing():
    errors = torch.tensor([0.9, 0.8, 0.7, 0.6])
    truth = torch.tensor([True, False, False, True])
    counts = torch.tensor([0.0, 1.0, 0.0, 1.0])
    assert jaccard_steps(errors, truth, counts).tolist() == [0, 0.5, 0, 0.5]
    assert jaccard_steps(errors, truth, torch.zeros(4)).tolist() == [0, 0, 0, 0]
    assert jaccard_steps(errors, torch.zeros(4, dtype=torch.bool), counts).tolist() == [0, 1, 0, 0]


def test_agrees_with_mmsegs_where_that_works():
    from mmseg.models.losses import LovaszLoss

    logits, label = _batch(classes=5)
    theirs = LovaszLoss(reduction="none", class_weight=[1.0] * 5)(logits.float(), label, ignore_index=255)
    torch.testing.assert_close(LovaszSoftmaxLoss()(logits.float(), label), theirs)
