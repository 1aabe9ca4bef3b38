"""Running a tool as a process of its own, with its output in a log, and asking it to stop."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

STOPPED_STATUS = 75
"""EX_TEMPFAIL of sysexits.h: a training was asked to stop, has saved itself, and can be resumed."""

_TAIL = 64 * 1024


class Child:
    """A running tool.

    It gets no keyboard, and a process group of its own: Ctrl-C in the terminal reaches this process alone, which then asks its
    children to stop, once each.

    Args:
        command: The command line.
        log: Where its output goes; added to what is there.
        environment: Variables to set for it.
        handles: File descriptors that it keeps open (POSIX).
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str], handles: Sequence[int] = ()) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        self.started = time.monotonic()
        self._file: BinaryIO = log.open("ab")
        self._begin = self._file.tell()
        self._file.write(f"\n$ {shlex.join(command)}\n".encode())
        self._file.flush()
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            pass_fds=tuple(handles),
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.started

    def poll(self) -> int | None:
        """Its exit status, or None while it runs."""
        status = self._process.poll()
        if status is not None:
            self._file.close()
        return status

    def ask_to_stop(self) -> None:
        """Send what asks a training to save itself: SIGTERM, and Ctrl-Break on Windows."""
        if self._process.poll() is None:
            self._process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))

    def kill(self) -> None:
        """End it, and what it has started."""
        if self._process.poll() is not None:
            return
        if sys.platform == "win32":
            self._process.kill()
        else:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    def tail(self) -> str:
        """The last part of what it has said in this run."""
        with self.log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(self._begin, end - _TAIL))
            return file.read().decode("utf-8", errors="replace")


def last_error(text: str) -> str:
    """Find the sentence that says why a tool failed: its last ``error: …``, or else its last line."""
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip() and not line.startswith("$ ")]
    told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (told or lines or ["it said nothing"])[-1]


class StopRequest:
    """Ctrl-C, SIGTERM or a closed terminal, remembered instead of obeyed at once; as a context manager.

    A signal that follows another within a second is the same request: ``timeout`` and batch systems send to a process and to its
    group.

    Attributes:
        signals: Those that came, in order.
    """

    def __init__(self) -> None:
        self.signals: list[int] = []
        self._latest = -1.0
        self._previous: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is not None:
                self._previous[number] = signal.signal(number, self._remember)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _remember(self, number: int, frame: object) -> None:
        now = time.monotonic()
        if not self.signals or now - self._latest > 1.0:
            self.signals.append(number)
            self._latest = now

    @property
    def status(self) -> int:
        """What to leave with: 130 after Ctrl-C, as a shell expects, and 75 else."""
        return 130 if self.signals and self.signals[0] == signal.SIGINT else STOPPED_STATUS
