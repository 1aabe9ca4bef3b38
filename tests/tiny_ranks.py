"""What each of several ranks does in tests of resuming: a whole run, a stopped one, and its resume."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from conftest import _forget_runs
from mmengine.dist import get_rank
from tiny_training import differences, tiny_config, train

from rs_da_mm.engine import prepare_ranks


def epochs(work_dir, hooks):
    return tiny_config(work_dir, hooks=hooks, length=20)


def iterations(work_dir, hooks):
    return tiny_config(work_dir, hooks=hooks, length=20, by_epoch=False, interval=2, workers=2)


def networks(work_dir, hooks):
    """Twelve iterations of a generator and a discriminator, each wrapped by itself."""
    from small_gan import small_gan_config

    config = small_gan_config(work_dir, by_epoch=False, accumulate=2)
    config.train_dataloader.dataset.length = 16
    config.model_wrapper_cfg = {"type": "MMSeparateDistributedDataParallel"}
    config.randomness.diff_rank_seed = True
    config.default_hooks.checkpoint = {"type": "AtomicCheckpointHook", "by_epoch": False, "interval": 3}
    config.custom_hooks = [{"type": "JournalHook"}, *hooks]
    return config


KINDS = {"epochs": (epochs, "epoch_3.pth"), "iterations": (iterations, "iter_15.pth"), "networks": (networks, "iter_12.pth")}


def main(folder, kind):
    make, last = KINDS[kind]
    journals = []
    for name, resume, hooks in (
        ("whole", False, []),
        ("stopped", False, [{"type": "StopHook", "at": 8}]),
        ("stopped", True, []),
    ):
        config = make(folder / name, hooks)
        config.resume = resume
        prepare_ranks("pytorch", config)
        journals.append(train(config, _forget_runs))
        torch.distributed.barrier()
    (whole, _), (_, ended), (resumed, _) = journals
    found = {
        "stopped": not ended,
        "resumed_from": min(resumed.losses),
        "losses": [i for i, losses in resumed.losses.items() if losses != whole.losses[i]],
        "noise": [i for i, noise in resumed.noise.items() if noise != whole.noise[i]],
        "checkpoint": differences(folder / "whole" / last, folder / "stopped" / last),
        "first_noise": whole.noise.get(0),
    }
    (folder / f"rank_{get_rank()}.json").write_text(json.dumps(found))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
