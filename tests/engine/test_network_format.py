from __future__ import annotations

import copy
import shutil

import pytest
import torch
from mmengine.registry import MODEL_WRAPPERS
from mmseg.registry import MODELS
from torch import nn

from rs_da_mm.engine.network_format import (
    checked_compile_options,
    compile_networks,
    lay_out_as_parameters,
    lay_out_channels_last,
)
from rs_da_mm.errors import InputError

LAST = torch.channels_last


@pytest.fixture
def segmentor():
    """A narrow MACU-Net with its preprocessor, and a batch for it."""
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "EncoderDecoder",
            "data_preprocessor": {"type": "RSDataPreprocessor", "mean": [100.0] * 3, "std": [50.0] * 3},
            "backbone": {"type": "MACUNet", "in_channels": 3, "base_channels": 4},
            "decode_head": {
                "type": "FCNHead",
                "in_channels": 4,
                "channels": 4,
                "num_convs": 0,
                "concat_input": False,
                "dropout_ratio": 0,
                "num_classes": 5,
                "norm_cfg": {"type": "BN"},
                "loss_decode": {"type": "WeightedCrossEntropy"},
            },
            "train_cfg": {},
            "test_cfg": {"mode": "whole"},
        }
    )
    images = [torch.randint(0, 255, (3, 64, 64), dtype=torch.uint8) for _ in range(2)]
    samples = [SegDataSample(gt_sem_seg=PixelData(data=torch.randint(0, 5, (1, 64, 64)))) for _ in images]
    return model, {"inputs": images, "data_samples": samples}


def loss_and_gradients(model, batch):
    model.zero_grad()
    data = model.data_preprocessor(copy.deepcopy(batch), True)
    loss, _ = model.parse_losses(model(**data, mode="loss"))
    loss.backward()
    return data["inputs"], loss.item(), {name: tensor.grad for name, tensor in model.named_parameters()}


def test_channels_last_gives_the_same_loss_and_gradients(segmentor):
    model, batch = segmentor
    laid_out = copy.deepcopy(model)
    parameters = list(laid_out.parameters())
    lay_out_channels_last(laid_out)
    assert all(one is two for one, two in zip(parameters, laid_out.parameters(), strict=True)), "an optimizer holds on to them"
    assert list(model.state_dict()) == list(laid_out.state_dict())
    assert all(value.is_contiguous(memory_format=LAST) for value in laid_out.parameters() if value.dim() == 4)

    _, loss, gradients = loss_and_gradients(model, batch)
    inputs, loss_last, gradients_last = loss_and_gradients(laid_out, batch)
    assert inputs.is_contiguous(memory_format=LAST)
    assert loss_last == pytest.approx(loss, rel=1e-5)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradients_last[name], gradient, rtol=1e-3, atol=1e-5)


def test_a_volume_and_a_vector_stay_as_they_are():
    model = nn.Sequential(nn.Conv3d(2, 2, 3), nn.Linear(2, 2), nn.Conv2d(2, 4, 3))
    before = [value.stride() for value in (model[0].weight, model[1].weight)]
    lay_out_channels_last(model)
    assert [value.stride() for value in (model[0].weight, model[1].weight)] == before
    assert model[2].weight.stride() == (18, 1, 6, 2)


@pytest.mark.parametrize("options", [{"fused": True}, {"foreach": True}, {}], ids=["fused", "foreach", "plain"])
@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD])
def test_an_optimizer_resumed_in_another_format_steps_alike(kind, options):
    if kind is torch.optim.SGD:
        options = {**options, "momentum": 0.9}
    torch.manual_seed(0)
    net = nn.Conv2d(4, 8, 3)
    optimizer = kind(net.parameters(), lr=0.1, **options)
    images = torch.randn(2, 4, 8, 8)

    def step(net, optimizer):
        optimizer.zero_grad()
        net(images).square().mean().backward()
        optimizer.step()

    step(net, optimizer)
    resumed = copy.deepcopy(net)
    lay_out_channels_last(resumed)
    again = kind(resumed.parameters(), lr=0.1, **options)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    lay_out_as_parameters(again)
    step(net, optimizer)
    step(resumed, again)
    torch.testing.assert_close(net.weight, resumed.weight, rtol=1e-4, atol=1e-5)


