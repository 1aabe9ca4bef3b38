from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.device import get_device
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import DATASETS, HOOKS, MODELS, OPTIM_WRAPPER_CONSTRUCTORS
from mmengine.runner import Runner
from tiny_training import TinyDataset, differences, tiny_config, train
from torch import nn
from torch.amp.grad_scaler import GradScaler

from rs_da_mm.engine.hooks.nonfinite_guard import NonFiniteGuardHook, NonFiniteLossError
from rs_da_mm.errors import InputError

pytestmark = pytest.mark.usefixtures("fresh_mmengine")
TESTS = Path(__file__).resolve().parents[2]


@DATASETS.register_module()
class SpoiltDataset(TinyDataset):
    """TinyDataset with images whose pixels are not finite; everything random in it stays as it is without."""

    def __init__(self, spoilt=(), value=math.nan, **kwargs):
        self.spoilt, self.value = spoilt, value
        super().__init__(**kwargs)

    def prepare_data(self, idx):
        sample = super().prepare_data(idx)
        if idx in self.spoilt:
            sample["inputs"] = torch.full_like(sample["inputs"], self.value)
        return sample


@HOOKS.register_module()
class ContentsHook(Hook):
    """Copies weights, optimizer and buffers before every iteration and after it."""

    priority = "VERY_LOW"

    def __init__(self):
        self.changed = {}
        self.nonfinite = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.before = contents(runner)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        after = contents(runner)
        self.changed[runner.iter] = [name for name in after if not after[name].equal(self.before.get(name, torch.empty(0)))]
        self.nonfinite += [name for name, value in after.items() if not value.isfinite().all()]


def contents(runner):
    found = {name: value.clone() for name, value in runner.model.state_dict().items()}
    wrappers = runner.optim_wrapper if isinstance(runner.optim_wrapper, OptimWrapperDict) else {"": runner.optim_wrapper}
    for wrapper_name, wrapper in wrappers.items():
        for index, held in wrapper.optimizer.state_dict()["state"].items():
            found.update({f"{wrapper_name}.{index}.{key}": torch.as_tensor(value).clone() for key, value in held.items()})
    return found


def guarded(folder, spoilt=(), value=math.nan, hooks=(), averaged=True, **options):
    guard = {key: options.pop(key) for key in ("action", "max_skips", "max_skips_in_a_row") if key in options}
    config = tiny_config(folder, hooks=[{"type": "NonFiniteGuardHook", **guard}, *hooks], **options)
    config.train_dataloader.dataset.update(type="SpoiltDataset", spoilt=spoilt, value=value)
    if not averaged:
        config.custom_hooks = [hook for hook in config.custom_hooks if hook["type"] != "EMAHook"]
    return config


def find(runner_hooks, kind):
    return next(hook for hook in runner_hooks if isinstance(hook, kind))


def log_of(folder):
    return "".join(path.read_text() for path in folder.rglob("*.log"))


@pytest.mark.parametrize(
    ("by_epoch", "accumulate", "averaged", "value"),
    [
        (True, 1, True, math.nan),
        (True, 3, False, math.inf),
        pytest.param(False, 1, True, math.inf, marks=pytest.mark.slow),
        pytest.param(False, 2, False, math.nan, marks=pytest.mark.slow),
    ],
)
def test_a_run_stopped_by_a_spoilt_image_goes_on_as_if_it_had_never_been(
    tmp_path, forget_runs, by_epoch, accumulate, averaged, value
):
    options = {"by_epoch": by_epoch, "accumulate": accumulate, "averaged": averaged, "interval": 1 if by_epoch else 3}
    journal, _ = train(guarded(tmp_path / "whole", **options), forget_runs)
    with pytest.raises(NonFiniteLossError) as told:
        train(guarded(tmp_path / "run", spoilt=(7,), value=value, **options), forget_runs)
    saved = torch.load(tmp_path / "run" / "interrupted.pth", weights_only=True)
    again = saved["meta"]["iter"]
    message = str(told.value)
    assert "loss_fit is nan" in message
    assert "loss_queue is nan" in message
    assert "loss is nan" not in message
    assert "image_7.tif" in message
    assert str(tmp_path / "run" / "interrupted.pth") in message
    stopped_at = int(message.split("iteration ")[1].split(",")[0]) - 1
    assert again == stopped_at - stopped_at % accumulate
    assert all(weight.isfinite().all() for weight in saved["state_dict"].values())

    config = guarded(tmp_path / "run", **options)
    config.resume = True
    resumed, done = train(config, forget_runs)
    assert done
    assert resumed.losses == {index: losses for index, losses in journal.losses.items() if index >= again}
    last = "epoch_3.pth" if by_epoch else "iter_15.pth"
    assert differences(tmp_path / "whole" / last, tmp_path / "run" / last) == []


