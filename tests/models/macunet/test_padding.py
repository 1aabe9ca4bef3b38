from __future__ import annotations

import pytest
import torch

from rs_da_mm.models.macunet import crop_to, pad_to_multiple


@pytest.mark.parametrize("size", [(16, 32), (64, 16)])
def test_multiples_are_left_alone(size):
    x = torch.rand(1, 2, *size)
    assert pad_to_multiple(x, 16) is x
    assert crop_to(x, *size) is x


@pytest.mark.parametrize("size", [(250, 131), (1, 1), (17, 16), (15, 33)])
def test_edge_pixels_are_repeated_and_cropped_off_again(size):
    x = torch.rand(2, 3, *size)
    padded = pad_to_multiple(x, 16)
    height, width = padded.shape[-2:]
    assert height % 16 == width % 16 == 0
    assert 0 <= height - size[0] < 16
    assert 0 <= width - size[1] < 16
    rows = torch.arange(height).clamp(max=size[0] - 1)
    columns = torch.arange(width).clamp(max=size[1] - 1)
    assert torch.equal(padded, x[:, :, rows][:, :, :, columns])
    assert torch.equal(crop_to(padded, *size), x)
