from __future__ import annotations

import copy
import pickle

import pytest
import torch
from mmengine.model import BaseDataPreprocessor
from mmengine.registry import MODELS
from small_gan import SmallDiscriminator, SmallGAN, SmallGenerator
from torch import nn

from rs_da_mm.errors import InputError
from rs_da_mm.models.adversarial import AdversarialModel, NetworkStep


@pytest.fixture
def patches(small_batches):
    return small_batches(1, dtype=torch.float32)[0]["inputs"]


def test_modes_of_forward(patches):
    model = SmallGAN().eval()
    outputs = model(patches)
    assert outputs.shape == (2, 2, 8, 8)
    assert torch.equal(model(patches, mode="tensor"), outputs)
    predictions = model(patches, mode="predict")
    assert [prediction.shape for prediction in predictions] == [(2, 8, 8)] * 2
    for found in (model.val_step({"inputs": patches}), model.test_step({"inputs": patches})):
        assert torch.equal(torch.stack(found), outputs)
    with pytest.raises(InputError, match=r"mode='loss'.*MMSeparateDistributedDataParallel"):
        model(patches, mode="loss")


def test_networks_may_be_configs_and_so_may_steps():
    MODELS.register_module(module=SmallDiscriminator)
    try:

        class Configured(SmallGAN):
            def __init__(self):
                AdversarialModel.__init__(
                    self,
                    {"generator": SmallGenerator(), "discriminator": {"type": "SmallDiscriminator"}},
                    [{"name": "discriminator"}, {"name": "generator", "every": 3}],
                    ema={"generator": {"decay": 0.5, "warmup": 1}},
                )

        model = Configured()
    finally:
        del MODELS.module_dict["SmallDiscriminator"]
    assert isinstance(model.discriminator, SmallDiscriminator)
    assert model.steps == (NetworkStep("discriminator"), NetworkStep("generator", every=3))
    assert model.averages["generator"].decay == 0.5


class Halves(BaseDataPreprocessor):
    def forward(self, data, training=False):
        assert training
        return {"inputs": [patch / 2 for patch in self.cast_data(data)["inputs"]]}


def test_the_preprocessor_prepares_batches(optimizers):
    model = SmallGAN(data_preprocessor=Halves())
    seen = []
    model.discriminator_loss = lambda batch: seen.append(batch["inputs"]) or SmallGAN.discriminator_loss(model, batch)
    model.train_step({"inputs": [torch.full((2, 8, 8), 5.0)] * 2}, optimizers(model))
    assert torch.equal(seen[0][0], torch.full((2, 8, 8), 2.5))


def test_evaluating_changes_modes_and_gives_each_one_back():
    model = SmallGAN().train()
    model.discriminator.eval()
    modes = [module.training for module in model.modules()]
    with model.evaluating():
        assert not any(module.training for module in model.modules())
        assert not model.generator(torch.zeros(1, 4)).requires_grad
    assert [module.training for module in model.modules()] == modes
    with pytest.raises(ZeroDivisionError), model.evaluating():
        raise ZeroDivisionError
    assert [module.training for module in model.modules()] == modes


def test_noise_is_torchs_own():
    model = SmallGAN().double()
    torch.manual_seed(4)
    noise = model.noise(3, 4)
    torch.manual_seed(4)
    assert torch.equal(noise, torch.randn(3, 4, dtype=torch.float64))


def test_copies_leave_the_optimizers_behind(optimizers, patches):
    model = SmallGAN()
    wrappers = optimizers(model)
    model.train_step({"inputs": patches}, wrappers)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin._training is None
        assert twin.iteration.value == 1
        assert all(torch.equal(value, twin.state_dict()[key]) for key, value in model.state_dict().items())
        twin.train_step({"inputs": patches}, optimizers(twin))
    model.train_step({"inputs": patches}, wrappers)


def test_counts_and_averages_are_in_the_state_dict(optimizers, patches):
    model = SmallGAN()
    for _ in range(3):
        model.train_step({"inputs": patches}, optimizers(model))
    twin = SmallGAN()
    twin.load_state_dict(model.state_dict())
    assert (twin.iteration.value, twin.generator_ema_updates.value) == (3, 2)
    incomplete = model.state_dict()
    del incomplete["iteration._extra_state"]
    with pytest.raises(RuntimeError, match=r"iteration\._extra_state"):
        twin.load_state_dict(incomplete)


def test_a_run_that_starts_from_weights_counts_from_its_own_start(optimizers, patches):
    model = SmallGAN()
    model.iteration.value = 1001
    model.begin_training(optimizers(model), 0, 10)
    assert "generator.loss" in model.train_step({"inputs": patches}, optimizers(model))
    assert model.iteration.value == 1


class Bare(AdversarialModel):
    def infer(self, inputs, data_samples=None):
        return inputs

    def net_loss(self, batch):
        return {"loss": self.net(batch["inputs"]).mean()}


@pytest.mark.parametrize(
    ("networks", "steps", "named"),
    [
        ({"net": nn.Linear(1, 1)}, [NetworkStep("net"), NetworkStep("net")], "two steps have one name: net, net"),
        ({"net": nn.Linear(1, 1)}, [NetworkStep("net", "other")], "step 'net': no network is called other; the networks are net"),
        ({"net": nn.Linear(1, 1)}, [NetworkStep("x", "net")], r"step 'x': Bare has no method x_loss\(\)"),
        (
            {"net": nn.ModuleDict({"a": nn.Linear(1, 1)})},
            [NetworkStep("net")],
            "network 'net' is a ModuleDict, which cannot be called",
        ),
        ({"a.b": nn.Linear(1, 1)}, [], "a network cannot be called 'a.b'"),
        ({"data_preprocessor": nn.Linear(1, 1)}, [], "a network cannot be called 'data_preprocessor': Bare has that"),
        ({"iteration": nn.Linear(1, 1)}, [], "a network cannot be called 'iteration'"),
    ],
)
def test_what_does_not_fit_is_refused_when_the_model_is_built(networks, steps, named):
    with pytest.raises(InputError, match=named):
        Bare(networks, steps)


def test_an_average_needs_a_free_name():
    with pytest.raises(InputError, match="a network cannot be called 'net_ema'"):
        Bare({"net": nn.Linear(1, 1), "net_ema": nn.Linear(1, 1)}, [NetworkStep("net")], ema={"net": 0.9})
