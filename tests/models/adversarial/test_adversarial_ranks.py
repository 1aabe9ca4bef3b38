"""The base in two gloo ranks under MMSeparateDistributedDataParallel, against one process with the whole batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

TESTS = Path(__file__).resolve().parents[2]

SETUP = """
import copy, json, os, sys
import torch
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel, MMSeparateDistributedDataParallel
from mmengine.runner import Runner
from mmengine.runner.checkpoint import get_state_dict, load_state_dict
from small_gan import NOISE, SmallGAN, small_gan_config
from torch import nn
from rs_da_mm.engine import prepare_ranks
from rs_da_mm.engine.optimizers import NetworkOptimWrapperConstructor
from rs_da_mm.errors import InputError
from rs_da_mm.models.adversarial import AdversarialModel, NetworkStep, shared_forward

torch.set_num_threads(1)
dist.init_process_group("gloo")
rank = dist.get_rank()
found = {}

def wrap(model, **options):
    return MMSeparateDistributedDataParallel(model, device_ids=None, **options)

def adam(model, **settings):
    usual = dict(optimizer=dict(type="Adam", lr=0.01, betas=(0.5, 0.9)))
    keys = {step.optimizer: dict(usual, networks=[*step.networks], **settings.get(step.optimizer, {})) for step in model.steps}
    return NetworkOptimWrapperConstructor(keys)(model)

def values(state):
    return {name: value.flatten().tolist() for name, value in state.items()}

def run_all():
    for name, function in list(globals().items()):
        if name.startswith("try_"):
            function()
    with open(f"rank{rank}.json", "w") as file:
        json.dump(found, file)
    dist.barrier()
    dist.destroy_process_group()
"""

SCRIPT = (
    SETUP
    + """
class NoisyGAN(SmallGAN):
    def noise(self, *size):
        return self.batch_noise

def training(wrapped, accumulate, iterations=5, every=2, share=True):
    torch.manual_seed(1)
    model = NoisyGAN(dropout=0.0, norm=False, generator_every=every, share_forwards=share).double()
    runner_model = wrap(model) if wrapped else model
    wrappers = adam(model, generator=dict(accumulative_counts=accumulate), discriminator=dict(clip_grad=dict(max_norm=0.5)))
    wrappers.initialize_count_status(runner_model, 0, iterations)
    generator = torch.Generator().manual_seed(3)
    for _ in range(iterations):
        patches = torch.randn(4, 2, 8, 8, generator=generator, dtype=torch.float64)
        noise = torch.randn(4, NOISE, generator=generator, dtype=torch.float64)
        own = slice(2 * rank, 2 * rank + 2) if wrapped else slice(None)
        model.batch_noise = noise[own]
        runner_model.train_step(dict(inputs=[*patches[own]]), wrappers)
        assert all(p.requires_grad for n, p in model.named_parameters() if "_ema" not in n)
    assert all(parameter.grad is None for parameter in model.parameters())
    return model

def try_training():
    for name, options in dict(plain=(1,), accumulated=(2,), every_iteration=(2, 5, 1), unshared=(2, 5, 1, False)).items():
        found[name] = [values(training(wrapped, *options).state_dict()) for wrapped in (True, False)]

def try_keys():
    plain, wrapped = SmallGAN(), SmallGAN()
    outer = wrap(wrapped)
    with torch.no_grad():
        for parameter in wrapped.parameters():
            parameter += 1
    wrapped.iteration.value = 7
    state = wrapped.state_dict()
    found["keys"] = list(state) == list(plain.state_dict()) == list(get_state_dict(outer))
    found["outer_keys"] = [key for key in outer.state_dict() if ".module." in key]
    wrapped_era = nn.Module.state_dict(wrapped)
    found["wrapped_era"] = [key for key in wrapped_era if key.startswith("generator.module.")][:1]
    found["loaded"] = []
    for content in (state, wrapped_era):
        for build in (lambda model: model, wrap):
            for load in (lambda model, s: model.load_state_dict(s), lambda model, s: load_state_dict(model, s, strict=True)):
                target = SmallGAN()
                build(target)
                load(target, content)
                same = all(torch.equal(a, b) for a, b in zip(target.state_dict().values(), state.values(), strict=True))
                found["loaded"].append(same and target.iteration.value == 7)
    target = SmallGAN()
    load_state_dict(wrap(target), state, strict=True)
    found["loaded_outer"] = torch.equal(target.generator[0].weight if not hasattr(target.generator, "module")
                                        else target.generator.module[0].weight, wrapped.network("generator")[0].weight)
    found["ema_is_wrapped"] = isinstance(wrapped.generator_ema, nn.parallel.DistributedDataParallel)
    found["inference"] = wrapped.inference_network("generator") is wrapped.generator_ema

