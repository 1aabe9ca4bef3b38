"""The authors' schedule in mmengine's terms: a cosine of ten epochs that comes back up, down to one percent."""

from __future__ import annotations

import math

import pytest
import torch
from mmengine.optim import CosineAnnealingLR


def test_cosine_of_ten_epochs_is_periodic():
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=3e-4)
    schedule = CosineAnnealingLR(optimizer, T_max=10, eta_min_ratio=0.01, by_epoch=True)
    rates = []
    for _ in range(41):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    low = 3e-6
    assert rates == pytest.approx([low + (3e-4 - low) * (1 + math.cos(math.pi * epoch / 10)) / 2 for epoch in range(41)])
    assert (rates[5], rates[10], rates[20]) == pytest.approx((1.515e-4, 3e-6, 3e-4))
