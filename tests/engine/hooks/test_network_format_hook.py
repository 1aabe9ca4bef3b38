from __future__ import annotations

import pytest
import torch
from mmengine.registry import MODELS
from mmengine.runner import Runner
from tiny_training import TinyModel, tiny_config, train
from torch import nn

from rs_da_mm.engine.hooks.network_format import NetworkFormatHook
from rs_da_mm.engine.launcher import prepare_run
from rs_da_mm.errors import InputError

pytestmark = pytest.mark.usefixtures("fresh_mmengine")
FORMAT = {"channels_last": True, "compile_networks": {"networks": ["conv", "head"], "backend": "eager"}}


@MODELS.register_module()
class StillModel(TinyModel):
    """Without dropout, which draws in the order of memory, and so differently in another format."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.drop = nn.Identity()


def prepared(folder, resume=False, **options):
    config = tiny_config(folder, length=4, **options)
    config.model.update(
        type="StillModel", norm="GN"
    )  # a bias before batch statistics has no gradient, and Adam divides noise by noise
    config.resume = resume
    prepare_run(config)
    return config


def log_of(folder):
    return "".join(path.read_text() for path in folder.rglob("*.log"))


def test_a_training_of_another_format_gives_the_same_losses_and_checkpoints(tmp_path, forget_runs):
    usual, _ = train(prepared(tmp_path / "usual"), forget_runs)
    other, done = train(prepared(tmp_path / "other", log_level="INFO", **FORMAT), forget_runs)
    assert done
    assert "To be compiled when first called: conv, head." in log_of(tmp_path / "other")
    for iteration, losses in usual.losses.items():
        assert other.losses[iteration] == pytest.approx(losses, rel=1e-4)
    one, two = (torch.load(tmp_path / name / "epoch_3.pth", weights_only=True) for name in ("usual", "other"))
    assert list(one["state_dict"]) == list(two["state_dict"])
    assert one["ema_state_dict"].keys() == two["ema_state_dict"].keys()
    for name, value in one["state_dict"].items():
        torch.testing.assert_close(two["state_dict"][name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("first", "second"), [({}, FORMAT), pytest.param(FORMAT, {}, marks=pytest.mark.slow)])
def test_a_run_may_go_on_in_another_format(tmp_path, forget_runs, first, second):
    """Also with a fused optimizer, which takes numbers by their place in memory."""

    def config(name, at=None, **options):
        built = prepared(tmp_path / name, hooks=[{"type": "StopHook", "at": at}] if at else [], **options)
        built.optim_wrapper.optimizer.fused = True
        return built

    usual, _ = train(config("usual"), forget_runs)
    assert not train(config("run", at=3, **first), forget_runs)[1]
    resumed, done = train(config("run", resume=True, **second), forget_runs)
    assert done
    assert min(resumed.losses) == 2
    for iteration, losses in resumed.losses.items():
        assert losses == pytest.approx(usual.losses[iteration], rel=1e-4)


def test_an_evaluation_gets_the_format_too_and_only_once(tmp_path, forget_runs):
    forget_runs()
    runner = Runner.from_cfg(prepared(tmp_path, **FORMAT))
    assert runner.model.conv._compiled_call_impl is None
    runner.val()
    compiled = runner.model.conv._compiled_call_impl
    assert compiled is not None
    assert runner.model.conv.weight.is_contiguous(memory_format=torch.channels_last)
    runner.val()
    assert runner.model.conv._compiled_call_impl is compiled


def test_a_wrong_name_is_told(tmp_path, forget_runs):
    with pytest.raises(InputError, match="StillModel has no network 'backbone'"):
        train(prepared(tmp_path, compile_networks=["backbone"]), forget_runs)
    with pytest.raises(InputError, match="compile_networks is 'x'"):
        NetworkFormatHook(compile_networks="x")
