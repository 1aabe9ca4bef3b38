"""What the losses over regions share, shown on both of them."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from mmengine.registry import MODELS

from rs_da_mm.errors import InputError
from rs_da_mm.models.losses import LovaszSoftmaxLoss, SoftDiceLoss

BOTH = pytest.mark.parametrize("kind", [SoftDiceLoss, LovaszSoftmaxLoss])
WEIGHTS = [0.5, 2.0, 1.0, 0.25]


def _batch(dtype=torch.float64, classes=4):
    generator = torch.Generator().manual_seed(7)
    logits = 2 * torch.randn(2, classes, 5, 6, generator=generator, dtype=torch.float64)
    label = torch.randint(0, classes - 1, (2, 5, 6), generator=generator)  # the last class is absent
    label[torch.rand(label.shape, generator=generator) < 0.3] = 255
    return logits.to(dtype), label


@BOTH
@pytest.mark.parametrize("class_weight", [None, WEIGHTS])
def test_gradient_by_finite_differences(kind, class_weight):
    logits, label = _batch()
    pixels = torch.rand(label.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    loss = kind(class_weight)
    assert torch.autograd.gradcheck(lambda z: loss(z, label, weight=pixels), (logits.requires_grad_(),))


@BOTH
def test_ignored_pixels_have_no_gradient_and_no_influence(kind):
    logits, label = _batch(torch.float32)
    ignored = (label == 255)[:, None]
    logits.requires_grad_()
    loss = kind()(logits, label)
    loss.backward()
    assert torch.equal(logits.grad * ignored, torch.zeros_like(logits))
    assert (logits.grad.abs().sum(1) > 0)[label != 255].any()
    changed = torch.where(ignored, 50 * torch.randn_like(logits), logits)
    torch.testing.assert_close(kind()(changed, label), loss, rtol=1e-6, atol=1e-7)


@BOTH
def test_a_pixel_sampler_leaves_pixels_out_like_ignoring_them(kind):
    logits, label = _batch()
    kept = torch.rand(label.shape, generator=torch.Generator().manual_seed(1)) < 0.5
    torch.testing.assert_close(kind()(logits, label, weight=kept), kind()(logits, label.masked_fill(~kept, 255)))


@BOTH
@pytest.mark.parametrize("class_weight", [None, WEIGHTS])
def test_nothing_but_ignored_pixels_gives_exactly_nothing(kind, class_weight):
    logits = torch.randn(2, 4, 5, 6, requires_grad=True)
    loss = kind(class_weight)(logits, torch.full((2, 5, 6), 255))
    loss.backward()
    assert loss.shape == ()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@BOTH
def test_a_single_labelled_pixel(kind):
    logits = torch.randn(1, 4, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    label = torch.full((1, 5, 6), 255)
    label[0, 2, 3] = 1
    p = logits.softmax(1)[0, 1, 2, 3]
    expected = 1 - 2 * p / (p**2 + 1) if kind is SoftDiceLoss else 1 - p
    torch.testing.assert_close(kind()(logits, label), expected)


@BOTH
def test_right_is_0_and_wrong_is_1(kind):
    label = torch.tensor([[[0, 1, 2, 2]]])
    right = 200.0 * torch.nn.functional.one_hot(label, 3).permute(0, 3, 1, 2)
    assert kind()(right, label).item() == pytest.approx(0, abs=1e-6)
    assert kind()(right, (label + 1) % 3).item() == pytest.approx(1, abs=1e-6)


@BOTH
def test_class_weights_weigh_the_classes(kind):
    logits, label = _batch(classes=3)
    each = [kind([float(c == wanted) for c in range(3)])(logits, label) for wanted in range(2)]
    torch.testing.assert_close(kind()(logits, label), (each[0] + each[1]) / 2)  # class 2 is absent
    torch.testing.assert_close(kind([3.0, 1.0, 9.0])(logits, label), (3 * each[0] + each[1]) / 4)
    assert kind([0.0, 0.0, 1.0])(logits, label).item() == 0


@BOTH
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_computed_in_float32(kind, dtype):
    logits, label = _batch(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = kind()(logits, label)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, kind()(logits.float(), label), rtol=0, atol=0)


@BOTH
def test_flat_logits_memory_formats_and_small_labels(kind):
    logits, label = _batch()
    expected = kind(WEIGHTS)(logits, label)
    torch.testing.assert_close(kind(WEIGHTS)(logits.permute(0, 2, 3, 1).reshape(-1, 4), label.reshape(-1)), expected)
    torch.testing.assert_close(kind(WEIGHTS)(logits.contiguous(memory_format=torch.channels_last), label.byte()), expected)


@BOTH
def test_call_overrides_ignore_index(kind):
    logits, label = _batch()
    torch.testing.assert_close(
        kind()(logits, label.masked_fill(label == 255, 3), ignore_index=3), kind(ignore_index=255)(logits, label)
    )


@BOTH
def test_what_cannot_be(kind):
    logits, label = _batch()
    with pytest.raises(InputError, match="compares whole regions"):
        kind()(logits, label, reduction_override="none")
    with pytest.raises(InputError, match="classes is 'some'"):
        kind(classes="some")
    with pytest.raises(InputError, match="3 values, but the logits have 4 classes"):
        kind([1.0, 1.0, 1.0])(logits, label)
    with pytest.raises(InputError, match=r"value 9\b"):
        kind()(logits, label.masked_fill(label == 255, 9))


@BOTH
def test_as_mmseg_uses_it(kind):
    loss = MODELS.build({"type": kind.__name__, "class_weight": WEIGHTS, "loss_weight": 0.5})
    assert loss.loss_name == {"SoftDiceLoss": "loss_dice", "LovaszSoftmaxLoss": "loss_lovasz"}[kind.__name__]
    assert not loss.state_dict()
    assert "classes='present'" in repr(loss)
    expected = 0.5 * kind(WEIGHTS)(*_batch())
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        torch.testing.assert_close(other(*_batch()), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@BOTH
def test_a_gpu_gives_what_the_cpu_gives(kind):
    logits, label = _batch(torch.float32)
    here, there = (place.clone().requires_grad_() for place in (logits, logits.cuda()))
    expected = kind(WEIGHTS)(here, label)
    found = kind(WEIGHTS).cuda()(there, label.cuda())
    expected.backward()
    found.backward()
    torch.testing.assert_close(found.cpu(), expected)
    torch.testing.assert_close(there.grad.cpu(), here.grad)