class Penalised(AdversarialModel):
    def __init__(self):
        torch.manual_seed(5)
        networks = dict(generator=nn.Linear(3, 4), critic=nn.Sequential(nn.Linear(4, 8), nn.Softplus(), nn.Linear(8, 1)))
        super().__init__(networks, [NetworkStep("critic", repeats=2), NetworkStep("generator")])
        self.double()
    def infer(self, inputs, data_samples=None):
        return inputs
    @shared_forward("generator")
    def fakes(self, batch):
        return self.generator(batch["noise"])
    def critic_loss(self, batch):
        fake = self.fakes(batch)
        mixed = torch.lerp(batch["inputs"], fake, 0.3).requires_grad_()
        (gradient,) = torch.autograd.grad(self.critic(mixed).sum(), mixed, create_graph=True)
        penalty = (gradient.norm(dim=1) - 1).square().mean()
        return dict(loss=self.critic(fake).mean() - self.critic(batch["inputs"]).mean(), loss_penalty=penalty)
    def generator_loss(self, batch):
        return dict(loss=-self.critic(self.fakes(batch)).mean())

def try_penalty():
    generator = torch.Generator().manual_seed(3)
    batches = [dict(inputs=torch.randn(4, 4, generator=generator, dtype=torch.float64),
                    noise=torch.randn(4, 3, generator=generator, dtype=torch.float64)) for _ in range(3)]
    results = []
    for wrapped in (True, False):
        model = Penalised()
        runner_model = wrap(model) if wrapped else model
        wrappers = adam(model)
        for batch in batches:
            own = slice(2 * rank, 2 * rank + 2) if wrapped else slice(None)
            runner_model.train_step({name: value[own] for name, value in batch.items()}, wrappers)
        results.append(values(model.state_dict()))
    found["penalty"] = results

def message(function):
    try:
        function()
    except InputError as error:
        return str(error)
    return ""

class Unused(SmallGAN):
    def __init__(self):
        super().__init__(ema=None)
        self.generator.add_module("depth", nn.Identity())
        self.generator.depth = nn.Linear(1, 1)
        self.generator.forward = lambda noise: nn.Sequential(*list(self.network("generator"))[:-1])(noise)

def try_errors():
    batch = dict(inputs=[*torch.randn(2, 2, 8, 8)])
    model = Unused()
    outer = wrap(model)
    found["unused"] = message(lambda: outer.train_step(batch, adam(model)))
    model = SmallGAN()
    outer = wrap(model, broadcast_buffers=True)
    found["broadcast"] = message(lambda: outer.train_step(batch, adam(model)))
    model = SmallGAN()
    outer = MMDistributedDataParallel(model, device_ids=None)
    found["one_wrapper"] = message(lambda: adam(model).initialize_count_status(outer, 0, 1))
    model = SmallGAN()
    wrap(model)
    try:
        model.generator.encode(1)
    except AttributeError as error:
        found["only_forward"] = str(error)

class Partly(AdversarialModel):
    def __init__(self):
        torch.manual_seed(rank)
        super().__init__(dict(net=Branches()), [NetworkStep("net", allow_unused=True)])
    def infer(self, inputs, data_samples=None):
        return inputs
    def net_loss(self, batch):
        return dict(loss=self.net(batch["inputs"]).mean())

class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.depth = nn.Linear(1, 1), nn.Linear(1, 1)
    def forward(self, value):
        return self.used(value)

def try_allowed():
    model = Partly()
    outer = wrap(model, find_unused_parameters=True)
    before = model.network("net").used.weight.item()
    wrappers = NetworkOptimWrapperConstructor(dict(net=dict(optimizer=dict(type="SGD", lr=0.1))))(model)
    for value in (1.0, 2.0):
        outer.train_step(dict(inputs=torch.full((1, 1), value * (rank + 1))), wrappers)
    found["allowed"] = before - model.network("net").used.weight.item()

