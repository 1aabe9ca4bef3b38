from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad

from rs_da_mm.models.macunet import AsymmetricConv


def settle(module: nn.Module) -> nn.Module:
    """Give every BatchNorm statistics and an affine map that are not the identity."""
    generator = torch.Generator().manual_seed(3)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor, low, high in (
                (norm.running_mean, -0.5, 0.5),
                (norm.running_var, 0.5, 2.0),
                (norm.weight, 0.5, 1.5),
                (norm.bias, -0.3, 0.3),
            ):
                tensor.data.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)
    return module


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return ((found - expected).abs().max() / expected.abs().max().clamp(min=1.0)).item()


@pytest.fixture
def pair(plain_macunet):
    torch.manual_seed(0)
    plain = settle(plain_macunet.PlainAsymmetricConv(5, 7))
    block = AsymmetricConv(5, 7)
    block.load_state_dict(dict(zip(block.state_dict(), plain.state_dict().values(), strict=True)))
    return plain, block


@pytest.mark.parametrize("training", [True, False])
def test_equals_three_convolutions_in_output_and_every_gradient(pair, training):
    plain, block = (module.train(training) for module in pair)
    inputs = [torch.randn(3, 5, 12, 10, generator=torch.Generator().manual_seed(1)).requires_grad_() for _ in range(2)]
    outputs = [module(x) for module, x in zip((plain, block), inputs, strict=True)]
    assert relative_error(outputs[1], outputs[0]) <= 1e-5
    weights = torch.randn_like(outputs[0])
    for output in outputs:
        (output * weights).sum().backward()
    assert relative_error(inputs[1].grad, inputs[0].grad) <= 1e-5
    for expected, found in zip(plain.parameters(), block.parameters(), strict=True):
        assert relative_error(found.grad, expected.grad) <= 1e-5
    for expected, found in zip(plain.buffers(), block.buffers(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_declared_in_the_authors_order():
    shapes = [tuple(tensor.shape) for tensor in AsymmetricConv(2, 4).state_dict().values()]
    assert shapes == [(4, 2, 3, 3), (4,), (4, 2, 1, 3), (4,), (4, 2, 3, 1), (4,), (4,), (4,), (4,), (4,), ()]


def test_without_narrow_kernels_it_is_an_ordinary_block():
    torch.manual_seed(0)
    block = settle(AsymmetricConv(3, 4)).eval()
    for narrow in (block.horizontal, block.vertical):
        nn.init.zeros_(narrow.weight)
        nn.init.zeros_(narrow.bias)
    x = torch.randn(2, 3, 9, 8)
    ordinary = F.relu(block.norm(F.conv2d(x, block.square.weight, block.square.bias, padding=1)))
    torch.testing.assert_close(block(x), ordinary, rtol=0, atol=0)
    square_only = settle(AsymmetricConv(3, 4, kernels=("square",))).eval()
    square_only.square.load_state_dict(block.square.state_dict())
    torch.testing.assert_close(square_only(x), ordinary, rtol=0, atol=0)


@pytest.mark.parametrize(("kernels", "count"), [(("square", "horizontal"), 12 * 6 + 8), (("vertical", "square"), 12 * 6 + 8)])
def test_one_narrow_kernel(kernels, count):
    block = AsymmetricConv(2, 3, kernels, norm=False)
    assert sum(parameter.numel() for parameter in block.parameters()) == 3 * 2 * (9 + 3) + 2 * 3
    narrow = block.horizontal if "horizontal" in kernels else block.vertical
    x = torch.randn(1, 2, 6, 6)
    torch.testing.assert_close(block(x), F.relu(block.square(x) + narrow(x)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kernels", [(), ("horizontal",), ("square", "diagonal")])
def test_unknown_kernels_are_refused(kernels):
    with pytest.raises(ValueError, match="square"):
        AsymmetricConv(1, 1, kernels)


@pytest.mark.parametrize("norm", [True, False])
def test_deployed_block_is_the_same_function(norm):
    torch.manual_seed(0)
    block = settle(AsymmetricConv(6, 5, norm=norm)).eval()
    x = torch.randn(2, 6, 11, 13)
    with torch.no_grad():
        expected = block(x)
        block.switch_to_deploy()
        first = block(x)
        block.switch_to_deploy()
        assert torch.equal(block(x), first)
    assert relative_error(first, expected) <= 1e-5
    assert block.deployed
    assert {name: tuple(tensor.shape) for name, tensor in block.state_dict().items()} == {
        "fused.weight": (5, 6, 3, 3),
        "fused.bias": (5,),
    }


def test_deploying_in_training_mode_says_why_not():
    with pytest.raises(RuntimeError, match=r"running statistics.*eval\(\)"):
        AsymmetricConv(1, 1).switch_to_deploy()


@pytest.mark.parametrize("training", [True, False])
def test_first_and_second_derivatives(training):
    torch.manual_seed(0)
    block = settle(AsymmetricConv(2, 2)).double().train(training)
    x = torch.randn(2, 2, 4, 3, dtype=torch.double, requires_grad=True)
    names = [name for name, _ in block.named_parameters()]

    def call(x, *parameters):
        return functional_call(copy.deepcopy(block), dict(zip(names, parameters, strict=True)), (x,))

    inputs = (x, *block.parameters())
    assert torch.autograd.gradcheck(call, inputs)
    assert torch.autograd.gradgradcheck(call, inputs, atol=1e-4)


def test_functional_gradient_equals_autograd():
    torch.manual_seed(0)
    block = settle(AsymmetricConv(2, 3)).eval()
    x = torch.randn(1, 2, 5, 5)
    parameters = dict(block.named_parameters())
    functional = grad(lambda parameters: functional_call(block, parameters, (x,)).square().sum())(parameters)
    block(x).square().sum().backward()
    for name, parameter in parameters.items():
        torch.testing.assert_close(functional[name], parameter.grad, rtol=1e-5, atol=1e-6)


def test_under_autocast_kernels_are_summed_before_they_are_rounded():
    block = AsymmetricConv(1, 1, norm=False)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_()
        block.square.weight[0, 0, 1, 1] = 1.0
        block.horizontal.weight[0, 0, 0, 1] = 2.0**-8  # half of bf16's step at 1: rounding after each sum would lose both
        block.vertical.weight[0, 0, 1, 0] = 2.0**-8
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        out = block(torch.ones(1, 1, 3, 3))
    assert out.dtype == torch.bfloat16
    assert out[0, 0, 1, 1].item() == 1.0 + 2.0**-7