def trained(config, forget_runs):
    forget_runs()
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


def test_a_skipped_iteration_changes_nothing_and_is_told(tmp_path, forget_runs):
    config = guarded(tmp_path, spoilt=(7,), action="skip", hooks=[{"type": "ContentsHook"}], averaged=False)
    runner = trained(config, forget_runs)
    watched, guard = find(runner.hooks, ContentsHook), find(runner.hooks, NonFiniteGuardHook)
    still = [index for index, changed in watched.changed.items() if not changed]
    assert len(still) == 3, "the image comes once in every epoch"
    assert guard.skipped == 3
    assert watched.nonfinite == []
    assert len(watched.changed) == 15
    lines = [line for line in log_of(tmp_path).splitlines() if "It is left out" in line]
    assert len(lines) == 3
    assert f"iteration {still[0] + 1}, epoch 1: loss_fit is nan, loss_queue is nan. The batch: " in lines[0]
    assert all("image_7.tif" in line for line in lines)


def test_a_spoilt_iteration_takes_the_whole_accumulation_with_it(tmp_path, forget_runs):
    hooks = [{"type": "ContentsHook"}]
    options = {"accumulate": 5, "averaged": False, "hooks": hooks, "spoilt": (7,)}
    runner = trained(guarded(tmp_path, action="skip", **options), forget_runs)
    watched, guard = find(runner.hooks, ContentsHook), find(runner.hooks, NonFiniteGuardHook)
    assert guard.skipped == 3, "once for the loss, and not again for the gradients that it left"
    stepped = [index for index, changed in watched.changed.items() if any("weight" in name for name in changed)]
    assert stepped == [], "every accumulation of five batches of an epoch holds the spoilt one"
    assert watched.nonfinite == []


def test_so_many_in_a_row_and_no_more(tmp_path, forget_runs):
    config = guarded(tmp_path, spoilt=tuple(range(10)), action="skip", max_skips_in_a_row=2)
    with pytest.raises(NonFiniteLossError, match=r"iteration 3, .*2 iterations before it .*max_skips_in_a_row.*interrupted.pth"):
        train(config, forget_runs)


def test_so_many_altogether_and_no_more_counted_over_a_resume(tmp_path, forget_runs):
    options = {"spoilt": (7,), "action": "skip", "max_skips": 2}
    assert not train(guarded(tmp_path, hooks=[{"type": "StopHook", "at": 11}], **options), forget_runs)[1]
    saved = torch.load(tmp_path / "epoch_2.pth", weights_only=True)
    assert saved["run_state"]["hooks"]["NonFiniteGuardHook"] == {"skipped": 2, "skipped_in_a_row": 0}
    config = guarded(tmp_path, **options)
    config.resume = True
    with pytest.raises(NonFiniteLossError, match=r"2 iterations have been left out before \(max_skips\)"):
        train(config, forget_runs)


