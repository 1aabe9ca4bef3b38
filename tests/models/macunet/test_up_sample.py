from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from rs_da_mm.models.macunet import UpSample
from rs_da_mm.models.macunet.up_sample import up_sample_and_reduce


def test_is_a_transposed_convolution_with_or_without_gradients():
    torch.manual_seed(0)
    hop = UpSample(6, 4)
    x = torch.randn(2, 6, 5, 3)
    expected = hop.conv(x)
    torch.testing.assert_close(hop(x), expected, rtol=1e-6, atol=1e-6)
    with torch.no_grad():
        assert torch.equal(hop(x), expected)
    wanted = torch.autograd.grad(expected.square().sum(), hop.parameters())
    found = torch.autograd.grad(hop(x).square().sum(), hop.parameters())
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-4)


def test_refined_hop_puts_a_block_behind():
    torch.manual_seed(0)
    hop = UpSample(4, 2, refine=("square", "vertical")).eval()
    x = torch.randn(1, 4, 3, 3)
    torch.testing.assert_close(hop(x), hop.refine(hop.conv(x)), rtol=1e-6, atol=1e-6)
    assert hop.refine.horizontal is None
    assert UpSample(4, 2, refine=("square",), norm=False).refine.norm is None


@pytest.mark.parametrize("count", [1, 4])
def test_last_hops_and_reduction_at_the_lower_resolution_equal_the_plain_order(count):
    torch.manual_seed(0)
    width, channels = 3, [5, 4, 6, 2][:count]
    hops = [UpSample(channel, width).double() for channel in channels]
    sources = [torch.randn(2, channel, 4, 5, dtype=torch.double, requires_grad=True) for channel in channels]
    lateral = torch.randn(2, width, 8, 10, dtype=torch.double, requires_grad=True)
    weight = torch.randn(7, (count + 1) * width, 1, 1, dtype=torch.double, requires_grad=True)
    inputs = [*sources, lateral, weight, *(parameter for hop in hops for parameter in hop.parameters())]
    expected = F.conv2d(torch.cat([*(hop(x) for hop, x in zip(hops, sources, strict=True)), lateral], 1), weight)
    found = up_sample_and_reduce(sources, hops, lateral, weight)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(expected)
    for one, other in zip(
        torch.autograd.grad((found * weights).sum(), inputs),
        torch.autograd.grad((expected * weights).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_kernels_are_composed_in_full_precision_under_autocast():
    torch.manual_seed(0)
    hop = UpSample(1, 1)
    weight = torch.tensor([[1.0 + 2.0**-10, 0.0]]).view(1, 2, 1, 1)
    with torch.no_grad():
        hop.bias.zero_()
        hop.conv.weight.fill_(1.0 - 2.0**-10)  # rounded to bf16 first, weight and kernel would each be off by a step of bf16
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        out = up_sample_and_reduce([torch.ones(1, 1, 1, 1)], [hop], torch.zeros(1, 1, 2, 2), weight)
    assert out.dtype == torch.bfloat16
    assert (out == 1.0).all()
