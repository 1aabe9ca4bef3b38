from __future__ import annotations

import copy

import pytest
import torch
from mmengine.model import BaseModule
from mmengine.runner.checkpoint import load_state_dict
from small_gan import SmallGAN
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from rs_da_mm.errors import InputError
from rs_da_mm.models.adversarial import AdversarialModel, Average, NetworkStep
from rs_da_mm.models.adversarial.averaging import average_of, update_average


def test_decay_warms_up():
    average = Average(0.9, warmup=10)
    assert [average.decay_at(t) for t in range(3)] == [1 / 10, 2 / 11, 3 / 12]
    assert average.decay_at(1000) == 0.9
    assert Average(0.9, warmup=1).decay_at(0) == 0.9


def test_settings_are_a_number_or_a_dict():
    assert Average.parse(0.5) == Average(0.5)
    assert Average.parse({"decay": 0.5, "warmup": 3}) == Average(0.5, 3) == Average.parse(Average(0.5, 3))


@pytest.mark.parametrize("wrong", [{"decay": 1.0}, {"decay": -0.1}, {"warmup": 0}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(InputError, match="ema: "):
        Average(**wrong)


def test_parameters_are_averaged_and_buffers_copied():
    network = nn.BatchNorm1d(2).double()
    average = average_of(network)
    before = average.weight.clone()
    with torch.no_grad():
        network.weight += 1.0
        network.running_mean += 3.0
        network.num_batches_tracked += 7
    update_average(average, network, 0.75)
    torch.testing.assert_close(average.weight, nn.Parameter(0.75 * before + 0.25 * (before + 1), False))
    assert torch.equal(average.running_mean, network.running_mean)
    assert average.num_batches_tracked == 7


def test_an_average_is_frozen_and_evaluates():
    network = nn.Sequential(spectral_norm(nn.Conv2d(2, 2, 1)), nn.BatchNorm2d(2))
    network(torch.randn(2, 2, 3, 3))
    average = average_of(network)
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert not any(module.training for module in average.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())
    update_average(average, network, 0.0)
    network.eval()
    image = torch.randn(2, 2, 3, 3)
    torch.testing.assert_close(average(image), network(image))


def test_in_a_model_the_average_follows_updates_not_iterations(lines, optimizers):
    model = lines(NetworkStep("a"), NetworkStep("b", every=3), ema={"b": 0.9}, networks=("a", "b"))
    wrappers = optimizers(model, b={"accumulative_counts": 2})
    expected, weights = [], [model.b.weight.item()]
    average = model.b_ema.weight.item()
    assert average == weights[0]
    for iteration in range(13):
        model.train_step({"inputs": torch.full((2, 1), 2.0).double()}, wrappers)
        if iteration in (3, 9):  # b runs at 0, 3, 6, 9, 12 and is updated at every second of them
            updates = len(expected)
            decay = min(0.9, (1 + updates) / (10 + updates))
            average = decay * average + (1 - decay) * model.b.weight.item()
            expected.append(average)
        assert model.b_ema.weight.item() == pytest.approx(average, rel=1e-14)
        assert model.b_ema_updates.value == len(expected)
    assert model.b.weight.item() == pytest.approx(weights[0] - 2 * 0.1 * 2.0)


def test_gradients_that_a_hook_takes_away_leave_the_average_alone(lines, optimizers):
    model = lines(ema={"b": 0.5})
    wrappers = optimizers(model)
    optimizer = wrappers["b"].optimizer
    optimizer.register_step_pre_hook(lambda *_: optimizer.zero_grad())
    before = copy.deepcopy(model.b_ema)
    with torch.no_grad():
        model.b.weight += 1
    model.train_step({"inputs": torch.ones(2, 1).double()}, wrappers)
    assert torch.equal(model.b_ema.weight, before.weight)
    assert model.b_ema_updates.value == 0


def test_inference_takes_the_average(small_batches):
    with_average, without = SmallGAN(), SmallGAN(ema=None)
    assert with_average.inference_network("generator") is with_average.generator_ema
    assert without.inference_network("generator") is without.generator
    with torch.no_grad():
        with_average.generator[0].weight += 1
    inputs = small_batches(1, dtype=torch.float32)[0]["inputs"]
    noise = torch.stack([patch.mean().expand(4) for patch in inputs])
    with with_average.evaluating():
        assert torch.equal(with_average(inputs), with_average.generator_ema(noise))
        assert not torch.equal(with_average(inputs), with_average.generator(noise))


class Drawn(BaseModule):
    """Counts how often it was initialised."""

    calls = 0

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)

    def forward(self, value):
        return self.linear(value)

    def init_weights(self):
        type(self).calls += 1
        nn.init.normal_(self.linear.weight)


class DrawnModel(AdversarialModel):
    def __init__(self):
        super().__init__({"drawn": Drawn()}, [NetworkStep("drawn")], ema={"drawn": 0.9})

    def infer(self, inputs, data_samples=None):
        return inputs

    def drawn_loss(self, batch):
        return {"loss": self.drawn(batch["inputs"]).mean()}


def test_init_weights_passes_averages_over_and_lets_them_start_from_their_networks():
    Drawn.calls = 0
    model = DrawnModel()
    model.init_weights()
    assert Drawn.calls == 1
    assert torch.equal(model.drawn_ema.linear.weight, model.drawn.linear.weight)
    with torch.no_grad():
        model.drawn_ema.linear.weight += 1
    kept = model.drawn_ema.linear.weight.clone()
    model.init_weights()
    assert torch.equal(model.drawn_ema.linear.weight, kept)


@pytest.mark.parametrize("loader", ["torch", "mmengine"])
def test_weights_of_a_training_without_an_average_start_it(loader):
    source, target = SmallGAN(ema=None), SmallGAN()
    target.generator_ema_updates.value = 5
    if loader == "torch":
        target.load_state_dict(source.state_dict())
    else:
        load_state_dict(target, source.state_dict(), strict=True)
    for own, average in zip(source.generator.parameters(), target.generator_ema.parameters(), strict=True):
        assert torch.equal(own, average)
    assert target.generator_ema_updates.value == 0


def test_a_loaded_average_survives_init_weights(tmp_path):
    source = SmallGAN()
    with torch.no_grad():
        source.generator_ema[0].weight += 1
    torch.save({"state_dict": source.state_dict()}, tmp_path / "weights.pth")
    target = SmallGAN(init_cfg={"type": "Pretrained", "checkpoint": str(tmp_path / "weights.pth")})
    target.init_weights()
    assert torch.equal(target.generator_ema[0].weight, source.generator_ema[0].weight)
    assert torch.equal(target.generator[0].weight, source.generator[0].weight)


def test_an_average_of_nothing_is_refused(lines):
    with pytest.raises(InputError, match="ema: no network is called 'd'; the networks are a, b, c"):
        lines(ema={"d": 0.9})