def test_a_waiting_gradient_takes_the_format_too():
    net = nn.Conv2d(4, 8, 3)
    net(torch.randn(1, 4, 8, 8)).sum().backward()
    gradient = net.weight.grad.clone()
    lay_out_channels_last(net)
    lay_out_as_parameters(torch.optim.SGD(net.parameters(), lr=0.1))
    assert net.weight.grad.stride() == net.weight.stride()
    assert torch.equal(net.weight.grad, gradient)


class Counting:
    """A backend of torch.compile that runs the graph as it is, and counts."""

    def __init__(self):
        self.graphs = 0

    def __call__(self, graph, inputs):
        self.graphs += 1
        return graph


@pytest.mark.slow
def test_the_networks_that_are_called_are_compiled_and_nothing_is_renamed(segmentor):
    model, batch = segmentor
    model.eval()
    keys = list(model.state_dict())
    _, loss, _ = loss_and_gradients(model, batch)
    backend = Counting()
    assert compile_networks(model, backend=backend) == ["backbone"]
    _, compiled, _ = loss_and_gradients(model, batch)
    assert backend.graphs > 0
    assert compiled == pytest.approx(loss, rel=1e-6)
    assert list(model.state_dict()) == keys
    graphs = backend.graphs
    loss_and_gradients(copy.deepcopy(model), batch)
    assert backend.graphs == graphs, "a copy, as averaged models are, is not compiled"
    torch._dynamo.reset()


def test_children_of_other_models_and_networks_inside_them():
    class Gan(nn.Module):
        def __init__(self):
            super().__init__()
            self.data_preprocessor = nn.Linear(1, 1)
            self.generator = nn.Sequential(nn.Conv2d(1, 1, 1))
            self.critic = nn.Conv2d(1, 1, 1)
            self.pool = nn.Identity()

    gan = Gan()
    assert compile_networks(gan, backend="eager") == ["generator", "critic"]
    assert compile_networks(gan, ["generator.0"], backend="eager") == ["generator.0"]
    with pytest.raises(InputError, match=r"Gan has no network 'encoder'. It has: data_preprocessor, generator, critic, pool"):
        compile_networks(gan, ["encoder"])


def test_wrapped_networks_are_found_by_their_plain_names():
    @MODEL_WRAPPERS.register_module()
    class Wrapping(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

    try:
        inner = nn.ModuleDict({"conv": nn.Conv2d(1, 1, 1)})
        model = Wrapping(nn.ModuleDict({"generator": Wrapping(inner)}))
        compile_networks(model, ["generator.conv"], backend="eager")
        assert inner["conv"]._compiled_call_impl is not None
        compile_networks(model, ["generator"], backend="eager")
        assert inner._compiled_call_impl is not None
        assert model.module["generator"]._compiled_call_impl is None
    finally:
        MODEL_WRAPPERS.module_dict.pop("Wrapping")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile makes C++ of it, which a compiler is needed for")
def test_torchs_own_compiler_gives_the_same_numbers():
    torch.manual_seed(0)
    model = nn.ModuleDict({"backbone": nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())})
    images = torch.randn(1, 1, 8, 8)
    expected = model["backbone"](images)
    compile_networks(model, ["backbone"], mode="default")
    torch.testing.assert_close(model["backbone"](images), expected)
    torch._dynamo.reset()


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (None, None),
        (False, None),
        (True, {}),
        (["backbone"], {"networks": ["backbone"]}),
        ({"networks": ["a"], "mode": "reduce-overhead"}, {"networks": ["a"], "mode": "reduce-overhead"}),
    ],
)
def test_the_configs_key_is_read(value, options):
    assert checked_compile_options(value) == options


@pytest.mark.parametrize("value", ["backbone", {"network": ["backbone"]}, 3])
def test_a_wrong_key_is_told(value):
    with pytest.raises(InputError, match=r"compile_networks is .*expected True"):
        checked_compile_options(value)
