"""What cannot be trained is said in one sentence."""

from __future__ import annotations

import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from small_gan import SmallGAN
from torch import nn

from rs_da_mm.errors import InputError
from rs_da_mm.models.adversarial import AdversarialModel, NetworkStep


class PartlyUsed(AdversarialModel):
    def __init__(self, **options):
        super().__init__(
            {"net": nn.ModuleDict({"used": nn.Linear(1, 1), "depth": nn.Linear(1, 1)})}, [NetworkStep("net", **options)]
        )

    def _check_names(self):
        """A network that cannot be called will do here."""

    def infer(self, inputs, data_samples=None):
        return inputs

    def net_loss(self, batch):
        return {"loss": self.net["used"](batch["inputs"]).mean()}


def test_parameters_that_no_gradient_reaches_are_named(optimizers):
    model = PartlyUsed()
    wrappers = optimizers(model)
    with pytest.raises(InputError, match=r"step 'net': no gradient reached net.depth.weight, net.depth.bias\. .*allow_unused"):
        model.train_step({"inputs": torch.ones(2, 1)}, wrappers)
    assert all(parameter.grad is None for parameter in model.parameters())
    allowed = PartlyUsed(allow_unused=True)
    before = allowed.net["used"].bias.item()
    allowed.train_step({"inputs": torch.ones(2, 1)}, optimizers(allowed))
    assert allowed.net["used"].bias.item() == pytest.approx(before - 0.1)


def test_one_optimizer_for_all_is_refused():
    model = SmallGAN()
    with pytest.raises(InputError, match=r"SmallGAN has one optimizer per step, and got OptimWrapper\. .*Constructor"):
        model.train_step({"inputs": []}, OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1)))


def sgd(*networks):
    return OptimWrapper(torch.optim.SGD([parameter for network in networks for parameter in network.parameters()], lr=0.1))


def test_optimizers_that_do_not_fit_the_steps_are_refused(lines):
    model = lines(networks=("a", "b"))
    with pytest.raises(InputError, match="optim_wrapper has no b, which steps of Lines use; it has a"):
        model.train_step({}, OptimWrapperDict(a=sgd(model.a)))
    with pytest.raises(InputError, match=r"step 'a' trains 'a', of which optim_wrapper\['a'\] holds no parameter"):
        model.train_step({}, OptimWrapperDict(a=sgd(model.b), b=sgd(model.b)))
    with pytest.raises(InputError, match=r"optim_wrapper\['a'\] holds b.weight, b.bias, which no step trains"):
        model.train_step({}, OptimWrapperDict(a=sgd(model.a, model.b), b=sgd(model.b)))
    with pytest.raises(InputError, match=r"optim_wrapper\['c'\] holds .*steps use a, b"):
        model.train_step({}, OptimWrapperDict(a=sgd(model.a), b=sgd(model.b), c=sgd(model.b)))


def test_accumulation_over_different_networks_is_refused(lines, optimizers):
    model = lines(NetworkStep("a", optimizer="all"), NetworkStep("b", optimizer="all"), networks=("a", "b"))
    model.train_step({"inputs": torch.ones(1, 1).double()}, optimizers(model))
    with pytest.raises(InputError, match=r"optim_wrapper\['all'\] accumulates gradients of steps that train different networks"):
        model.train_step({}, optimizers(model, all={"accumulative_counts": 2}))


@pytest.mark.parametrize(
    ("losses", "found"), [({"gan": torch.zeros(1)}, r"gave \['gan'\]"), (torch.zeros(1), "gave Tensor"), ({}, r"gave \[\]")]
)
def test_a_step_without_a_loss_is_refused(lines, optimizers, losses, found):
    model = lines(networks=("a",))
    model.step_loss = lambda name, batch: losses
    with pytest.raises(InputError, match=rf"step 'a': a_loss\(\) {found}; expected a dict in which a name has 'loss' in it"):
        model.train_step({"inputs": torch.ones(1, 1)}, optimizers(model))
