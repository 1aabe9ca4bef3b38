"""What tests of adversarial models share: optimizers in one line, batches, and models of few parameters."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rs_da_mm.engine.optimizers import NetworkOptimWrapperConstructor
from rs_da_mm.models.adversarial import AdversarialModel, NetworkStep


@pytest.fixture
def optimizers():
    """Build plain SGD for each key of a model, or what the settings say."""

    def build(model, lr=0.1, **settings):
        keys = {step.optimizer: {"networks": []} for step in model.steps}
        for step in model.steps:
            keys[step.optimizer]["networks"] += [name for name in step.networks if name not in keys[step.optimizer]["networks"]]
        for key, setting in keys.items():
            setting["optimizer"] = {"type": "SGD", "lr": lr}
            setting.update(settings.get(key, {}))
        return NetworkOptimWrapperConstructor(keys)(model)

    return build


@pytest.fixture
def small_batches():
    """Make the same batches of patches (2, 8, 8) each time."""

    def make(count, size=2, dtype=torch.float64):
        generator = torch.Generator().manual_seed(3)
        return [{"inputs": [*torch.randn(size, 2, 8, 8, generator=generator, dtype=dtype)]} for _ in range(count)]

    return make


class Lines(AdversarialModel):
    """Straight lines as networks, ``w × x + b`` each; a step's loss is the mean of its networks' sum, with plain gradients.

    Networks are ``a``, ``b`` and ``c`` by default, each with a step of its own.
    """

    def __init__(self, *steps, networks=("a", "b", "c"), **options):
        built = {name: nn.Linear(1, 1).double() for name in networks}
        steps = steps or tuple(NetworkStep(name) for name in networks)
        super().__init__(built, [*steps], **options)
        self.seen = []

    def infer(self, inputs, data_samples=None):
        return self.inference_network(self.networks[0])(inputs)

    def __getattr__(self, name):
        if name.endswith("_loss"):
            return lambda batch: self.step_loss(name.removesuffix("_loss"), batch)
        return super().__getattr__(name)

    def step_loss(self, name, batch):
        self.seen.append((self.iteration.value, name, sorted(n for n, p in self.named_parameters() if p.requires_grad)))
        step = next(step for step in self.steps if step.name == name)
        return {"loss_sum": sum(self.child(network)(batch["inputs"]).mean() for network in step.networks)}


@pytest.fixture
def lines():
    """Make a model of straight lines."""

    def make(*steps, **options):
        torch.manual_seed(0)
        return Lines(*steps, **options)

    return make
