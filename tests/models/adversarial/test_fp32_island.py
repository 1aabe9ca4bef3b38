from __future__ import annotations

from collections import namedtuple

import pytest
import torch
from torch import nn

from rs_da_mm.models.adversarial import fp32_island
from rs_da_mm.models.adversarial.float32 import map_tensors, to_float32

Pair = namedtuple("Pair", "first second")


@fp32_island()
def squared(network, image, *, extra=None):
    """What a loss does: run a network and square."""
    squared.seen = (image.dtype, torch.is_autocast_enabled("cpu"))
    return network(image).square().mean()


def test_a_decorated_function_computes_in_float32_inside_autocast():
    network = nn.Linear(3, 3)
    image = torch.randn(2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        half = network(image)
        assert half.dtype is torch.bfloat16
        inside = squared(network, half)
        assert network(image).dtype is torch.bfloat16
    assert squared.seen == (torch.float32, False)
    assert inside.dtype is torch.float32
    assert squared.__doc__ == "What a loss does: run a network and square."
    torch.testing.assert_close(inside, network(half.float()).square().mean(), rtol=0, atol=0)


def test_gradients_go_back_through_the_cast():
    image = torch.randn(2, 3, dtype=torch.bfloat16, requires_grad=True)
    squared(nn.Identity(), image).backward()
    torch.testing.assert_close(image.grad.float(), image.detach().float() / 3, rtol=0.01, atol=0)


def test_as_a_context_it_casts_nothing():
    network, image = nn.Linear(3, 3), torch.randn(2, 3)
    with torch.autocast("cpu", torch.bfloat16):
        half = network(image)
        with fp32_island():
            assert half.dtype is torch.bfloat16
            assert network(half.float()).dtype is torch.float32
        with pytest.raises(ZeroDivisionError), fp32_island():
            raise ZeroDivisionError
        assert network(image).dtype is torch.bfloat16


def test_outside_autocast_it_changes_nothing():
    island = fp32_island()
    with island, island:
        assert not torch.is_autocast_enabled("cpu")
    assert not torch.is_autocast_enabled("cpu")


def test_casts_reach_into_structures_and_leave_the_rest():
    half = torch.ones(1, dtype=torch.bfloat16)
    double, whole = half.double(), half.long()
    found = to_float32({"pair": Pair(half, [half.half(), (double, whole)]), "name": "x", "network": nn.Identity})
    assert isinstance(found["pair"], Pair)
    assert found["pair"].first.dtype is torch.float32
    assert [tensor.dtype for tensor in (found["pair"].second[0], *found["pair"].second[1])] == [
        torch.float32,
        torch.float64,
        torch.int64,
    ]
    assert found["name"] == "x"
    assert found["network"] is nn.Identity


def test_other_values_have_a_function_of_their_own():
    assert map_tensors(torch.neg, [torch.ones(1), 2, "x"], lambda value: (value,)) == [-torch.ones(1), (2,), ("x",)]


def test_a_gradient_penalty_of_a_half_precision_critic_is_that_of_float32():
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(4, 8), nn.Softplus(), nn.Linear(8, 1))
    real, fake = torch.randn(2, 5, 4)

    def penalty(real, fake):
        mixed = (0.3 * real + 0.7 * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
        return (gradient.flatten(1).norm(dim=1) - 1).square().mean()

    with torch.autocast("cpu", torch.bfloat16):
        on_island = fp32_island()(penalty)(real, fake)
        rough = penalty(real, fake)
    assert on_island.item() == penalty(real, fake).item() != rough.item()
