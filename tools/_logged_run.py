"""Commands whose output goes to a log file, for the set-up step.

Standard library only, and no syntax newer than Python 3.8, as in the other files of the set-up.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol


class Finished(NamedTuple):
    """How a command ended: its exit status, and what it printed (output and errors together)."""

    status: int
    output: str


class Run(Protocol):
    """Runs a command in a folder and adds what it prints to a log file."""

    def __call__(self, command: Sequence[str], folder: Path, log: Path) -> Finished:
        """Run it to its end."""


def run_logged(command: Sequence[str], folder: Path, log: Path) -> Finished:
    """Run a command without a keyboard, append what it prints to ``log``, and show the lines that tell how far it is."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    lines = []
    with log.open("a", encoding="utf-8") as record:
        record.write("\n$ " + " ".join(command) + "\n")
        record.flush()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        assert process.stdout is not None
        for line in process.stdout:
            record.write(line)
            record.flush()
            lines.append(line)
            note = progress_note(line)
            if note:
                print("    " + note, flush=True)
        return Finished(process.wait(), "".join(lines))


def progress_note(line: str) -> str:
    """Shorten one line of pip's output to what a person waits for.

    Returns:
        A download of 50 MB or more, a build, or the final installation; an empty string for everything else.
    """
    words = line.split()
    if words[:1] in (["Downloading"], ["Using"]) and words[-1] in ("MB)", "GB)"):
        big = words[-1] == "GB)" or float(words[-2].lstrip("(")) >= 50
        return " ".join(words) if big else ""
    if line.startswith("Installing collected packages"):
        return f"Installing {line.count(',') + 1} packages"
    if words[:3] == ["Building", "wheel", "for"] and "started" in line:
        return f"Building {words[3].rstrip(':')}"
    return ""
