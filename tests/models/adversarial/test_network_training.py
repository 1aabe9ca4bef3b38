"""What an iteration computes, against loops written out by hand in plain torch, in float64 and bit for bit."""

from __future__ import annotations

import copy

import pytest
import torch
from small_gan import NOISE, SmallGAN
from torch import nn

from rs_da_mm.models.adversarial import AdversarialModel, NetworkStep, fp32_island, shared_forward

ADAM = {"optimizer": {"type": "Adam", "lr": 0.01, "betas": (0.5, 0.9)}}


def equal(one, two):
    return [name for name, value in one.state_dict().items() if not torch.equal(value, two.state_dict()[name])]


def test_a_gan_learns_what_a_loop_by_hand_learns(optimizers, small_batches):
    """Dropout, batch statistics, a generator in every second iteration, and its average."""
    torch.manual_seed(1)
    model = SmallGAN(ema=0.9).double()
    generator, discriminator = copy.deepcopy(model.generator), copy.deepcopy(model.discriminator)
    average = copy.deepcopy(generator)
    batches = small_batches(7)

    torch.manual_seed(2)
    wrappers = optimizers(model, generator=ADAM, discriminator=ADAM)
    logs = [model.train_step(batch, wrappers) for batch in batches]

    torch.manual_seed(2)
    of_g = torch.optim.Adam(generator.parameters(), lr=0.01, betas=(0.5, 0.9))
    of_d = torch.optim.Adam(discriminator.parameters(), lr=0.01, betas=(0.5, 0.9))
    by_hand = []
    for iteration, batch in enumerate(batches):
        noise = torch.randn(2, NOISE, dtype=torch.float64)
        fake = generator(noise)
        real = (discriminator(torch.stack(batch["inputs"])) - 1).square().mean()
        fooled = discriminator(fake.detach()).square().mean()
        of_d.zero_grad()
        (real + fooled).backward()
        of_d.step()
        losses = {"discriminator.loss_real": real, "discriminator.loss_fake": fooled}
        if iteration % 2 == 0:
            adversarial = (discriminator(fake) - 1).square().mean()
            of_g.zero_grad()
            adversarial.backward()
            of_g.step()
            losses["generator.loss_adversarial"] = adversarial
            decay = min(0.9, (1 + iteration // 2) / (10 + iteration // 2))
            with torch.no_grad():
                for averaged, parameter in zip(average.parameters(), generator.parameters(), strict=True):
                    averaged.lerp_(parameter, 1 - decay)
                for averaged, buffer in zip(average.buffers(), generator.buffers(), strict=True):
                    averaged.copy_(buffer)
        by_hand.append(losses)
    assert (
        equal(model.generator, generator)
        == equal(model.discriminator, discriminator)
        == equal(model.generator_ema, average)
        == []
    )
    for log, losses in zip(logs, by_hand, strict=True):
        assert {name: value.item() for name, value in log.items() if not name.endswith(".loss")} == {
            name: value.item() for name, value in losses.items()
        }
    assert logs[0]["discriminator.loss"] == by_hand[0]["discriminator.loss_real"] + by_hand[0]["discriminator.loss_fake"]
    assert not any(value.requires_grad for log in logs for value in log.values())


class Scalars(AdversarialModel):
    """Generator ``g × z`` against the critic ``c × x``; both gradients can be written down."""

    def __init__(self):
        super().__init__(
            {name: nn.Linear(1, 1, bias=False).double() for name in ("generator", "critic")},
            [NetworkStep("critic"), NetworkStep("generator")],
        )

    def infer(self, inputs, data_samples=None):
        return self.generator(inputs)

    def critic_loss(self, batch):
        return {"loss": (self.critic(self.generator(batch["z"])) ** 2).mean() + ((self.critic(batch["x"]) - 1) ** 2).mean()}

    def generator_loss(self, batch):
        return {"loss": ((self.critic(self.generator(batch["z"])) - 1) ** 2).mean()}


def test_one_step_of_each_follows_the_gradients_on_paper(optimizers):
    model = Scalars()
    g, c = model.generator.weight.item(), model.critic.weight.item()
    z, x = torch.randn(2, 6, 1, dtype=torch.float64)
    model.train_step({"z": z, "x": x}, optimizers(model, lr=0.1))
    c -= 0.1 * (2 * c * g**2 * z.square().mean() + 2 * (x * (c * x - 1)).mean()).item()
    g -= 0.1 * (2 * (c * z * (c * g * z - 1)).mean()).item()
    assert model.critic.weight.item() == pytest.approx(c, rel=1e-14)
    assert model.generator.weight.item() == pytest.approx(g, rel=1e-14)


def test_one_step_of_each_follows_finite_differences(optimizers, small_batches):
    torch.manual_seed(1)
    model = SmallGAN(generator_every=1, dropout=0.0, norm=False, ema=None).double()
    (batch,) = small_batches(1)
    noise = torch.randn(2, NOISE, dtype=torch.float64)
    model.noise = lambda *size: noise

    before = copy.deepcopy(model)
    model.train_step(batch, optimizers(model, lr=1.0))

    def slope(parameter, index, loss, height=1e-6):
        with torch.no_grad():
            values = []
            for sign in (1, -1):
                parameter.view(-1)[index] += sign * height
                values.append(sum(loss(batch).values()).item())
                parameter.view(-1)[index] -= sign * height
        return (values[0] - values[1]) / (2 * height)

    for index in (0, 40, 95):
        moved = before.discriminator[3].weight.view(-1)[index] - model.discriminator[3].weight.view(-1)[index]
        assert moved.item() == pytest.approx(slope(before.discriminator[3].weight, index, before.discriminator_loss), rel=1e-6)
    before.discriminator.load_state_dict(model.discriminator.state_dict())  # the generator's step comes after it
    for index in (0, 40, 191):
        moved = before.generator[5].weight.view(-1)[index] - model.generator[5].weight.view(-1)[index]
        assert moved.item() == pytest.approx(slope(before.generator[5].weight, index, before.generator_loss), rel=1e-6, abs=1e-12)


class Penalised(AdversarialModel):
    """WGAN-GP: five updates of the critic with noise of their own for one of the generator."""

    def __init__(self):
        networks = {"generator": nn.Linear(3, 4), "critic": nn.Sequential(nn.Linear(4, 8), nn.Softplus(), nn.Linear(8, 1))}
        super().__init__(networks, [NetworkStep("critic", repeats=5), NetworkStep("generator")])
        self.seen = []

    def infer(self, inputs, data_samples=None):
        return self.generator(inputs)

    @fp32_island()
    def penalty(self, real, fake):
        mixed = torch.lerp(real, fake, torch.rand(len(real), 1)).requires_grad_()
        scores = self.critic(mixed)
        (gradient,) = torch.autograd.grad(scores.sum(), mixed, create_graph=True)
        self.seen.append((fake.dtype, scores.dtype, gradient.dtype))
        return (gradient.norm(dim=1) - 1).square().mean()

    def critic_loss(self, batch):
        real = torch.stack(batch["inputs"])
        fake = self.generator(self.noise(len(real), 3))
        self.half = fake.dtype
        scores = self.critic(fake).float().mean() - self.critic(real).float().mean()
        return {"loss_critic": scores, "loss_penalty": 10 * self.penalty(real, fake)}

    def generator_loss(self, batch):
        return {"loss": -self.critic(self.generator(self.noise(4, 3))).float().mean()}


def test_a_critic_with_a_gradient_penalty_is_the_loop_by_hand(optimizers):
    torch.manual_seed(1)
    model = Penalised()
    generator, critic = copy.deepcopy(model.generator), copy.deepcopy(model.critic)
    batch = {"inputs": [*torch.randn(4, 4)]}
    torch.manual_seed(2)
    wrappers = optimizers(model, generator=ADAM, critic=ADAM)
    for _ in range(3):
        model.train_step(batch, wrappers)

    torch.manual_seed(2)
    of_g, of_c = (torch.optim.Adam(net.parameters(), lr=0.01, betas=(0.5, 0.9)) for net in (generator, critic))
    real = torch.stack(batch["inputs"])
    for _ in range(3):
        for _ in range(5):
            fake = generator(torch.randn(4, 3)).detach()
            scores = critic(fake).mean() - critic(real).mean()
            mixed = torch.lerp(real, fake, torch.rand(4, 1)).requires_grad_()
            (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
            of_c.zero_grad()
            (scores + 10 * (gradient.norm(dim=1) - 1).square().mean()).backward()
            of_c.step()
        of_g.zero_grad()
        (-critic(generator(torch.randn(4, 3))).mean()).backward()
        of_g.step()
    assert equal(model.generator, generator) == equal(model.critic, critic) == []


def test_in_mixed_precision_the_penalty_is_in_float32(optimizers):
    model = Penalised()
    half = {**ADAM, "type": "AutocastOptimWrapper"}
    model.train_step({"inputs": [*torch.randn(4, 4)]}, optimizers(model, generator=half, critic=half))
    assert model.half is torch.bfloat16
    assert model.seen == [(torch.float32,) * 3] * 5
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


class CycleLike(AdversarialModel):
    """Two generators with one optimizer, two critics with another: a translator in a few lines."""

    def __init__(self):
        names = ("ab", "ba", "critic_a", "critic_b")
        steps = [NetworkStep("generators", ("ab", "ba")), NetworkStep("critics", ("critic_a", "critic_b"), every=2)]
        super().__init__({name: nn.Linear(2, 2) for name in names}, steps)

    def infer(self, inputs, data_samples=None):
        return self.inference_network("ab")(inputs)

    @shared_forward("ab", "ba", reuse_after_update=True)
    def translations(self, batch):
        return {"b": self.ab(batch["a"]), "a": self.ba(batch["b"])}

    def generators_loss(self, batch):
        fake = self.translations(batch)
        cycle = (self.ba(fake["b"]) - batch["a"]).abs().mean() + (self.ab(fake["a"]) - batch["b"]).abs().mean()
        return {"loss_gan": (self.critic_a(fake["a"]) + self.critic_b(fake["b"])).mean(), "loss_cycle": 10 * cycle}

    def critics_loss(self, batch):
        fake = self.translations(batch)
        return {
            "loss_a": (self.critic_a(batch["a"]) - self.critic_a(fake["a"])).mean(),
            "loss_b": (self.critic_b(batch["b"]) - self.critic_b(fake["b"])).mean(),
        }


def test_a_cycle_of_translators_trains_in_a_few_lines(optimizers):
    torch.manual_seed(0)
    model = CycleLike()
    ab, critic = model.ab, model.critic_b
    batch = {"a": torch.randn(3, 2), "b": torch.randn(3, 2)}
    fake = ab(batch["a"]).detach()
    expected = critic.weight - 0.1 * (batch["b"] - fake).mean(0) * 0.5  # the mean over outputs halves each one's part
    model.train_step(batch, optimizers(model))
    torch.testing.assert_close(critic.weight, nn.Parameter(expected.detach()))