@MODELS.register_module()
class TwoNets(BaseModel):
    """Two networks with an optimizer each; the second one's gradient, or its loss alone, can be made infinite."""

    def __init__(self, kind="gradient", at=2):
        super().__init__()
        self.first, self.second = nn.Linear(32, 1), nn.Linear(32, 1)
        self.kind, self.at, self.step = kind, at, 0

    def forward(self, inputs, data_samples=None, mode="tensor"):
        return torch.stack(inputs).flatten(1)

    def train_step(self, data, optim_wrapper):
        images = self(**self.data_preprocessor(data, True))
        first = self.first(images).square().mean()
        optim_wrapper["first"].update_params(first)
        second = self.second(images).square().mean()
        if self.step == self.at:
            # The root's slope is infinite at 0, where its value is 0.
            second = second + ((self.second.weight * 0).sum().abs().sqrt() if self.kind == "gradient" else math.inf)
        self.step += 1
        optim_wrapper["second"].update_params(second)
        return {"loss_first": first.detach(), "loss_second": second.detach()}


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class TwoOptimizers:
    def __init__(self, optim_wrapper_cfg, paramwise_cfg=None):
        pass

    def __call__(self, model):
        make = {name: torch.optim.SGD(model.get_submodule(name).parameters(), lr=0.01) for name in ("first", "second")}
        return OptimWrapperDict(**{name: OptimWrapper(optimizer) for name, optimizer in make.items()})


def two_nets(folder, kind, **options):
    config = guarded(folder, hooks=[{"type": "ContentsHook"}], averaged=False, **options)
    config.model = {"type": "TwoNets", "kind": kind}
    config.optim_wrapper = {"constructor": "TwoOptimizers"}
    config.param_scheduler = None
    for key in ("val_cfg", "val_dataloader", "val_evaluator"):
        config[key] = None
    config.default_hooks.checkpoint.save_best = None
    config.custom_hooks = [hook for hook in config.custom_hooks if hook["type"] != "EarlyStoppingHook"]
    return config


def test_a_gradient_that_is_not_finite_names_its_parameters(tmp_path, forget_runs):
    runner = trained(two_nets(tmp_path, "gradient", action="skip"), forget_runs)
    changed = find(runner.hooks, ContentsHook).changed
    assert set(changed[2]) == {"first.weight", "first.bias"}, "what an earlier network did in the iteration stays"
    assert {"second.weight", "second.bias"} <= set(changed[3])
    assert find(runner.hooks, ContentsHook).nonfinite == []
    assert "iteration 3, epoch 1: the losses are finite, but not the gradients of second.weight. The batch: image_" in log_of(
        tmp_path
    )


def test_a_gradient_that_is_not_finite_stops_before_the_step(tmp_path, forget_runs):
    with pytest.raises(NonFiniteLossError, match=r"not the gradients of second\.weight"):
        trained(two_nets(tmp_path, "gradient"), forget_runs)
    assert torch.load(tmp_path / "interrupted.pth", weights_only=True)["meta"]["iter"] == 2


def test_a_loss_that_is_not_finite_with_gradients_that_are(tmp_path, forget_runs):
    runner = trained(two_nets(tmp_path / "skip", "loss", action="skip"), forget_runs)
    assert {"second.weight", "second.bias"} <= set(find(runner.hooks, ContentsHook).changed[2])
    assert "loss_second is inf." in log_of(tmp_path / "skip")
    assert "Its gradients are finite and were applied." in log_of(tmp_path / "skip")
    with pytest.raises(NonFiniteLossError, match="goes on with the next batch"):
        trained(two_nets(tmp_path / "stop", "loss"), forget_runs)
    assert torch.load(tmp_path / "stop" / "interrupted.pth", weights_only=True)["meta"]["iter"] == 3


def test_without_mmengines_log_of_the_learning_rate(tmp_path, forget_runs):
    config = guarded(tmp_path, spoilt=(7,))
    config.default_hooks.runtime_info = None
    with pytest.raises(NonFiniteLossError, match="image_7"):
        train(config, forget_runs)


def test_without_atomic_checkpoints_it_stops_unsaved(tmp_path, forget_runs):
    config = guarded(tmp_path, spoilt=(7,))
    config.default_hooks.checkpoint = {"type": "CheckpointHook"}
    with pytest.raises(NonFiniteLossError, match="Nothing is saved"):
        train(config, forget_runs)


def test_a_gradient_scaler_keeps_its_infinite_gradients(tmp_path, forget_runs):
    class Scaler:
        def is_enabled(self):
            return True

    forget_runs()
    runner = Runner.from_cfg(guarded(tmp_path))
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    optimizer = runner.optim_wrapper.optimizer
    guard = find(runner.hooks, NonFiniteGuardHook)
    guard.before_train(runner)
    guard.before_train(runner)
    assert len(optimizer._optimizer_step_pre_hooks) == 1, "a second training does not watch twice"
    runner.optim_wrapper.loss_scaler = Scaler()
    guard.before_train(runner)
    assert len(optimizer._optimizer_step_pre_hooks) == 0


