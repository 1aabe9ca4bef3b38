"""Make miniatures of data sets: `python tools/make_sample_data.py gid gid15 whdld`.

Invented landscapes in the publishers' layouts, to try everything on before the real data is there. No result on a miniature says
anything about the real data set.
"""

from __future__ import annotations

import argparse

from rs_da_mm.datasets.samples.catalogue import MINIATURES
from rs_da_mm.datasets.samples.marker import sample_notice
from rs_da_mm.datasets.samples.miniature import make_miniature
from rs_da_mm.engine.command_line import run_tool


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    names = sorted(MINIATURES)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", choices=names, metavar="NAME", help=f"any of {', '.join(names)}")
    parser.add_argument("--root", default="data", help="folder of all data sets (default: data)")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other landscapes (default: 0)")
    parser.add_argument("--size", choices=("default", "small"), default="default", help="'small' is for a quick check")
    parser.add_argument("--force", action="store_true", help="replace a miniature that is there; real data is never replaced")
    return parser.parse_args()


def main() -> None:
    """Make what the command line names."""
    arguments = parse_arguments()
    for name in dict.fromkeys(arguments.names):
        print(f"{name}: making it if it is not there yet ...", flush=True)
        made = make_miniature(MINIATURES[name], arguments.root, arguments.seed, arguments.size, arguments.force)
        what = f"written in {made.seconds:.1f} s" if made.written else "already there"
        print(f"{name}: {made.files} files, {made.megabytes:.1f} MB, {what}. {sample_notice(made.root)}", flush=True)


if __name__ == "__main__":
    run_tool(main)
