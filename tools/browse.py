"""Draw samples as the model gets them: `python tools/browse.py configs/macunet_gid.py --count 8`."""

from __future__ import annotations

import argparse
from pathlib import Path

from rs_da_mm.engine.command_line import add_common_arguments, read_config, run_tool
from rs_da_mm.errors import InputError
from rs_da_mm.visualization import save_panels
from rs_da_mm.visualization.browse import browse_samples


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common_arguments(parser)
    parser.add_argument("--part", choices=["train", "val", "test"], default="train", help="whose pipeline (default: train)")
    parser.add_argument("--count", type=int, default=8, help="how many samples (default: 8)")
    parser.add_argument("--out", metavar="DIR", help="where the PNG files go (default: <work dir>/browse)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of samples and of the augmentation (default: 0)")
    return parser.parse_args()


def main() -> None:
    """Load, draw and sum up."""
    arguments = parse_arguments()
    if arguments.count < 1:
        raise InputError(f"--count {arguments.count}: at least one sample must be drawn.")
    config = read_config(arguments, required=("model", f"{arguments.part}_dataloader"))
    out = Path(arguments.out or Path(config.work_dir) / "browse")
    for sample in browse_samples(config, arguments.part, arguments.count, arguments.seed):
        path = out / f"{arguments.part}_{sample.index:06d}.png"
        save_panels([sample.panel], path)
        print(f"{sample.summary} | {path}")


if __name__ == "__main__":
    run_tool(main)