@HOOKS.register_module()
class ScalerHook(Hook):
    """Gives the optimizer a gradient scaler whose first scales are far too large."""

    priority = "VERY_HIGH"

    def before_train(self, runner):
        runner.optim_wrapper.loss_scaler = GradScaler(init_scale=2.0**127, device=get_device())


@pytest.mark.parametrize(
    "dtype",
    [
        "bfloat16",
        pytest.param(
            "float16", marks=pytest.mark.skipif(get_device() != "cuda", reason="float16 is trained in on a GPU; there is none")
        ),
    ],
)
def test_a_gradient_scaler_finds_its_scale_undisturbed(tmp_path, forget_runs, dtype):
    config = guarded(tmp_path, hooks=[{"type": "ScalerHook"}], averaged=False)
    config.optim_wrapper.update(type="AutocastOptimWrapper", dtype=dtype)
    runner = trained(config, forget_runs)
    assert runner.iter == 15
    assert runner.optim_wrapper.loss_scaler.get_scale() < 2.0**127
    assert all(weight.isfinite().all() for weight in runner.model.parameters())


def test_bfloat16_is_watched_like_float32(tmp_path, forget_runs):
    config = guarded(tmp_path, spoilt=(7,))
    config.optim_wrapper.type = "AutocastOptimWrapper"
    with pytest.raises(NonFiniteLossError, match="loss_fit is nan"):
        train(config, forget_runs)


def test_another_action_is_refused():
    with pytest.raises(InputError, match="action='ignore'; expected 'stop' or 'skip'"):
        NonFiniteGuardHook(action="ignore")


RANKS = """
import json, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
import torch
from mmengine.dist import get_rank
from mmengine.runner import Runner
from test_nonfinite_guard import guarded, ContentsHook, find
from rs_da_mm.engine.command_line import run_tool
from rs_da_mm.engine.launcher import finish_ranks, prepare_run

def main():
    options = dict(hooks=[dict(type="ContentsHook")], averaged=False, length=20)
    config = guarded("work", spoilt=(7,), action=sys.argv[3], **options)
    prepare_run(config, "pytorch")
    runner = Runner.from_cfg(config)
    runner.train()
    watched = find(runner.hooks, ContentsHook)
    still = [index for index, changed in watched.changed.items() if not changed]
    weights = [value.flatten().tolist() for value in runner.model.parameters()]
    Path(f"rank_{get_rank()}.json").write_text(json.dumps(dict(still=still, nonfinite=watched.nonfinite, weights=weights)))
    finish_ranks(runner)

if __name__ == "__main__":
    run_tool(main)
"""


def in_two_ranks(tmp_path, *words):
    (tmp_path / "ranks.py").write_text(RANKS, encoding="utf-8")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, *launcher, "ranks.py", str(TESTS), str(Path(__file__).parent), *words]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
def test_ranks_skip_together(tmp_path):
    done = in_two_ranks(tmp_path, "skip")
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = [json.loads((tmp_path / f"rank_{rank}.json").read_text()) for rank in (0, 1)]
    assert ranks[0] == ranks[1]
    assert len(ranks[0]["still"]) == 3
    assert ranks[0]["nonfinite"] == []
    lines = [line for line in log_of(tmp_path).splitlines() if "It is left out" in line]
    assert len(lines) == 3
    assert all("on rank 0. The batch: " in line or "on rank 1. The batch: " in line for line in lines)
    assert all("image_7.tif" in line for line in lines)


@pytest.mark.slow
def test_ranks_stop_together(tmp_path):
    done = in_two_ranks(tmp_path, "stop")
    assert done.returncode == 1
    assert "rank 0: error: iteration " in done.stderr
    assert "image_7.tif" in done.stderr
    assert done.stderr.count("traceback : error: iteration ") >= 1, "torchrun's summary tells it once more"
    assert "NonFiniteLossError" not in done.stderr
    assert (tmp_path / "work" / "interrupted.pth").is_file()
