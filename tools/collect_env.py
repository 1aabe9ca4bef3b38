"""Print what a report about a problem should hold: `python tools/collect_env.py`."""

from __future__ import annotations

import argparse

from rs_da_mm.engine.command_line import run_tool
from rs_da_mm.engine.environment import collect_environment, git_states


def main() -> None:
    """Print environment and state of the code, one fact a line."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    for name, value in collect_environment().items():
        print(f"{name}: {value}")
    for name, state in git_states().items():
        print(f"git, {name}: {', '.join(f'{key} {value}' for key, value in state.items())}")


if __name__ == "__main__":
    run_tool(main)
