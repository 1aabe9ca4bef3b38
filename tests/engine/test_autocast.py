from __future__ import annotations

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import AmpOptimWrapper, OptimWrapper, build_optim_wrapper
from mmengine.runner import ValLoop
from mmengine.runner import autocast as loop_autocast
from torch import nn

from rs_da_mm.engine import AutocastOptimWrapper, autocast, enable_autocast, half_dtype
from rs_da_mm.errors import InputError

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.fixture(autouse=True)
def _default_autocast_types():
    kept = {device: torch.get_autocast_dtype(device) for device in ("cpu", "cuda")}
    yield
    for device, dtype in kept.items():
        torch.set_autocast_dtype(device, dtype)


def network(device="cpu"):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1)).to(device)


def wrapped(net, lr=0.1, **options):
    return build_optim_wrapper(net, {"type": "AutocastOptimWrapper", "optimizer": {"type": "SGD", "lr": lr}, **options})


def loss_of(net, seed=0):
    generator = torch.Generator().manual_seed(seed)
    device = next(net.parameters()).device
    inputs = torch.randn(2, 3, 8, 8, generator=generator).to(device)
    target = torch.randint(0, 2, (2, 8, 8), generator=generator).to(device)
    return nn.functional.cross_entropy(net(inputs).float(), target)


def step(wrapper, net, seed=0):
    with wrapper.optim_context(net):
        loss = loss_of(net, seed)
    wrapper.update_params(loss)
    return loss


def dtypes_seen(wrapper, net):
    seen = []
    handles = [
        module.register_forward_hook(lambda _m, _i, output: seen.append(output.dtype))
        for module in net
        if isinstance(module, nn.Conv2d)
    ]
    step(wrapper, net)
    for handle in handles:
        handle.remove()
    return set(seen)


def test_on_a_cpu_convolutions_run_in_bfloat16_and_parameters_stay_float32():
    net = network()
    wrapper = wrapped(net)
    assert dtypes_seen(wrapper, net) == {torch.bfloat16}
    assert {parameter.dtype for parameter in net.parameters()} == {torch.float32}
    assert not wrapper.loss_scaler.is_enabled()
    assert isinstance(wrapper, AmpOptimWrapper)


@needs_gpu
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_on_a_gpu_convolutions_run_in_the_asked_type(dtype):
    net = network("cuda")
    wrapper = wrapped(net, dtype=dtype)
    assert dtypes_seen(wrapper, net) == {getattr(torch, dtype)}
    assert {parameter.dtype for parameter in net.parameters()} == {torch.float32}
    assert wrapper.loss_scaler.is_enabled() == (dtype == "float16")


@needs_gpu
def test_a_fixed_scale_stays_as_it_is():
    net = network("cuda")
    wrapper = wrapped(net, dtype="float16", loss_scale=128.0)
    step(wrapper, net)
    assert wrapper.loss_scaler.get_scale() == 128


def test_half_precision_learns_what_float32_learns():
    half, full = network(), network()
    halved, plain = wrapped(half, lr=0.05), OptimWrapper(torch.optim.SGD(full.parameters(), lr=0.05))
    for seed in range(8):
        loss_half, loss_full = step(halved, half, seed), step(plain, full, seed)
        assert loss_half.item() == pytest.approx(loss_full.item(), rel=0.02)
    assert not torch.equal(half[0].weight, full[0].weight)


def test_accumulation_takes_one_step_of_the_mean_gradient():
    net = network()
    start = copy.deepcopy(net)
    wrapper = wrapped(net, accumulative_counts=2)
    step(wrapper, net, 0)
    assert torch.equal(net[3].bias, start[3].bias)
    step(wrapper, net, 1)

    gradients = []
    for seed in range(2):
        start.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(start, seed)
        loss.backward()
        gradients.append(start[3].bias.grad.clone())
    torch.testing.assert_close(net[3].bias, start[3].bias - 0.1 * (gradients[0] + gradients[1]) / 2, rtol=1e-5, atol=1e-6)


def test_gradients_are_clipped():
    net = network()
    start = copy.deepcopy(net)
    step(wrapped(net, lr=1.0, clip_grad={"max_norm": 1e-3}), net)
    moved = torch.cat([(a - b).flatten() for a, b in zip(net.parameters(), start.parameters(), strict=True)])
    assert moved.norm().item() == pytest.approx(1e-3, rel=1e-2)


def test_a_run_resumes_in_any_precision():
    net = network()
    config = {"optimizer": {"type": "Adam", "lr": 0.1}}
    wrapper = build_optim_wrapper(net, {"type": "AutocastOptimWrapper", **config})
    step(wrapper, net)
    state = wrapper.state_dict()
    other = network()
    for kind in ("AutocastOptimWrapper", "OptimWrapper"):
        resumed = build_optim_wrapper(other, {"type": kind, **copy.deepcopy(config)})
        resumed.load_state_dict(copy.deepcopy(state))
        assert resumed.optimizer.state_dict()["state"][0]["step"] == 1
    wrapper.load_state_dict(resumed.state_dict())


