from __future__ import annotations

import copy

import pytest
import torch
from mmengine.registry import MODELS

from rs_da_mm.errors import InputError
from rs_da_mm.models.losses import SoftmaxFocalLoss, WeightedCrossEntropy

WEIGHTS = [0.5, 2.0, 1.0, 0.25]


def _batch(dtype=torch.float64):
    generator = torch.Generator().manual_seed(5)
    logits = 3 * torch.randn(2, 4, 5, 6, generator=generator, dtype=torch.float64)
    label = torch.randint(0, 3, (2, 5, 6), generator=generator)  # class 3 is absent
    label[torch.rand(label.shape, generator=generator) < 0.3] = 255
    return logits.to(dtype), label


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 3.7])
@pytest.mark.parametrize("class_weight", [None, WEIGHTS])
def test_formula(gamma, class_weight):
    logits, label = _batch()
    above = below = 0.0
    for n, row, column in (label != 255).nonzero().tolist():
        true = label[n, row, column].item()
        p = (logits[n, :, row, column].exp() / logits[n, :, row, column].exp().sum())[true].item()
        w = 1.0 if class_weight is None else class_weight[true]
        above += w * (1 - p) ** gamma * -torch.tensor(p, dtype=torch.float64).log().item()
        below += w
    assert SoftmaxFocalLoss(gamma, class_weight)(logits, label).item() == pytest.approx(above / below, rel=1e-9)


def test_gamma_0_is_cross_entropy():
    logits, label = _batch()
    torch.testing.assert_close(SoftmaxFocalLoss(0.0, WEIGHTS)(logits, label), WeightedCrossEntropy(WEIGHTS)(logits, label))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_gradient_by_finite_differences(gamma):
    logits, label = _batch()
    pixels = torch.rand(label.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    loss = SoftmaxFocalLoss(gamma, WEIGHTS)
    assert torch.autograd.gradcheck(lambda z: loss(z, label, weight=pixels), (logits.requires_grad_(),))


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0])
def test_certain_pixels_keep_everything_finite(gamma):
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    loss = SoftmaxFocalLoss(gamma)(logits, torch.tensor([0, 0]))
    loss.backward()
    assert loss.item() == pytest.approx(200.0)  # one pixel right, one wrong by 400
    assert torch.isfinite(logits.grad).all()
    assert torch.equal(logits.grad[0], torch.zeros(2))


def test_ignored_pixels_have_no_gradient_and_all_ignored_is_nothing():
    logits, label = _batch(torch.float32)
    logits.requires_grad_()
    SoftmaxFocalLoss()(logits, label).backward()
    assert torch.equal(logits.grad * (label == 255)[:, None], torch.zeros_like(logits))
    assert (logits.grad.abs().sum(1) > 0)[label != 255].all()
    logits.grad = None
    loss = SoftmaxFocalLoss(class_weight=WEIGHTS)(logits, torch.full_like(label, 255))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    logits, label = _batch(dtype)
    loss = SoftmaxFocalLoss()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss(logits, label)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, loss(logits.float(), label), rtol=0, atol=0)


@pytest.mark.parametrize("gamma", [-1.0, float("nan"), float("inf")])
def test_bad_gamma(gamma):
    with pytest.raises(InputError, match="gamma is"):
        SoftmaxFocalLoss(gamma)


def test_as_mmseg_uses_it():
    loss = MODELS.build({"type": "SoftmaxFocalLoss", "gamma": 1.5, "loss_weight": 2.0})
    assert loss.loss_name == "loss_focal"
    assert repr(loss).startswith("SoftmaxFocalLoss(gamma=1.5, class_weight=None")
    logits, label = _batch()
    per_pixel = copy.deepcopy(loss)(logits, label, ignore_index=255, reduction_override="none")
    assert per_pixel.shape == label.shape
    torch.testing.assert_close(per_pixel.sum() / (label != 255).sum(), loss(logits, label))
