"""The base under mmengine's Runner: loops, schedules, precision, resuming, and hooks that undo an iteration."""

from __future__ import annotations

import math

import pytest
import torch
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from small_gan import SmallGAN, small_gan_config

from rs_da_mm.engine.autocast import AutocastOptimWrapper, enable_autocast
from rs_da_mm.engine.hooks.nonfinite_guard import NonFiniteGuardHook

pytestmark = pytest.mark.usefixtures("fresh_mmengine")
EVERY = {"default_hooks.checkpoint.interval": 1, "default_hooks.checkpoint.by_epoch": False}


def run(config):
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


@pytest.mark.parametrize("by_epoch", [False, True])
def test_a_runner_trains_it(tmp_path, by_epoch):
    runner = run(small_gan_config(tmp_path, by_epoch=by_epoch))
    model = runner.model
    assert (model.iteration.value, model.generator_ema_updates.value, runner.iter) == (12, 6, 12)
    logged = runner.message_hub.log_scalars
    assert {name for name in logged if "loss" in name} == {
        *("train/discriminator.loss", "train/discriminator.loss_real", "train/discriminator.loss_fake"),
        *("train/generator.loss", "train/generator.loss_adversarial"),
    }
    assert [len(logged[f"train/{name}.loss"].data[0]) for name in ("discriminator", "generator")] == [12, 6]
    assert "train/discriminator.grad_norm" in logged
    assert "val/mean" in logged
    assert (tmp_path / ("epoch_3.pth" if by_epoch else "iter_12.pth")).is_file()


def test_each_optimizer_has_its_schedule(tmp_path):
    logged = run(small_gan_config(tmp_path)).message_hub.log_scalars
    rates = {name: logged[f"train/{name}.lr"].data[0] for name in ("generator", "discriminator")}
    assert rates["generator"] == pytest.approx([0.01 * (1 - 0.5 * i / 11) for i in range(12)])
    assert rates["discriminator"] == pytest.approx([0.005] * 11 + [0.01])


def test_it_learns_in_mixed_precision(tmp_path):
    config = small_gan_config(tmp_path)
    enable_autocast(config)
    runner = run(config)
    assert {type(wrapper) for wrapper in runner.optim_wrapper.values()} == {AutocastOptimWrapper}
    assert {value.dtype for value in runner.model.parameters()} == {torch.float32}
    losses = [buffer.data[0] for name, buffer in runner.message_hub.log_scalars.items() if "loss" in name]
    assert all(math.isfinite(value) for values in losses for value in values)


@pytest.mark.parametrize("at", [4, 5])
@pytest.mark.parametrize("by_epoch", [False, True])
def test_a_resumed_run_ends_with_the_same_weights(tmp_path, by_epoch, at, forget_runs):
    """With dropout, noise, an average, steps every second iteration, and in the middle of an accumulation."""
    options = {"by_epoch": by_epoch, "accumulate": 2, **EVERY}
    whole = run(small_gan_config(tmp_path / "whole", **options)).model
    forget_runs()
    config = small_gan_config(tmp_path / "resumed", **options)
    config.resume, config.load_from = True, str(tmp_path / "whole" / f"iter_{at}.pth")
    resumed = run(config).model
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert resumed.iteration.value == 12


@HOOKS.register_module()
class SpoilHook(NonFiniteGuardHook):
    """Makes one iteration's batch infinite before the guard looks on."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        super().before_train_iter(runner, batch_idx, data_batch)
        if runner.iter == 4:
            data_batch["inputs"][0].fill_(float("nan"))


def test_an_iteration_that_a_hook_undoes_counts_in_the_schedule(tmp_path):
    config = small_gan_config(tmp_path, accumulate=2, custom_hooks=[{"type": "SpoilHook", "action": "skip"}])
    runner = run(config)
    assert runner.model.iteration.value == runner.iter == 12
    assert all(value.isfinite().all() for value in runner.model.state_dict().values())
    assert runner.optim_wrapper["generator"].inner_count == 6


def test_a_run_from_the_weights_of_another_starts_its_schedule_anew(tmp_path, forget_runs):
    first = run(small_gan_config(tmp_path / "first", iterations=5)).model
    forget_runs()
    config = small_gan_config(tmp_path / "second", iterations=1)
    config.load_from = str(tmp_path / "first" / "iter_5.pth")
    runner = run(config)
    assert runner.model.iteration.value == 1
    assert "train/generator.loss" in runner.message_hub.log_scalars
    assert runner.model.generator_ema_updates.value == 4
    assert not torch.equal(runner.model.generator[0].weight, first.generator[0].weight)


def test_without_an_average_the_generator_itself_is_validated(tmp_path):
    config = small_gan_config(tmp_path, iterations=2, model={"type": "SmallGAN", "ema": None})
    model = run(config).model
    assert isinstance(model, SmallGAN)
    assert not [name for name in model.state_dict() if "_ema" in name]
