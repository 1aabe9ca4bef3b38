"""Telling a person how far a study is: a line per running job in a terminal, plain lines in a file or a pipe."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TextIO

from rs_da_mm.studies.children import Child
from rs_da_mm.studies.plan import Job

_EPOCH = re.compile(r"Epoch\((train|val|test)\) +\[(\d+)\]\[ *(\d+)/(\d+)\]")
_ITERATION = re.compile(r"Iter\((train|val|test)\) +\[ *(\d+)/(\d+)\]")
_LEFT = re.compile(r"eta: ([\d:a-z, ]+?)  ")
_LOSS = re.compile(r"  loss: (\d+\.\d+)")


class LineReporter:
    """Prints what happens, and now and then how far the running jobs are.

    Args:
        stream: Where to.
        interval: Seconds between two lines about a running job.
    """

    def __init__(self, stream: TextIO | None = None, interval: float = 60.0) -> None:
        self.stream = stream or sys.stdout
        self.interval = interval
        self._told = time.monotonic()

    def event(self, text: str) -> None:
        """Print a line."""
        print(text, file=self.stream, flush=True)

    def show(self, running: Sequence[tuple[Job, Child]]) -> None:
        """Print a line per job, when the time has come."""
        if running and time.monotonic() - self._told > self.interval:
            self._told = time.monotonic()
            for job, child in running:
                self.event(status_line(job, child))


class LiveReporter:
    """Keeps a line per running job at the foot of a terminal, with rich; to be used as a context manager.

    Args:
        interval: Seconds between two looks into the logs.
    """

    def __init__(self, interval: float = 1.0) -> None:
        from rich.live import Live

        self.interval = interval
        self._live: Any = Live(refresh_per_second=4)
        self._told = 0.0
        self._names: list[str] = []

    def __enter__(self) -> LiveReporter:
        self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._live.update("")
        self._live.__exit__(*error)

    def event(self, text: str) -> None:
        """Print a line above the live ones."""
        from rich.text import Text

        self._live.console.print(Text(text), soft_wrap=True)

    def show(self, running: Sequence[tuple[Job, Child]]) -> None:
        """Bring the live lines up to date."""
        from rich.console import Group
        from rich.text import Text

        names = [job.name for job, _ in running]
        if names != self._names or time.monotonic() - self._told > self.interval:
            self._names, self._told = names, time.monotonic()
            self._live.update(Group(*(Text(status_line(*one), no_wrap=True, overflow="ellipsis") for one in running)))


def status_line(job: Job, child: Child) -> str:
    """Say in one line how far a running job is, from the end of its log."""
    since = timedelta(seconds=int(child.seconds))
    return f"  {job.title}, {since}: {log_progress(child.tail()) or 'starting'}"


def log_progress(text: str) -> str:
    """Read how far a run is from mmengine's log lines.

    Args:
        text: The end of the log.

    Returns:
        ``'epoch 3, 20 of 140, loss 0.8132, 0:01:20 left'``, ``'validation 3 of 9'``; empty where there is no such line.
    """
    for line in reversed(text.splitlines()):
        epoch, iteration = _EPOCH.search(line), _ITERATION.search(line)
        found = epoch or iteration
        if found is None:
            continue
        part, *numbers = found.groups()
        if part != "train":
            return f"{'validation' if part == 'val' else 'test'} {numbers[-2]} of {numbers[-1]}"
        words = [f"epoch {numbers[0]}, {numbers[1]} of {numbers[2]}" if epoch else f"iteration {numbers[0]} of {numbers[1]}"]
        loss, left = _LOSS.search(line), _LEFT.search(line)
        words += [f"loss {loss.group(1)}"] if loss else []
        words += [f"{left.group(1)} left"] if left else []
        return ", ".join(words)
    return ""
