"""A run that is stopped and resumed gives what an uninterrupted one gives, bit for bit."""

from __future__ import annotations

import shutil

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from tiny_training import JournalHook, PowerCut, same, tiny_config

from rs_da_mm.engine import AtomicCheckpointHook

pytestmark = pytest.mark.usefixtures("fresh_mmengine")


def run(forget_runs, work_dir, resume=False, **options):
    """Train; gives the journal, and whether the run came to its end."""
    forget_runs()
    config = tiny_config(work_dir, **options)
    config.resume = resume
    runner = Runner.from_cfg(config)
    journal = next(hook for hook in runner.hooks if isinstance(hook, JournalHook))
    try:
        runner.train()
    except PowerCut:
        return journal, False
    return journal, True


def differences(one, two):
    """Compare everything in two checkpoints except for times."""
    first, second = (torch.load(path, weights_only=True) for path in (one, two))
    for checkpoint, folder in ((first, one.parent), (second, two.parent)):
        checkpoint["meta"].pop("time")
        checkpoint["meta"].pop("experiment_name")
        checkpoint["meta"]["cfg"] = ""
        hub = checkpoint["message_hub"]
        for name in [name for name in hub["log_scalars"] if "time" in name]:
            del hub["log_scalars"][name]
        info = hub["runtime_info"]
        info.pop("cfg", None)
        info.pop("eta", None)
        for name, value in info.items():
            if isinstance(value, str):
                info[name] = value.replace(str(folder), "")
            if isinstance(value, list):
                info[name] = [str(item).replace(str(folder), "") for item in value]
        hub["resumed_keys"] = {}
        for key in ("last_ckpt", "memory", "experiment_name"):
            info.pop(key, None)
    return same(first, second)


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
            made[key] = folder, run(forget_runs, folder, **options)[0]
        return made[key]

    return give


@pytest.mark.parametrize("by_epoch", [True, False])
@pytest.mark.parametrize("stop", [1, 4, 5, 6, 9, 10, 13, 14])
def test_a_run_stopped_anywhere_goes_on_as_if_it_had_not(tmp_path, forget_runs, uninterrupted, by_epoch, stop):
    folder, journal = uninterrupted(by_epoch=by_epoch, interval=1 if by_epoch else 3)
    options = {"by_epoch": by_epoch, "interval": 1 if by_epoch else 3}
    assert not run(forget_runs, tmp_path, hooks=[{"type": "StopHook", "at": stop}], **options)[1]
    resumed, done = run(forget_runs, tmp_path, resume=True, **options)
    assert done
    assert all(journal.losses[iteration] == losses for iteration, losses in resumed.losses.items())
    assert all(journal.noise[iteration] == noise for iteration, noise in resumed.noise.items())
    assert max(resumed.losses) == 14
    assert differences(last(folder, by_epoch), last(tmp_path, by_epoch)) == []
    assert {path.name for path in folder.glob("*.pth")} == {path.name for path in tmp_path.glob("*.pth")}


@pytest.mark.parametrize("by_epoch", [True, False])
def test_workers_change_nothing_and_a_resume_with_them_neither(tmp_path, forget_runs, uninterrupted, by_epoch):
    folder, journal = uninterrupted(by_epoch=by_epoch, interval=1 if by_epoch else 3)
    options = {"by_epoch": by_epoch, "interval": 1 if by_epoch else 3, "workers": 2}
    assert not run(forget_runs, tmp_path, hooks=[{"type": "StopHook", "at": 8}], **options)[1]
    resumed, _ = run(forget_runs, tmp_path, resume=True, **options)
    assert all(journal.noise[iteration] == noise for iteration, noise in resumed.noise.items())
    assert differences(last(folder, by_epoch), last(tmp_path, by_epoch)) == []
