from __future__ import annotations

import pytest
import torch

from rs_da_mm.errors import InputError
from rs_da_mm.models.losses.pixelwise import IGNORED, PixelwiseLoss, full_precision, pixel_weights


def test_target_keeps_classes_and_marks_what_is_left_out():
    loss = PixelwiseLoss(None, 255, 1.0, "loss_any")
    label = torch.tensor([[0, 2, 255, 1]], dtype=torch.uint8)
    assert loss.target(torch.zeros(1, 3, 4), label, None).tolist() == [[0, 2, IGNORED, 1]]
    assert loss.target(torch.zeros(1, 3, 4), label.clamp_max(2), 2).tolist() == [[0, IGNORED, IGNORED, 1]]


def test_messages_name_the_loss_in_use():
    class Other(PixelwiseLoss):
        pass

    with pytest.raises(InputError, match="Other compares classes and needs at least 2 logits"):
        Other(None, 255, 1.0, "loss_other").target(torch.zeros(1, 1, 4), torch.zeros(1, 4), None)


def test_pixel_weights():
    target = torch.tensor([[1, IGNORED, 0]])
    assert pixel_weights(target, None, torch.float64).tolist() == [[1, 0, 1]]
    given = torch.tensor([[0.5, 2.0, 3.0]])
    assert pixel_weights(target, given, torch.float32).tolist() == [[0.5, 0, 3.0]]


def test_half_precision_is_raised_and_double_stays():
    expected = {torch.float16: torch.float32, torch.bfloat16: torch.float32, torch.float64: torch.float64}
    assert {dtype: full_precision(torch.zeros(1, dtype=dtype)) for dtype in expected} == expected
