from __future__ import annotations

import pytest
import torch
from torch import nn

from rs_da_mm.models.unets.folding import fold_norm


def _pair(norm_first_eval: bool = True) -> nn.Module:
    torch.manual_seed(0)
    parent = nn.Module()
    parent.conv = nn.Conv2d(3, 5, 3, bias=False)
    parent.norm = nn.BatchNorm2d(5)
    for tensor in (parent.norm.running_mean, parent.norm.weight.data, parent.norm.bias.data):
        tensor.normal_()
    parent.norm.running_var.uniform_(0.1, 2)
    return parent.eval() if norm_first_eval else parent


def test_one_convolution_gives_what_both_gave():
    parent = _pair()
    x = torch.randn(2, 3, 9, 8)
    expected = parent.norm(parent.conv(x))
    fold_norm(parent, "conv", "norm")
    assert isinstance(parent.norm, nn.Identity)
    torch.testing.assert_close(parent.norm(parent.conv(x)), expected, rtol=1e-5, atol=1e-6)
    assert parent.conv.weight.dtype == torch.float32
    assert not parent.conv.training


def test_folding_twice_changes_nothing():
    parent = _pair()
    fold_norm(parent, "conv", "norm")
    before = parent.conv.weight.clone()
    fold_norm(parent, "conv", "norm")
    assert torch.equal(parent.conv.weight, before)


def test_in_training_mode_it_is_refused():
    with pytest.raises(RuntimeError, match=r"call eval\(\) first"):
        fold_norm(_pair(norm_first_eval=False), "conv", "norm")
