from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from rs_da_mm.models.unets import PlainUNet
from rs_da_mm.registry import MODELS


def test_published_parameter_count():
    model = MODELS.build({"type": "PlainUNet"})
    assert isinstance(model, PlainUNet)
    assert sum(parameter.numel() for parameter in model.parameters()) + 32 * 6 + 6 == 10_857_734


@pytest.mark.parametrize(("base_channels", "expected"), [(32, 10_865_414), (16, 2_719_622)])
def test_with_norm(base_channels, expected):
    model = PlainUNet(base_channels=base_channels, norm=True)
    assert sum(parameter.numel() for parameter in model.parameters()) + base_channels * 6 + 6 == expected


def unet(x, parameters):
    """A U-Net from its definition, over parameters in the order encoder, then per level up-sampling and two convolutions."""
    remaining = iter(parameters)

    def convolutions(x, count):
        for _ in range(count):
            x = F.relu(F.conv2d(x, next(remaining), next(remaining), padding=1))
        return x

    skips = []
    for level, count in enumerate((2, 2, 3, 3, 3)):
        x = convolutions(F.max_pool2d(x, 2) if level else x, count)
        skips.append(x)
    for skip in reversed(skips[:-1]):
        x = F.conv_transpose2d(x, next(remaining), next(remaining), stride=2)
        x = convolutions(torch.cat([x, skip], 1), 2)
    assert next(remaining, None) is None
    return x


def test_is_the_u_net():
    torch.manual_seed(0)
    model = PlainUNet(in_channels=2, base_channels=8)
    x = torch.rand(2, 2, 48, 32)
    expected = unet(x, [*model.parameters()])
    (found,) = model(x)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    for one, other in zip(
        torch.autograd.grad(found.square().sum(), [*model.parameters()]),
        torch.autograd.grad(expected.square().sum(), [*model.parameters()]),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_any_size():
    with torch.no_grad():
        assert PlainUNet(base_channels=8)(torch.rand(1, 3, 33, 18))[0].shape == (1, 8, 33, 18)
