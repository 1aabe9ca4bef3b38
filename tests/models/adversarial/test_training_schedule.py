"""When optimizers step, how often, and with what: schedules, accumulation, clipping."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.logging import MessageHub
from small_gan import NOISE, SmallGAN

from rs_da_mm.models.adversarial import NetworkStep

ADAM = {"optimizer": {"type": "Adam", "lr": 0.01, "betas": (0.5, 0.9)}}


def test_steps_run_when_they_are_due_and_only_then_are_in_the_log(lines, optimizers):
    model = lines(
        NetworkStep("a", repeats=2), NetworkStep("b", every=3), NetworkStep("c", start=2, every=2), networks=("a", "b", "c")
    )
    wrappers = optimizers(model)
    ran = [sorted(model.train_step({"inputs": torch.ones(2, 1).double()}, wrappers)) for _ in range(5)]
    names = {name: [f"{name}.loss", f"{name}.loss_sum"] for name in "abc"}
    assert ran == [[*names["a"], *(names["b"] if i in (0, 3) else []), *(names["c"] if i in (2, 4) else [])] for i in range(5)]
    assert [(i, name) for i, name, _ in model.seen if i < 3] == [
        *[(0, "a"), (0, "a"), (0, "b")],
        *[(1, "a"), (1, "a")],
        *[(2, "a"), (2, "a"), (2, "c")],
    ]


def test_repeats_log_their_mean_and_are_updates_of_their_own(lines, optimizers):
    model = lines(NetworkStep("a", repeats=3), networks=("a",))
    weight, bias = model.a.weight.item(), model.a.bias.item()
    log = model.train_step({"inputs": torch.full((2, 1), 2.0).double()}, optimizers(model))
    assert model.a.weight.item() == pytest.approx(weight - 3 * 0.1 * 2)
    values = [2 * (weight - 0.2 * k) + bias - 0.1 * k for k in range(3)]
    assert log["a.loss"].item() == pytest.approx(sum(values) / 3)


def test_several_networks_may_learn_in_one_step(lines, optimizers):
    model = lines(NetworkStep("both", ("a", "b")), networks=("a", "b"))
    before = [model.a.weight.item(), model.b.weight.item()]
    model.train_step({"inputs": torch.ones(2, 1).double()}, optimizers(model))
    assert [model.a.weight.item(), model.b.weight.item()] == [weight - 0.1 for weight in before]


def test_two_steps_may_share_an_optimizer(lines, optimizers):
    model = lines(NetworkStep("a"), NetworkStep("penalty", "a", optimizer="a", every=2), networks=("a",))
    wrappers = optimizers(model, a={"accumulative_counts": 3})
    model.begin_training(wrappers, 0, 5)
    assert (wrappers["a"].inner_count, wrappers["a"]._max_counts) == (0, 8)
    for _ in range(5):
        model.train_step({"inputs": torch.ones(2, 1).double()}, wrappers)
    assert wrappers["a"].inner_count == 8


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_accumulation_is_one_large_batch(name, optimizers, small_batches):
    torch.manual_seed(1)
    many = SmallGAN(dropout=0.0, norm=False, ema=None, generator_every=1).double()
    many.steps = tuple(step for step in many.steps if step.name == name)
    large = copy.deepcopy(many)
    noise = torch.randn(6, NOISE, dtype=torch.float64)
    pieces = [*noise.split(2)]
    many.noise, large.noise = (lambda *size: pieces.pop(0)), (lambda *size: noise)
    batches = small_batches(3)
    for model in (many, large):
        model.network("discriminator" if name == "generator" else "generator").requires_grad_(False)
    wrappers = optimizers(many, **{name: {**ADAM, "accumulative_counts": 3}})
    for batch in batches:
        many.train_step(batch, wrappers)
    large.train_step({"inputs": [patch for batch in batches for patch in batch["inputs"]]}, optimizers(large, **{name: ADAM}))
    for one, two in zip(many.network(name).parameters(), large.network(name).parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-12)


def test_the_last_accumulation_of_a_run_is_applied(lines, optimizers):
    """Step b runs at 0, 2, 4, 6, 8 of 10 iterations: two by two, and the fifth alone."""
    model = lines(NetworkStep("a"), NetworkStep("b", every=2), networks=("a", "b"))
    wrappers = optimizers(model, a={"accumulative_counts": 4}, b={"accumulative_counts": 2})
    start = {name: model.child(name).weight.item() for name in "ab"}
    model.begin_training(wrappers, 0, 10)
    weights = []
    for value in range(10):
        model.train_step({"inputs": torch.full((2, 1), float(value)).double()}, wrappers)
        weights.append({name: model.child(name).weight.item() for name in "ab"})
    moved = [round((start["b"] - found["b"]) / 0.1, 9) for found in weights]
    assert moved == [0, 0, 1, 1, 1, 1, 6, 6, 14, 14]  # (0 + 2)/2, (4 + 6)/2, 8
    moved = [round((start["a"] - found["a"]) / 0.1, 9) for found in weights]
    assert moved == [0, 0, 0, 1.5, 1.5, 1.5, 1.5, 7, 7, 15.5]  # four, four, and the mean of the last two
    assert all(parameter.grad is None for parameter in model.parameters())


def test_counts_go_on_where_a_resumed_run_is(lines, optimizers):
    model = lines(NetworkStep("a", start=1, every=3, repeats=2), networks=("a",))
    wrappers = optimizers(model, a={"accumulative_counts": 2})
    model.begin_training(wrappers, 5, 20)
    assert model.iteration.value == 5
    assert (wrappers["a"].inner_count, wrappers["a"]._max_counts) == (4, 14)


def test_each_optimizer_clips_its_own_gradients(lines, optimizers):
    MessageHub.get_instance("clipping")
    model = lines(networks=("a", "b"))
    before = {name: model.child(name).weight.item() for name in "ab"}
    wrappers = optimizers(model, a={"clip_grad": {"max_norm": 0.5}}, b={"clip_grad": {"type": "value", "clip_value": 2.0}})
    model.train_step({"inputs": torch.full((2, 1), 3.0).double()}, wrappers)
    # The gradient is (3, 1) for weight and bias of either.
    assert (before["a"] - model.a.weight.item()) / 0.1 == pytest.approx(3 * 0.5 / 10**0.5, rel=1e-5)
    assert (before["b"] - model.b.weight.item()) / 0.1 == pytest.approx(2.0)
    logged = MessageHub.get_current_instance().log_scalars["train/a.grad_norm"].current()
    assert logged == pytest.approx(10**0.5)


def test_new_optimizers_are_taken_as_they_come(lines, optimizers):
    model = lines(networks=("a",))
    weight = model.a.weight.item()
    for lr in (0.1, 1.0):
        model.train_step({"inputs": torch.ones(1, 1).double()}, optimizers(model, lr=lr))
    assert model.a.weight.item() == pytest.approx(weight - 1.1)
