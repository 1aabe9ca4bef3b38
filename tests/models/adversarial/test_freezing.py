from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from rs_da_mm.engine.optimizers import NetworkOptimWrapperConstructor
from rs_da_mm.models.adversarial import NetworkStep
from rs_da_mm.models.adversarial.freezing import LearningParameters

ONES = {"inputs": torch.ones(2, 1).double()}


def gradients(model):
    return [name for name, parameter in model.named_parameters() if parameter.grad is not None]


def learning(model):
    return [name for name, parameter in model.named_parameters() if parameter.requires_grad]


def test_only_lets_some_learn_and_gives_the_outer_choice_back():
    model = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.Linear(1, 1)})
    model["b"].bias.requires_grad_(False)
    found = LearningParameters(model, dict(model.named_children()))
    with found.one_iteration(), found.only(("a",)):
        assert learning(model) == ["a.weight", "a.bias"]
        with found.only(("b",)):
            assert learning(model) == ["b.weight"]
        assert learning(model) == ["a.weight", "a.bias"]
        assert [id(p) for p in found.of(("a", "b"))] == [id(p) for p in (model["a"].weight, model["a"].bias, model["b"].weight)]
    assert learning(model) == ["a.weight", "a.bias", "b.weight"]


def test_what_a_hook_freezes_between_iterations_stays_frozen():
    model = nn.ModuleDict({"a": nn.Linear(1, 1)})
    found = LearningParameters(model, dict(model.named_children()))
    for frozen in (False, True, False):
        model["a"].bias.requires_grad_(not frozen)
        with found.one_iteration(), found.only(("a",)):
            assert learning(model) == (["a.weight"] if frozen else ["a.weight", "a.bias"])
        assert model["a"].bias.requires_grad is not frozen


def test_gradients_are_dropped_but_for_those_to_be_kept():
    model = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.Linear(1, 1)})
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    LearningParameters(model, dict(model.named_children())).clear_gradients({id(model["a"].weight)})
    assert gradients(model) == ["a.weight"]


def test_in_a_step_its_networks_alone_require_gradients(lines, optimizers):
    model = lines(networks=("a", "b", "c"))
    model.c.bias.requires_grad_(False)
    model.extra = nn.Linear(1, 1).requires_grad_(False)
    model.train_step(ONES, optimizers(model))
    assert [names for _, _, names in model.seen] == [["a.bias", "a.weight"], ["b.bias", "b.weight"], ["c.weight"]]
    assert learning(model) == ["a.weight", "a.bias", "b.weight", "b.bias", "c.weight"]
    assert gradients(model) == []


def test_what_goes_through_a_frozen_network_leaves_no_gradient_in_it(lines, optimizers):
    model = lines(networks=("generator", "critic"))
    model.step_loss = lambda name, batch: {
        "generator": lambda: {"loss": model.critic(model.generator(batch["inputs"])).mean()},
        "critic": lambda: {"loss": -model.critic(model.generator(batch["inputs"])).mean()},
    }[name]()
    wrappers = optimizers(model, critic={"accumulative_counts": 3})
    critic, generator = model.critic.weight.clone(), model.generator.weight.clone()
    found = []
    for _ in range(6):
        model.train_step(ONES, wrappers)
        found.append(gradients(model))
    pending = ["critic.weight", "critic.bias"]
    assert found == [pending, pending, [], pending, pending, []]
    assert not torch.equal(model.critic.weight, critic)
    assert not torch.equal(model.generator.weight, generator)


def test_accumulated_gradients_are_the_networks_own(lines, optimizers):
    model = lines(networks=("generator", "critic"))
    model.step_loss = lambda name, batch: {"loss": (model.critic(model.generator(batch["inputs"])) ** 2).mean()}
    wrappers = optimizers(model, critic={"accumulative_counts": 2}, generator={"accumulative_counts": 100})
    x = ONES["inputs"]
    for _ in range(3):
        model.train_step(ONES, wrappers)
    g, c = model.generator, model.critic  # neither gradient holds what the other's step sent through it
    with torch.no_grad():
        out = c(g(x))
    torch.testing.assert_close(c.weight.grad, (out * g(x)).mean().view(1, 1) / 1.0)


def test_after_a_failure_nothing_is_left(lines, optimizers):
    model = lines(networks=("a", "b"))
    wrappers = optimizers(model, a={"accumulative_counts": 2}, b={"accumulative_counts": 2})
    model.train_step(ONES, wrappers)
    assert gradients(model) == ["a.weight", "a.bias", "b.weight", "b.bias"]

    class Breaks(torch.autograd.Function):
        @staticmethod
        def forward(ctx, value):
            return value.clone()

        @staticmethod
        def backward(ctx, gradient):
            raise MemoryError

    model.step_loss = lambda name, batch: {
        "loss": model.child(name)(batch["inputs"]).mean() + Breaks.apply(model.child(name)(batch["inputs"])).mean()
    }
    before = model.b.weight.clone()
    with pytest.raises(MemoryError):
        model.train_step(ONES, wrappers)
    # Step a failed: its half gradient is gone, that of b, which waits for its second half, is not.
    assert gradients(model) == ["b.weight", "b.bias"]
    assert learning(model) == ["a.weight", "a.bias", "b.weight", "b.bias"]
    assert torch.equal(model.b.weight, before)
    assert model.iteration.value == 1
    assert model._shared_outputs is None


def test_what_no_optimizer_holds_keeps_no_gradient(lines):
    model = lines(networks=("a", "b"))
    settings = {name: {"optimizer": {"type": "SGD", "lr": 0.1}} for name in "ab"}
    model.a.extra = nn.Linear(1, 1).double()
    model.step_loss = lambda name, batch: {"loss": sum(p.sum() for p in model.child(name).parameters())}
    wrappers = NetworkOptimWrapperConstructor({**settings, "untrained": ["a.extra"]})(model)
    before = model.a.extra.weight.clone()
    model.train_step(ONES, wrappers)
    assert gradients(model) == []
    assert torch.equal(model.a.extra.weight, before)


def test_frozen_networks_stay_frozen_while_gradients_are_computed(lines, optimizers):
    """A checkpointed part runs forward again then, and must do so as it did."""
    model = lines(networks=("a", "b"))
    model.step_loss = lambda name, batch: {
        "loss": checkpoint(lambda x: model.b(torch.tanh(model.a(x))), batch["inputs"], use_reentrant=False).mean()
    }
    model.train_step(ONES, optimizers(model))
    assert gradients(model) == []


def test_gradients_from_before_the_training_are_not_used(lines, optimizers):
    model = lines(networks=("a",))
    weight = model.a.weight.item()
    (1000 * model.a(ONES["inputs"])).sum().backward()
    model.train_step(ONES, optimizers(model))
    assert model.a.weight.item() == weight - 0.1


def test_a_network_that_no_step_trains_stays_in_evaluation_mode(lines):
    model = lines(NetworkStep("a"), networks=("a", "critic"), ema={"a": 0.9})
    model.critic.requires_grad_(False)
    assert model.train().a.training
    assert not model.critic.training
    assert not model.a_ema.training
    assert not model.eval().a.training
