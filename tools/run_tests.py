"""Set up the environment if need be, then run every check: `python tools/run_tests.py`.

Style (ruff), types (mypy --strict) and the quick tests. `--slow` runs the tests that take longer, and `--stack onedl` the quick
tests on the OneDL forks. Arguments that are not named here go to pytest: `python tools/run_tests.py tests/raster -k window`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from typing import NamedTuple

import _setup_env

# What ruff lays out. Configs, also those printed in README.md and docs/, keep the form that OpenMMLab's users know.
PYTHON_SOURCES = ("rs_da_mm", "tools", "tests", "setup.py")


class Step(NamedTuple):
    """One check: what it is called and the command that makes it."""

    title: str
    command: list[str]


def parse_arguments(words: list[str] | None = None) -> tuple[argparse.Namespace, list[str]]:
    """Read the command line.

    Returns:
        Our own options, and pytest's.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _setup_env.add_arguments(parser)
    parser.add_argument("--slow", action="store_true", help="run the tests that are marked slow, and only those")
    return parser.parse_known_args(words)


def plan(python: str, arguments: argparse.Namespace, for_pytest: list[str], cores: int) -> list[Step]:
    """List the checks of this run.

    Args:
        python: The environment's Python.
        arguments: Our own options.
        for_pytest: Options and paths for pytest.
        cores: How many the tests may use.
    """
    tests = [python, "-m", "pytest", *for_pytest]
    if arguments.slow:
        tests += ["-m", "slow"]
    elif cores > 1 and not any(word.startswith("-n") for word in for_pytest):
        tests += ["-n", str(min(cores, 8))]
    steps = []
    # Style and types are the same on both stacks, and are judged with the tools that the default one pins.
    if arguments.stack == "upstream" and not arguments.slow and not for_pytest:
        steps += [
            Step("ruff check", [python, "-m", "ruff", "check", "."]),
            Step("ruff format", [python, "-m", "ruff", "format", "--check", *PYTHON_SOURCES]),
            Step("mypy --strict", [python, "-m", "mypy"]),
        ]
    kind = "slow" if arguments.slow else "quick"
    return [*steps, Step(f"pytest, {kind} tests", tests)]


def run(step: Step) -> tuple[int, float]:
    """Make one check, with its output as it comes.

    Returns:
        Its exit status and the seconds it took.
    """
    print(f"\n== {step.title}\n$ {' '.join(step.command)}", flush=True)
    start = time.monotonic()
    # One thread per process: the test processes use the cores already.
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    status = subprocess.run(step.command, cwd=_setup_env.ROOT, env=environment, check=False).returncode
    return status, time.monotonic() - start


def main() -> int:
    """Set up, check, and sum up.

    Returns:
        The exit status: 0 when every check passed.
    """
    arguments, for_pytest = parse_arguments()
    start = time.monotonic()
    python = str(_setup_env.prepare(arguments))
    rows = [("set-up", 0, time.monotonic() - start)]
    for step in plan(python, arguments, for_pytest, os.cpu_count() or 1):
        status, seconds = run(step)
        rows.append((step.title, status, seconds))
    print(f"\n{'check':<24}{'seconds':>8}  result ({arguments.stack} stack)")
    for title, status, seconds in rows:
        print(f"{title:<24}{seconds:>8.1f}  {'ok' if status == 0 else f'FAILED (exit status {status})'}")
    failed = sum(status != 0 for _, status, _ in rows)
    print("All checks passed." if not failed else f"{failed} of {len(rows)} checks failed.", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
