from __future__ import annotations

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict
from small_gan import SmallGAN
from torch import nn

from rs_da_mm.models.adversarial.wrapping import strip_wrappers


class OwnModule(nn.Module):
    """A network that has a child called ``module`` itself."""

    def __init__(self):
        super().__init__()
        self.module = nn.Linear(1, 1)

    def forward(self, value):
        return self.module(value)


def wrapped_keys(state_dict):
    """The keys that mmengine's separate wrapper gives."""
    names = ("generator", "discriminator")
    return {
        key.replace(f"{key.split('.')[0]}.", f"{key.split('.')[0]}.module.", 1) if key.split(".")[0] in names else key: value
        for key, value in state_dict.items()
    }


def test_keys_of_wrapped_networks_load_into_plain_ones():
    source, target, theirs = SmallGAN(), SmallGAN(), SmallGAN()
    state = wrapped_keys(source.state_dict())
    assert "generator.module.0.weight" in state
    target.load_state_dict(state)
    load_state_dict(theirs, state, strict=True)
    for loaded in (target, theirs):
        assert all(torch.equal(value, loaded.state_dict()[key]) for key, value in source.state_dict().items())
    assert "generator.module.0.weight" in state


def test_a_networks_own_module_keeps_its_keys(lines):
    model = lines()
    model.a = OwnModule()
    state = model.state_dict()
    assert "a.module.weight" in state
    model.load_state_dict(state)
    model.load_state_dict({key.replace("b.", "b.module."): value for key, value in state.items()})


def test_prefixes_are_respected():
    model = nn.ModuleDict({"net": nn.Linear(1, 1)})
    state = {"gan.net.module.weight": 1, "gan.net.bias": 2, "net.module.weight": 3}
    strip_wrappers(state, "gan.", model)
    assert state == {"gan.net.weight": 1, "gan.net.bias": 2, "net.module.weight": 3}


def test_strict_loading_names_what_is_missing_and_what_is_not_known():
    model = SmallGAN()
    state = model.state_dict()
    state["generator.9.weight"] = state.pop("generator.5.weight")
    with pytest.raises(RuntimeError, match=r'"generator\.5\.weight"(.|\n)*"generator\.9\.weight"'):
        model.load_state_dict(state)


def test_saving_shares_the_weights_as_torch_does():
    model = SmallGAN()
    assert model.state_dict()["generator.0.weight"].data_ptr() == model.generator[0].weight.data_ptr()
