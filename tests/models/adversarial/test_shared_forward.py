from __future__ import annotations

import pytest
import torch
from torch import nn

from rs_da_mm.errors import InputError
from rs_da_mm.models.adversarial import AdversarialModel, NetworkStep, shared_forward

D = NetworkStep("discriminator")
G = NetworkStep("generator")


class Counted(nn.Linear):
    """Counts forward passes, and notes under which conditions."""

    def __init__(self):
        super().__init__(1, 1)
        self.passes = []

    def forward(self, value):
        out = super().forward(value)
        self.passes.append((self.weight.requires_grad, torch.is_grad_enabled(), str(out.dtype).removeprefix("torch.")))
        return out


class Pair(AdversarialModel):
    """A generator whose outputs two steps use; both note what they got."""

    def __init__(self, *steps, more=(), **options):
        super().__init__({name: Counted() for name in ("generator", "discriminator", *more)}, steps, **options)
        self.got = []

    def infer(self, inputs, data_samples=None):
        return self.generator(inputs)

    @shared_forward("generator")
    def fakes(self, batch, scale=1.0):
        return self.generator(scale * batch["inputs"])

    @shared_forward("generator", reuse_after_update=True)
    def stale_fakes(self, batch):
        return self.generator(batch["inputs"])

    source = fakes

    def discriminator_loss(self, batch):
        fake = type(self).source(self, batch)
        self.got.append(("discriminator", fake.detach().clone(), fake.requires_grad))
        return {"loss": self.discriminator(fake).square().mean()}

    def generator_loss(self, batch):
        fake = type(self).source(self, batch)
        self.got.append(("generator", fake.detach().clone(), fake.requires_grad))
        return {"loss": (self.discriminator(fake) - 1).square().mean()}


class Stale(Pair):
    source = Pair.stale_fakes


BATCH = {"inputs": torch.linspace(0, 1, 4).view(4, 1)}


def one_iteration(model, optimizers, batch=BATCH, **settings):
    model.generator.passes.clear()
    model.got.clear()
    model.train_step(batch, optimizers(model, **settings))
    return model.generator.passes


def test_discriminator_first_uses_the_forward_that_the_generator_goes_back_through(optimizers):
    model = Pair(D, G)
    assert one_iteration(model, optimizers) == [(True, True, "float32")]
    (_, seen, with_graph), (_, used, in_graph) = model.got
    assert torch.equal(seen, used)
    assert (with_graph, in_graph) == (False, True)
    assert len(model.discriminator.passes) == 2


def test_where_the_generator_does_not_learn_there_is_no_graph(optimizers):
    model = Pair(D, NetworkStep("generator", every=2))
    model.iteration.value = 1
    assert one_iteration(model, optimizers) == [(False, False, "float32")]


def test_generator_first_computes_again_for_the_discriminator(optimizers):
    model = Pair(G, D)
    assert one_iteration(model, optimizers) == [(True, True, "float32"), (False, False, "float32")]
    assert not torch.equal(model.got[0][1], model.got[1][1])


def test_generator_first_may_hand_its_own_outputs_on(optimizers):
    model = Stale(G, D)
    assert one_iteration(model, optimizers) == [(True, True, "float32")]
    assert torch.equal(model.got[0][1], model.got[1][1])
    assert not model.got[1][2]


def test_generator_first_in_mid_accumulation_has_not_changed(optimizers):
    model = Pair(G, D)
    assert len(one_iteration(model, optimizers, generator={"accumulative_counts": 2})) == 1


def test_repeats_of_the_discriminator_share_and_repeats_of_the_generator_do_not(optimizers):
    model = Pair(NetworkStep("discriminator", repeats=3), NetworkStep("generator", repeats=2))
    assert len(one_iteration(model, optimizers)) == 2
    values = [value for _, value, _ in model.got]
    assert all(torch.equal(value, values[0]) for value in values[:4])
    assert not torch.equal(values[4], values[0])


