from __future__ import annotations

import pytest
import torch
from torch import nn

from rs_da_mm.models.macunet import ChannelAttention


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_equals_the_plain_form_in_output_and_every_gradient(plain_macunet, memory_format):
    torch.manual_seed(0)
    plain = plain_macunet.PlainChannelAttention(10, 32)
    block = ChannelAttention(10, 32)
    block.load_state_dict(dict(zip(block.state_dict(), plain.state_dict().values(), strict=True)))
    for parameter in [*plain.parameters()]:
        parameter.data.mul_(3)
    for parameter in [*block.parameters()]:
        parameter.data.mul_(3)
    expected_in, found_in = (torch.randn(2, 10, 8, 6, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    expected_in.requires_grad_()
    found_in = found_in.contiguous(memory_format=memory_format).requires_grad_()
    expected, found = plain(expected_in), block(found_in.split([3, 3, 4], dim=1))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    weights = torch.randn_like(expected)
    (expected * weights).sum().backward()
    (found * weights).sum().backward()
    torch.testing.assert_close(found_in.grad, expected_in.grad, rtol=1e-5, atol=1e-5)
    for wanted, parameter in zip(plain.parameters(), block.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, wanted.grad, rtol=1e-5, atol=1e-5 * wanted.grad.abs().max().item())


def test_bf16_weights_are_those_of_full_precision():
    torch.manual_seed(0)
    block = ChannelAttention(4, 16)
    x = torch.rand(2, 4, 48, 37).bfloat16().contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        expected = block([x.float()])
        found = block.bfloat16()([x])
    torch.testing.assert_close(found.float(), expected, rtol=0.03, atol=0.01)


def test_without_gradients_the_same_numbers():
    torch.manual_seed(0)
    block = ChannelAttention(6, 16)
    maps = [torch.randn(2, 2, 8, 8) for _ in range(3)]
    with torch.no_grad():
        without = block(maps)
    assert torch.equal(without, block(maps))


def test_zero_mlps_halve_every_channel():
    block = ChannelAttention(4, 16)
    for mlp in (block.average, block.maximum):
        for parameter in mlp.parameters():
            nn.init.zeros_(parameter)
    maps = [torch.randn(1, 2, 5, 7) for _ in range(2)]
    assert torch.equal(block(maps), 0.5 * block.reduce(torch.cat(maps, 1)))


def test_the_two_mlps_read_different_statistics():
    torch.manual_seed(0)
    block = ChannelAttention(4, 16)
    x = [torch.rand(1, 4, 8, 8)]
    before = block(x)
    block.average, block.maximum = block.maximum, block.average
    assert not torch.allclose(block(x), before, rtol=0, atol=1e-6)


def test_weights_of_one_image_do_not_depend_on_the_others():
    torch.manual_seed(0)
    block = ChannelAttention(3, 16)
    x = torch.randn(3, 3, 8, 8)
    torch.testing.assert_close(block([x]), torch.cat([block([one]) for one in x.split(1)]), rtol=1e-5, atol=1e-6)


def test_declared_in_the_authors_order_and_squeezed_sixteen_times():
    block = ChannelAttention(160, 64)
    assert [tuple(parameter.shape[:2]) for parameter in block.parameters()] == [(64, 160), (4, 64), (64, 4), (4, 64), (64, 4)]
    assert [name for name, _ in block.named_children()] == ["reduce", "average", "maximum"]
    assert ChannelAttention(4, 8).average[0].out_channels == 1


def test_without_weighting_only_the_convolution_is_left():
    block = ChannelAttention(4, 16, reweight=False)
    assert [name for name, _ in block.named_parameters()] == ["reduce.weight"]
    x = torch.randn(1, 4, 3, 3)
    assert torch.equal(block([x]), block.reduce(x))
