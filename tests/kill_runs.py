"""Trainings that are killed at chosen moments and resumed, each in a process of its own.

``python kill_runs.py KIND FOLDER [DATA]`` imports everything once and forks: a whole run, then for every moment one that kills
itself there with SIGKILL and one that resumes it. It writes ``FOLDER/found.json``: for every moment, whether the run was killed,
and how the resumed run's last checkpoint differs from the whole run's.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path

import torch
from conftest import ROOT, _forget_runs
from mmengine.config import Config
from mmengine.runner import Runner
from tiny_training import differences

import rs_da_mm.engine
from rs_da_mm import files, partial_files
from rs_da_mm.engine import loops
from rs_da_mm.engine.hooks import atomic_checkpoint


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def on_call(owner, name, turn=1, when=lambda *_args: True, after=False, do=die):
    """Have a function end the process at its ``turn``-th call that fits."""
    original = getattr(owner, name)
    seen = [0]

    def replaced(*args, **kwargs):
        seen[0] += bool(when(*args))
        now = seen[0] == turn and when(*args)
        if now and not after:
            do()
        answer = original(*args, **kwargs)
        if now and after:
            do()
        return answer

    setattr(owner, name, replaced)


def cut_in_half(handle):
    """Leave half of what was written to an open file, as a machine without power would."""
    os.ftruncate(handle, os.fstat(handle).st_size // 2)
    die()


def is_checkpoint(partial, target):
    return target.suffix == ".pth" and not target.name.startswith("best")


def is_best(partial, target):
    return target.name.startswith("best")


def half_written(turn):
    original, seen = os.fsync, [0]

    def fsync(handle):
        if os.fstat(handle).st_size > 5000:  # a checkpoint, not a pointer
            seen[0] += 1
            if seen[0] == turn:
                cut_in_half(handle)
        original(handle)

    files.os.fsync = fsync


HOOK = atomic_checkpoint.AtomicCheckpointHook

MOMENTS = {
    "before the first iteration": lambda: on_call(loops._Resumable, "_restore_random_state", 1),
    "while a sample is loaded": lambda: on_call(rs_da_mm.engine.sample_draws.SeededDataset, "__getitem__", 11),
    "inside an optimizer's step": lambda: on_call(torch.optim.Adam, "step", 4),
    "after an iteration": lambda: on_call(
        Runner, "call_hook", 7, lambda _runner, name, *_: name == "after_train_iter", after=True
    ),
    "in a later epoch": lambda: on_call(Runner, "call_hook", 9, lambda _runner, name, *_: name == "before_train_iter"),
    "with half of a checkpoint written": lambda: half_written(2),
    "before a written checkpoint is in its place": lambda: on_call(partial_files.Path, "replace", 2, is_checkpoint),
    "before anything points at the checkpoint": lambda: on_call(HOOK, "_point_at", 2),
    "before the outdated checkpoint is gone": lambda: on_call(HOOK, "_remove", 3),
    "with the pointer half replaced": lambda: on_call(
        partial_files.Path, "replace", 2, lambda _partial, target: target.name == "last_checkpoint"
    ),
    "in the last checkpoint": lambda: on_call(HOOK, "_write", 3),
}

MOMENTS_OF_VALIDATION = {
    "inside a validation": lambda: on_call(Runner, "call_hook", 2, lambda _runner, name, *_: name == "after_val_iter"),
    "before the best checkpoint is in its place": lambda: on_call(partial_files.Path, "replace", 1, is_best),
    "before the score is noted in the last checkpoint": lambda: on_call(
        HOOK, "_save_checkpoint_with_step", 1, lambda _hook, runner, step, *_meta: step == runner.epoch
    ),
}


def segmentor(folder, data):
    """MACU-Net, narrow, on a miniature: 3 epochs of 4 batches, each validated."""
    config = Config.fromfile(ROOT / "configs" / "macunet_gid.py")
    config.env_cfg.cudnn_benchmark = False
    config.train_cfg.max_epochs = 3
    config.model.backbone.base_channels = 2
    config.model.decode_head.update(in_channels=2, channels=2)
    config.train_dataloader.sampler.update(draws=2, samples_per_draw=3)
    for loader in (config.train_dataloader, config.val_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset.data_root = str(Path(data) / Path(loader.dataset.data_root).relative_to("data"))
        loader.dataset.window_size = 64
    config.train_dataloader.dataset.indices = 16
    config.val_dataloader.dataset.indices = 4
    config.custom_hooks = [hook for hook in config.custom_hooks if hook["type"] != "PredictionPanelHook"]
    config.pop("test_dataloader"), config.pop("test_cfg"), config.pop("test_evaluator")
    config.log_level = "WARNING"
    config.work_dir = str(folder)
    return config


def gan(folder, _data):
    """The small GAN: 3 epochs of 4 iterations."""
    from small_gan import small_gan_config

    config = small_gan_config(folder, by_epoch=True, iterations=12)
    config.default_hooks.checkpoint = {"type": "AtomicCheckpointHook", "interval": 1, "max_keep_ckpts": 1}
    return config


def train(kind, folder, data, resume, moment):
    """Train in a child process; gives its exit status, negative for a signal."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        _forget_runs()
        config = {"segmentor": segmentor, "gan": gan}[kind](folder, data)
        config.resume = resume
        if moment is not None:
            moment()
        Runner.from_cfg(config).train()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file() and ".partial-" in path.name)


def main(kind, folder, data=None):
    torch.set_num_threads(1)
    moments = {**MOMENTS, **(MOMENTS_OF_VALIDATION if kind == "segmentor" else {})}
    assert train(kind, folder / "whole", data, False, None) == 0
    found = {}
    for number, (name, moment) in enumerate(moments.items()):
        place = folder / f"killed_{number}"
        killed = train(kind, place, data, False, moment)
        resumed = train(kind, place, data, True, None)
        found[name] = {
            "killed": killed,
            "resumed": resumed,
            "differences": differences(folder / "whole" / "epoch_3.pth", place / "epoch_3.pth") if resumed == 0 else None,
            "files": sorted(path.name for path in place.glob("*.pth")),
            "leftovers": leftovers(place),
        }
    found["whole"] = sorted(path.name for path in (folder / "whole").glob("*.pth"))
    (folder / "found.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
