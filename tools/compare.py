"""Run a study, methods by seeds, and make its tables: `python tools/compare.py configs/studies/macunet_gid.py`.

What is done is left alone, what was interrupted goes on, what failed is tried again. Everything goes to
work_dirs/studies/<study>: table.md, runs.csv, study.json, bars.png, bars.svg, panels.png, and a folder per run. docs/studies.md
says what a study file can hold.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rs_da_mm.engine.command_line import run_tool
from rs_da_mm.errors import InputError
from rs_da_mm.studies.command import Request, compare
from rs_da_mm.studies.execution import Options
from rs_da_mm.studies.preparation import Tools


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", help="the study file")
    parser.add_argument("--work-dir", default="work_dirs/studies", help="folder of all studies (default: work_dirs/studies)")
    parser.add_argument(
        "--devices", nargs="+", default=(), metavar="GPU", help="run one job on each of these GPUs: --devices 0 1 2"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="run N jobs at a time (default: one after the other)")
    parser.add_argument(
        "--only", nargs="+", default=(), metavar="METHOD[/GROUP][/SEED]", help="run these alone; the table shows all"
    )
    parser.add_argument("--redo", action="store_true", help="delete what was run with other settings, and run it anew")
    parser.add_argument("--dry-run", action="store_true", help="say what would be run, and run nothing")
    parser.add_argument("--table-only", action="store_true", help="run nothing, make the tables of what is there")
    return parser.parse_args()


def main() -> None:
    """Run the study; leaves with 0, with 1 when something failed, with 75 when it was stopped and can be started again."""
    arguments = parse_arguments()
    if arguments.jobs < 1:
        raise InputError(f"--jobs {arguments.jobs}: at least one job must run.")
    request = Request(
        study=Path(arguments.study),
        work_dir=Path(arguments.work_dir),
        options=Options(arguments.jobs, tuple(arguments.devices), arguments.redo),
        only=tuple(arguments.only),
        dry_run=arguments.dry_run,
        table_only=arguments.table_only,
    )
    status = compare(request, Tools.of(Path(__file__).resolve().parent))
    if status:
        sys.exit(status)


if __name__ == "__main__":
    run_tool(main)
