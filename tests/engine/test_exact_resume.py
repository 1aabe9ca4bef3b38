"""A run that is stopped and resumed gives what an uninterrupted one gives, bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from tiny_training import differences, tiny_config, train

from rs_da_mm.engine import save_interrupted
from rs_da_mm.engine.run_state import current_position

pytestmark = pytest.mark.usefixtures("fresh_mmengine")
TESTS = Path(__file__).resolve().parents[1]


class _Stopped(Exception):
    pass


@HOOKS.register_module()
class InterruptHook(Hook):
    """Saves in the middle of everything, and leaves."""

    priority = "LOWEST"

    def __init__(self, at, before=False):
        self.at = at
        self.before = before

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.position = current_position(runner) if self.before else None

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == self.at:
            save_interrupted(runner, self.position)
            raise _Stopped


def last(folder, by_epoch):
    return folder / ("epoch_3.pth" if by_epoch else "iter_15.pth")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, forget_runs):
    """Whole runs, made once for each kind."""
    made = {}

    def give(**options):
        key = tuple(sorted(options.items()))
        if key not in made:
            folder = tmp_path_factory.mktemp("whole")
            made[key] = folder, train(tiny_config(folder, **options), forget_runs)[0]
        return made[key]

    return give


@pytest.fixture
def resumed_equals(tmp_path, forget_runs, uninterrupted):
    """Stop a run by a hook, resume it, and compare with the whole run."""

    def check(hook, resume_options=None, stopped_by=(), whole_options=None, **options):
        options.setdefault("interval", 1 if options["by_epoch"] else 3)
        folder, journal = uninterrupted(**options, **(whole_options or {}))
        config = tiny_config(tmp_path, hooks=[hook], **options)
        if stopped_by:
            with pytest.raises(stopped_by):
                train(config, forget_runs)
        else:
            assert not train(config, forget_runs)[1]
        again = tiny_config(tmp_path, **{**options, **(resume_options or {})})
        again.resume = True
        resumed, done = train(again, forget_runs)
        assert done
        assert max(resumed.losses, default=14) == 14
        assert {i for i, noise in resumed.noise.items() if noise != journal.noise[i]} == set()
        assert {i for i, losses in resumed.losses.items() if losses != journal.losses[i]} == set()
        assert differences(last(folder, options["by_epoch"]), last(tmp_path, options["by_epoch"])) == []
        assert {path.name for path in folder.glob("*.pth")} == {path.name for path in tmp_path.glob("*.pth")}
        return resumed

    return check


@pytest.mark.parametrize("by_epoch", [True, False])
@pytest.mark.parametrize("stop", [1, 4, 5, 6, 9, 10, 13, 14])
def test_a_run_stopped_anywhere_goes_on_as_if_it_had_not(resumed_equals, by_epoch, stop):
    resumed_equals({"type": "StopHook", "at": stop}, by_epoch=by_epoch)


@pytest.mark.parametrize("by_epoch", [True, False])
@pytest.mark.parametrize("at", [0, 2, 4, 5, 8, 13])
def test_a_run_saved_between_two_checkpoints_goes_on_there(resumed_equals, by_epoch, at):
    resumed = resumed_equals({"type": "InterruptHook", "at": at}, stopped_by=_Stopped, by_epoch=by_epoch)
    assert min(resumed.losses, default=15) == at + 1


def test_nothing_is_left_of_the_interruption(resumed_equals, tmp_path):
    resumed_equals({"type": "InterruptHook", "at": 2}, stopped_by=_Stopped, by_epoch=True)
    assert not (tmp_path / "interrupted.pth").exists()
    assert (tmp_path / "last_checkpoint").read_text() == str(tmp_path / "epoch_3.pth")


@pytest.mark.parametrize("by_epoch", [True, False])
@pytest.mark.parametrize("at", [1, 2, 5])
def test_an_open_accumulation_is_not_lost(resumed_equals, by_epoch, at):
    resumed_equals({"type": "InterruptHook", "at": at}, stopped_by=_Stopped, by_epoch=by_epoch, accumulate=3)


def test_accumulation_across_the_end_of_an_epoch(resumed_equals):
    resumed_equals({"type": "StopHook", "at": 7}, by_epoch=True, accumulate=2)


@pytest.mark.parametrize("by_epoch", [True, False])
def test_workers_change_nothing(resumed_equals, forget_runs, uninterrupted, by_epoch):
    resumed_equals({"type": "StopHook", "at": 8}, by_epoch=by_epoch, workers=2, resume_options={"workers": 0})
    interval = 1 if by_epoch else 3
    with_workers = uninterrupted(by_epoch=by_epoch, interval=interval, workers=2)
    without = uninterrupted(by_epoch=by_epoch, interval=interval)
    assert with_workers[1].noise == without[1].noise
    assert with_workers[1].losses == without[1].losses


def test_augmentations_differ_from_epoch_to_epoch(uninterrupted):
    _, journal = uninterrupted(by_epoch=True, interval=1)
    noise = [value for values in journal.noise.values() for value in values]
    assert len(set(noise)) == 30


def test_validating_changes_nothing_in_the_training(tmp_path, forget_runs, uninterrupted):
    _, journal = uninterrupted(by_epoch=True, interval=1)
    config = tiny_config(tmp_path, save_best=None)
    config.train_cfg.val_interval = 3
    assert train(config, forget_runs)[0].losses == journal.losses


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "missing"])
def test_a_damaged_newest_checkpoint_is_passed_over(tmp_path, forget_runs, uninterrupted, damage):
    folder, journal = uninterrupted(by_epoch=True, interval=1)
    train(tiny_config(tmp_path, hooks=[{"type": "StopHook", "at": 12}]), forget_runs)
    newest = tmp_path / "epoch_2.pth"
    content = newest.read_bytes()
    if damage == "missing":
        newest.unlink()
    else:
        middle = len(content) // 2
        with zipfile.ZipFile(newest) as archive:
            largest = max(archive.infolist(), key=lambda record: record.file_size)
            inside = content.find(archive.read(largest)) + largest.file_size // 2
        flipped = content[:inside] + bytes([content[inside] ^ 255]) + content[inside + 1 :]
        newest.write_bytes({"cut": content[:middle], "flipped": flipped, "empty": b""}[damage])
    config = tiny_config(tmp_path)
    config.resume = True
    resumed, done = train(config, forget_runs)
    assert done
    assert min(resumed.losses) == 5
    assert resumed.losses == {i: losses for i, losses in journal.losses.items() if i >= 5}
    assert differences(last(folder, True), last(tmp_path, True)) == []
    if damage != "missing":
        log = "".join(path.read_text() for path in tmp_path.rglob("*.log"))
        assert f"Passed over: {newest}" in log
        assert f"Going on from the checkpoint before, {tmp_path / 'epoch_1.pth'}" in log


@pytest.mark.parametrize(
    ("kind", "last", "resumed_from"),
    [("epochs", "epoch_3.pth", 5), ("iterations", "iter_15.pth", 8), ("networks", "iter_12.pth", 6)],
)
def test_two_ranks(tmp_path, kind, last, resumed_from):
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", TESTS / "tiny_ranks.py", tmp_path, kind]
    command = [sys.executable, *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    ranks = [json.loads((tmp_path / f"rank_{rank}.json").read_text()) for rank in (0, 1)]
    for rank in ranks:
        assert rank["stopped"]
        assert rank["resumed_from"] == resumed_from
        assert (rank["losses"], rank["noise"], rank["checkpoint"]) == ([], [], [])
    own = torch.load(tmp_path / "whole" / last, weights_only=True)["run_state"]["ranks"]
    assert own[0]["buffers"] == {}
    if kind == "networks":
        assert any(name.endswith("running_mean") for name in own[1]["buffers"]), "ranks keep batch statistics of their own"
    else:
        assert {"norm.running_mean", "queue"} <= own[1]["buffers"].keys(), "and queues"
        assert set(ranks[0]["first_noise"]).isdisjoint(ranks[1]["first_noise"])