def try_sharing_of_gradients():
    # How often ranks exchange gradients: not in the first of two accumulated passes, and never for a frozen network.
    model = SmallGAN(generator_every=1, ema=None)
    outer = wrap(model)
    counts = dict(generator=0, discriminator=0)
    for name in counts:
        def hook(state, bucket):
            counts[state] += 1
            future = torch.futures.Future()
            future.set_result(bucket.buffer())
            return future
        model.child(name).register_comm_hook(name, hook)
    wrappers = adam(model, generator=dict(accumulative_counts=2), discriminator=dict(accumulative_counts=3))
    batch = dict(inputs=[*torch.randn(2, 2, 8, 8)])
    found["exchanges"] = []
    for _ in range(6):
        outer.train_step(batch, wrappers)
        found["exchanges"].append(dict(counts))

def try_runner():
    cfg = small_gan_config("work", accumulate=2, iterations=4, model_wrapper_cfg=dict(type="MMSeparateDistributedDataParallel"),
                           randomness=dict(seed=5, diff_rank_seed=True))
    prepare_ranks("pytorch", cfg)
    runner = Runner.from_cfg(cfg)
    runner.train()
    found["validated"] = runner.message_hub.get_scalar("val/mean").current()
    found["trained"] = values({name: value.float() for name, value in runner.model.module.generator.module.state_dict().items()})
    dist.barrier()
    found["saved"] = list(torch.load("work/iter_4.pth", weights_only=True)["state_dict"]) == list(SmallGAN().state_dict())

run_all()
"""
)


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What both ranks found."""
    folder = tmp_path_factory.mktemp("ranks")
    (folder / "ranks.py").write_text(SCRIPT, encoding="utf-8")
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "-1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]),
    }
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "ranks.py"]
    done = subprocess.run(command, cwd=folder, env=environment, timeout=180, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.parametrize("kind", ["plain", "accumulated", "every_iteration", "unshared", "penalty"])
def test_two_ranks_learn_what_one_process_learns_from_both_batches(ranks, kind):
    two, one = ranks[0][kind]
    assert two == ranks[1][kind][0]
    for name, value in one.items():
        torch.testing.assert_close(torch.tensor(two[name]), torch.tensor(value), rtol=1e-9, atol=1e-12, msg=name)


def test_keys_are_those_of_the_plain_model(ranks):
    for rank in ranks:
        assert rank["keys"]
        assert rank["outer_keys"] == []


def test_weights_load_wrapped_and_plain_from_both_kinds_of_keys(ranks):
    for rank in ranks:
        assert rank["wrapped_era"] == ["generator.module.0.weight"]
        assert rank["loaded"] == [True] * 8
        assert rank["loaded_outer"]


def test_averages_are_not_wrapped(ranks):
    assert [(rank["ema_is_wrapped"], rank["inference"]) for rank in ranks] == [(False, True)] * 2


def test_errors_are_clear_on_every_rank(ranks):
    for rank in ranks:
        assert "step 'generator': no gradient reached generator.depth.weight, generator.depth.bias." in rank["unused"]
        assert "network 'generator' is wrapped with broadcast_buffers=True" in rank["broadcast"]
        assert "MMDistributedDataParallel, which trains one network" in rank["one_wrapper"]
        assert "has no attribute 'encode'" in rank["only_forward"]


def test_branches_may_stay_unused_where_that_is_said(ranks):
    assert [rank["allowed"] for rank in ranks] == pytest.approx([0.1 * (1 + 2) / 2 + 0.1 * (2 + 4) / 2] * 2)


def test_ranks_exchange_gradients_once_per_update(ranks):
    found = [(counts["generator"], counts["discriminator"]) for counts in ranks[0]["exchanges"]]
    assert found == [(0, 0), (1, 0), (1, 1), (2, 1), (2, 1), (3, 2)]


def test_the_runner_trains_two_ranks_and_saves_plain_keys(ranks):
    weights = [name for name in ranks[0]["trained"] if "running" not in name]
    assert [ranks[0]["trained"][name] for name in weights] == [ranks[1]["trained"][name] for name in weights]
    assert ranks[0]["validated"] == ranks[1]["validated"]
    assert ranks[0]["saved"]
