"""The encoder against torchvision's own networks, with weights made at random."""

from __future__ import annotations

import pytest
import torch

from rs_da_mm.models.unets.resnet_encoder import LAYERS, ResNetEncoder

PARAMETERS = {18: 11_689_512 - 513_000, 34: 21_797_672 - 513_000, 50: 25_557_032 - 2_049_000}
"""What torchvision states for its networks, less the classifiers (1000 classes from 512 or 2048 channels, with biases)."""


def random_state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A state dict in which norms have statistics of their own."""
    generator = torch.Generator().manual_seed(1)
    state = model.state_dict()
    for name, tensor in state.items():
        if name.endswith(("running_mean", "bias")):
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.1)
        elif name.endswith("running_var") or (tensor.dim() == 1 and name.endswith("weight")):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
    return state


@pytest.mark.parametrize("depth", [18, pytest.param(34, marks=pytest.mark.slow), pytest.param(50, marks=pytest.mark.slow)])
def test_every_stage_gives_what_torchvisions_gives(depth):
    torchvision = pytest.importorskip("torchvision")
    theirs = getattr(torchvision.models, f"resnet{depth}")(weights=None).eval()
    theirs.load_state_dict(random_state(theirs))
    found = {}
    for stage in ("relu", "layer1", "layer2", "layer3", "layer4"):
        getattr(theirs, stage).register_forward_hook(lambda _m, _i, out, stage=stage: found.setdefault(stage, out.clone()))
    ours = ResNetEncoder(3, depth).eval()
    missing = ours.load_state_dict({k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")}, strict=True)
    assert not missing.missing_keys
    x = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        theirs(x)
        maps = ours(x)
    for k, (got, expected) in enumerate(zip(maps, found.values(), strict=True)):
        assert got.shape == (1, ours.channels[k], 64 >> (k + 1), 96 >> (k + 1))
        torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_parameters_are_torchvisions_without_the_classifier(depth):
    with torch.device("meta"):
        encoder = ResNetEncoder(3, depth)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == PARAMETERS[depth]


def test_more_bands_change_the_stem_alone():
    with torch.device("meta"):
        three, seven = ResNetEncoder(3, 18), ResNetEncoder(7, 18)
    differing = [name for name, tensor in three.state_dict().items() if seven.state_dict()[name].shape != tensor.shape]
    assert differing == ["conv1.weight"]
    assert seven.conv1.weight.shape == (64, 7, 7, 7)


def test_convolutions_are_drawn_with_variance_2_over_fan_out():
    torch.manual_seed(0)
    weight = ResNetEncoder(3, 18).layer4[0].conv1.weight  # from 256 to 512 channels
    assert weight.std().item() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)
    assert abs(weight.mean().item()) < 1e-4


def test_layers_add_up_to_the_depth():
    for depth, (block, counts) in LAYERS.items():
        convolutions = 2 if block.expansion == 1 else 3
        assert 1 + convolutions * sum(counts) + 1 == depth