def test_without_sharing_every_step_computes(optimizers):
    model = Pair(D, G, share_forwards=False)
    assert one_iteration(model, optimizers) == [(False, False, "float32"), (True, True, "float32")]


def test_other_arguments_are_other_outputs(optimizers):
    class Scaled(Pair):
        def discriminator_loss(self, batch):
            return {"loss": (self.discriminator(self.fakes(batch, 2.0)) + self.fakes(batch, 2.0)).mean()}

    model = Scaled(D, G)
    assert len(one_iteration(model, optimizers)) == 2


def test_another_batch_is_not_shared(optimizers):
    class Other(Pair):
        def discriminator_loss(self, batch):
            return {"loss": self.discriminator(self.fakes({"inputs": batch["inputs"]})).mean()}

    assert len(one_iteration(Other(D, G), optimizers)) == 2


def test_outside_of_training_the_method_is_a_plain_one():
    model = Pair(D, G)
    assert model.fakes(BATCH).requires_grad
    assert model.fakes(BATCH) is not model.fakes(BATCH)


def test_shared_methods_may_use_each_other(optimizers):
    class Nested(Pair):
        @shared_forward("generator", "discriminator")
        def scores(self, batch):
            return {"fake": (self.fakes(batch), [self.discriminator(self.fakes(batch)), None, 3])}

        def encoder_loss(self, batch):
            fake, (scores, _, _) = self.scores(batch)["fake"]
            assert not fake.requires_grad
            assert not scores.requires_grad
            return {"loss": self.encoder(fake + scores).mean()}

        def generator_loss(self, batch):
            fake, (scores, _, _) = self.scores(batch)["fake"]
            assert fake.requires_grad
            return {"loss": scores.mean()}

    model = Nested(NetworkStep("encoder"), G, more=["encoder"])
    model.discriminator.requires_grad_(False)
    assert one_iteration(model, optimizers) == [(True, True, "float32")]


def test_a_graph_is_let_go_of_when_its_step_is_over(optimizers):
    class Third(Pair):
        def encoder_loss(self, batch):
            assert not self._shared_outputs._outputs["Pair.fakes",].value.requires_grad
            return {"loss": self.encoder(self.fakes(batch)).mean()}

    one_iteration(Third(D, G, NetworkStep("encoder"), more=["encoder"]), optimizers)


def test_a_forward_for_another_step_runs_in_that_steps_precision(optimizers):
    half = {"type": "AutocastOptimWrapper"}
    assert one_iteration(Pair(D, G), optimizers, generator=half, discriminator=half) == [(True, True, "bfloat16")]
    model = Pair(D, G)
    assert one_iteration(model, optimizers, generator=half) == [(True, True, "bfloat16")]
    assert [str(value.dtype) for _, value, _ in model.got] == ["torch.float32", "torch.bfloat16"]
    assert [kind for _, _, kind in model.discriminator.passes] == ["float32", "bfloat16"]
    assert one_iteration(Pair(D, G), optimizers, discriminator=half) == [(True, True, "float32")]


def test_what_could_hide_a_graph_is_refused(optimizers):
    class Hidden:
        def __init__(self, value):
            self.value = value

    class Hides(Pair):
        @shared_forward("generator")
        def fakes(self, batch):
            return Hidden(self.generator(batch["inputs"]))

        def discriminator_loss(self, batch):
            return {"loss": self.discriminator(self.fakes(batch).value).mean()}

    with pytest.raises(InputError, match="the method returns Hidden; expected tensors"):
        one_iteration(Hides(D, G), optimizers)


def test_unknown_networks_are_refused(optimizers):
    class Unknown(Pair):
        @shared_forward("painter")
        def fakes(self, batch):
            return self.generator(batch["inputs"])

        source = fakes

    with pytest.raises(InputError, match="no network is called painter; there are discriminator, generator"):
        one_iteration(Unknown(D, G), optimizers)
    with pytest.raises(InputError, match=r"@shared_forward\('generator'\)"):
        shared_forward(lambda self, batch: batch)
    with pytest.raises(InputError, match=r"@shared_forward\('generator'\)"):
        shared_forward()
