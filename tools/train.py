"""Train whatever a config describes: `python tools/train.py configs/macunet_gid.py`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

# Before torch loads its threads: they wait for each other by spinning, which slows everything down while others use the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from rs_da_mm.engine.command_line import add_common_arguments, read_config, run_tool
from rs_da_mm.engine.launcher import finish_ranks, prepare_run
from rs_da_mm.engine.out_of_memory import memory_advice
from rs_da_mm.errors import InputError


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_arguments(parser)
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="CHECKPOINT",
        help="go on from this checkpoint, or without a value from the newest one in the work dir",
    )
    parser.add_argument(
        "--amp", action="store_true", help="train in mixed precision: bfloat16 on a CPU, the GPU's own half type on a GPU"
    )
    parser.add_argument(
        "--auto-scale-lr", action="store_true", help="scale the learning rate with the batch size, by the config's auto_scale_lr"
    )
    return parser.parse_args()


def apply_resume(config: Config, resume: str | None) -> None:
    """Set what mmengine resumes from."""
    if resume is None:
        return
    config.resume = True
    if resume == "auto":
        config.load_from = None
    elif Path(resume).is_file():
        config.load_from = resume
    else:
        raise InputError(
            f"--resume {resume}: there is no such checkpoint. Leave the value out to take the newest in {config.work_dir}."
        )


def apply_auto_scale_lr(config: Config) -> None:
    """Let mmengine scale the learning rate by batch size × ranks over the base batch size."""
    if not config.get("auto_scale_lr") or "base_batch_size" not in config.auto_scale_lr:
        raise InputError(
            "--auto-scale-lr: the config has no auto_scale_lr = dict(base_batch_size=…). Add it, or leave the option out."
        )
    config.auto_scale_lr.enable = True


def main() -> None:
    """Build the runner and train."""
    arguments = parse_arguments()
    config = read_config(arguments, required=("model", "train_cfg", "train_dataloader", "optim_wrapper"))
    apply_resume(config, arguments.resume)
    if arguments.auto_scale_lr:
        apply_auto_scale_lr(config)
    prepare_run(config, arguments.launcher, amp=arguments.amp)
    runner = RUNNERS.build(config) if "runner_type" in config else Runner.from_cfg(config)
    with memory_advice(config, "train"):
        runner.train()
    finish_ranks(runner)


if __name__ == "__main__":
    run_tool(main)
