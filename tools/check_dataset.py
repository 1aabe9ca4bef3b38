"""Check a data set before training: `python tools/check_dataset.py configs/macunet_gid.py`.

Prints pixels and weights per class, mean, spread and percentiles per band, and everything that is wrong with the files: what
cannot be read to the end, does not lie on its image, is missing, or has colours that the legend does not know. The exit status
is 0 when nothing is, else 1.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from rs_da_mm.datasets.check_report import check_datasets
from rs_da_mm.datasets.check_targets import datasets_of_config, make_dataset
from rs_da_mm.engine.command_line import OverrideAction, read_config, run_tool
from rs_da_mm.errors import InputError
from rs_da_mm.files import atomic_write_json


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", nargs="?", help="a config, whose training, validation and test data sets are checked")
    parser.add_argument("--part", choices=["train", "val", "test", "all"], default="all", help="which of them (default: all)")
    parser.add_argument("--dataset", metavar="NAME", help="check this data set instead, like GIDDataset")
    parser.add_argument("--data-root", help="where the data is (default: where the config or the data set says)")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=OverrideAction,
        default={},
        metavar="KEY=VALUE",
        help="settings of the config to override; with --dataset, arguments of the data set, like window_size=512",
    )
    parser.add_argument("--out", metavar="JSON", help="write the report here too")
    arguments = parser.parse_args()
    arguments.launcher, arguments.local_rank, arguments.work_dir = "none", 0, None
    return arguments


def main() -> None:
    """Check what the command line names."""
    arguments = parse_arguments()
    if (arguments.config is None) == (arguments.dataset is None):
        raise InputError("Give a config, or --dataset and a name: one of the two.")
    if arguments.config is not None:
        datasets = datasets_of_config(read_config(arguments, required=()), arguments.part, arguments.data_root)
    else:
        options: dict[str, Any] = {"part": arguments.part, **arguments.cfg_options}
        if arguments.data_root is not None:
            options["data_root"] = arguments.data_root
        datasets = {options["part"]: make_dataset({"type": arguments.dataset, **options})}
    report = check_datasets(datasets)
    print(report.to_text())
    if arguments.out is not None:
        atomic_write_json(arguments.out, report.to_json())
    sys.exit(1 if report.problems else 0)


if __name__ == "__main__":
    run_tool(main)