@needs_gpu
def test_float16_resumes_its_scale_and_starts_one_where_there_was_none():
    net = network("cuda")
    wrapper = wrapped(net, dtype="float16", loss_scale={"init_scale": 64.0})
    step(wrapper, net)
    fresh = wrapped(net, dtype="float16")
    fresh.load_state_dict(wrapper.state_dict())
    assert fresh.loss_scaler.get_scale() == 64
    fresh.load_state_dict(wrapped(net, dtype="bfloat16").state_dict())
    assert fresh.loss_scaler.get_scale() == 64


@pytest.mark.parametrize(
    ("device", "dtype", "message"),
    [
        ("cpu", "float16", "Use 'bfloat16'"),
        ("cpu", "float64", "expected 'bfloat16' or 'float16'"),
        ("mps", None, "Leave out --amp"),
    ],
)
def test_a_type_that_the_device_does_not_compute_in_is_refused(device, dtype, message):
    with pytest.raises(InputError, match=message):
        half_dtype(device, dtype)


def test_an_older_gpu_gets_float16(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    assert half_dtype("cuda") is torch.float16
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert half_dtype("cuda") is torch.bfloat16
    assert half_dtype("cuda", "float16") is torch.float16


def config(**wrapper):
    return Config({"optim_wrapper": {"optimizer": {"type": "Adam"}, **wrapper}, "val_cfg": {}, "test_cfg": {"type": "TestLoop"}})


@pytest.fixture
def on_a_cpu(monkeypatch):
    monkeypatch.setattr(autocast, "get_device", lambda: "cpu")


@pytest.mark.usefixtures("on_a_cpu")
def test_amp_changes_the_optimizer_wrapper_and_keeps_what_it_was_told():
    for kind in ({}, {"type": "OptimWrapper"}, {"type": "mmengine.optim.AmpOptimWrapper"}, {"type": OptimWrapper}):
        cfg = config(accumulative_counts=2, **kind)
        enable_autocast(cfg)
        assert cfg.optim_wrapper.type == "AutocastOptimWrapper"
        assert cfg.optim_wrapper.accumulative_counts == 2
        built = build_optim_wrapper(network(), cfg.optim_wrapper | {"optimizer": {"type": "Adam"}})
        assert isinstance(built, AutocastOptimWrapper)
        assert not cfg.val_cfg.get("fp16")


@pytest.mark.usefixtures("on_a_cpu")
def test_amp_reaches_the_wrappers_of_several_networks():
    several = {"constructor": "Several", "generator": {"optimizer": {}}, "critic": {"type": "OptimWrapper", "optimizer": {}}}
    cfg = Config({"optim_wrapper": several})
    enable_autocast(cfg, "bfloat16")
    assert cfg.optim_wrapper.generator.type == cfg.optim_wrapper.critic.type == "AutocastOptimWrapper"
    assert cfg.optim_wrapper.critic.dtype == "bfloat16"


@pytest.mark.usefixtures("on_a_cpu")
def test_amp_refuses_what_it_cannot_change():
    with pytest.raises(InputError, match="'ApexOptimWrapper'; expected 'OptimWrapper'"):
        enable_autocast(config(type="ApexOptimWrapper"))
    with pytest.raises(InputError, match="float16 on a CPU"):
        enable_autocast(config(type="AmpOptimWrapper", dtype="float16"))


@pytest.mark.usefixtures("on_a_cpu")
def test_evaluation_can_run_in_half_precision_too():
    cfg = config()
    cfg.val_cfg = {"type": ValLoop}
    enable_autocast(cfg, evaluation=True)
    assert cfg.val_cfg.fp16
    assert cfg.test_cfg.fp16
    test_only = Config({"val_cfg": {"type": "MultiValLoop"}, "test_cfg": {}})
    enable_autocast(test_only, evaluation=True)
    assert "fp16" not in test_only.val_cfg
    assert test_only.test_cfg.fp16


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_gpu)])
def test_mmengines_loops_then_run_in_the_chosen_type(monkeypatch, device):
    monkeypatch.setattr(autocast, "get_device", lambda: device)
    enable_autocast(config(), "bfloat16", evaluation=True)
    net = network(device)
    with loop_autocast(device_type=device, enabled=True):  # what ValLoop and TestLoop open for fp16=True
        assert net(torch.zeros(1, 3, 8, 8, device=device)).dtype is torch.bfloat16
