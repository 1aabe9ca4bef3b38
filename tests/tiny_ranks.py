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


def main(folder, kind):
    by_epoch = kind == "epoch"
    options = {"by_epoch": by_epoch, "interval": 1 if by_epoch else 2, "length": 20}
    journals = []
    for name, resume, hooks in (
        ("whole", False, []),
        ("stopped", False, [{"type": "StopHook", "at": 8}]),
        ("stopped", True, []),
    ):
        config = tiny_config(folder / name, hooks=hooks, **options)
        config.resume = resume
        prepare_ranks("pytorch", config)
        journals.append(train(config, _forget_runs))
        torch.distributed.barrier()
    (whole, _), (_, ended), (resumed, _) = journals
    last = "epoch_3.pth" if by_epoch else "iter_15.pth"
    found = {
        "stopped": not ended,
        "resumed_from": min(resumed.losses),
        "losses": [i for i, losses in resumed.losses.items() if losses != whole.losses[i]],
        "noise": [i for i, noise in resumed.noise.items() if noise != whole.noise[i]],
        "checkpoint": differences(folder / "whole" / last, folder / "stopped" / last),
        "first_noise": whole.noise[0],
    }
    (folder / f"rank_{get_rank()}.json").write_text(json.dumps(found))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
