"""Evaluate a checkpoint: `python tools/test.py configs/macunet_gid.py work_dirs/macunet_gid/best_mIoU_epoch_3.pth`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# Before torch loads its threads: they wait for each other by spinning, which slows everything down while others use the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from mmengine.config import Config
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from rs_da_mm.engine.checkpoints import load_model_strictly
from rs_da_mm.engine.command_line import add_common_arguments, read_config, run_tool
from rs_da_mm.engine.launcher import finish_ranks, prepare_run
from rs_da_mm.engine.out_of_memory import memory_advice
from rs_da_mm.errors import InputError
from rs_da_mm.studies.score_file import write_scores


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_arguments(parser)
    # After CONFIG, as in every OpenMMLab tool.
    parser.add_argument("checkpoint", help="the .pth or .safetensors file to evaluate")
    parser.add_argument("--out", metavar="DIR", help="write every prediction there, as rasters with the windows' georeference")
    parser.add_argument("--show-dir", metavar="DIR", help="draw image, label and prediction of every window there, as PNG")
    parser.add_argument("--json", metavar="FILE", help="write the scores there, with checkpoint, hash and data, as plain JSON")
    parser.add_argument("--tta", action="store_true", help="average over the eight symmetries of the square")
    return parser.parse_args()


def apply_show_dir(config: Config, show_dir: str) -> None:
    """Draw every window instead of the few that the config asks for."""
    hooks = [hook for hook in config.get("custom_hooks", []) if hook.get("type") != "PredictionPanelHook"]
    config.custom_hooks = [*hooks, {"type": "PredictionPanelHook", "out_dir": show_dir, "max_panels": sys.maxsize}]


def main() -> None:
    """Build the runner, load the weights strictly, and evaluate."""
    arguments = parse_arguments()
    config = read_config(arguments, required=("model", "test_cfg", "test_dataloader", "test_evaluator"))
    if not Path(arguments.checkpoint).is_file():
        raise InputError(
            f"{arguments.checkpoint}: there is no such checkpoint. Training writes them to its work dir, as epoch_N.pth."
        )
    if arguments.out is not None:
        config.test_evaluator.output_dir = arguments.out
    if arguments.show_dir is not None:
        apply_show_dir(config, arguments.show_dir)
    if arguments.tta:
        config.model = {"type": "rs_da_mm.DihedralTTAModel", "module": config.model}
    # The weights are loaded below: mmengine's load_from passes over missing keys with a warning.
    config.load_from = None
    prepare_run(config, arguments.launcher)
    runner = RUNNERS.build(config) if "runner_type" in config else Runner.from_cfg(config)
    load_model_strictly(runner.model, arguments.checkpoint)
    with memory_advice(config, "test"):
        metrics = runner.test()
    if arguments.json is not None:
        write_scores(arguments.json, metrics, runner, arguments.checkpoint, arguments.tta)
    finish_ranks(runner)


if __name__ == "__main__":
    run_tool(main)
