"""Signals that ask a run to stop: remembered in the process that works, kept away from its data loader's workers.

A handler written in Python runs between two of Python's instructions, hence not while the process waits inside a collective
operation whose other ranks are gone. So a thread looks at the signals too, as C notes them, and ends the process where the
handler cannot: at a second signal, or when nothing moves any more after the first.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any

from rs_da_mm.errors import InputError

DUPLICATE_SECONDS = 1.0
"""A signal that follows another so soon is the same request: `timeout` and batch systems send to a process and to its group."""


class StopSignals:
    """Takes signals as requests to stop, while it is entered; as a context manager, in the main thread.

    The first signal sets :attr:`received`. A later one, more than :data:`DUPLICATE_SECONDS` after it, ends the process at once
    with the status that the signal has in a shell (128 + its number), whatever the process is doing.

    Args:
        names: Names of signals. Those that only other systems have are left out.
        patience: Seconds that the process may go without :meth:`alive` after the first signal before it is ended as well;
            ``None`` for ever.
        tell: Called with a sentence when a signal has arrived, from another thread.
        consequence: What the sentence says of the first signal.

    Raises:
        InputError: When a name is no signal's.
    """

    def __init__(
        self,
        names: Sequence[str],
        patience: float | None = None,
        tell: Callable[[str], None] | None = None,
        consequence: str = "the training stops as soon as it can be saved",
    ) -> None:
        self.numbers = _numbers(names)
        self.patience = patience
        self._consequence = consequence
        self.received: signal.Signals | None = None
        self._tell = tell or _tell_on_stderr
        self._first: float | None = None
        self._alive = time.monotonic()
        self._busy = False
        self._previous: dict[signal.Signals, Any] = {}
        self._ends: tuple[socket.socket, socket.socket] | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> StopSignals:
        global _entered
        if _entered is not None or threading.current_thread() is not threading.main_thread():
            return self  # handlers belong to the main thread, and there is one set of them
        _entered = self
        self.received, self._first = None, None
        self._watch_from_a_thread()
        for number in self.numbers:
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        global _entered
        if _entered is not self:
            return
        _entered = None
        for number, previous in self._previous.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)
        self._previous.clear()
        if self._ends is not None:
            signal.set_wakeup_fd(-1)
            self._ends[1].shutdown(socket.SHUT_WR)  # the thread reads the end and leaves, though forked processes hold copies
            self._ends[1].close()
            self._ends = None
            if self._thread is not None:
                self._thread.join(timeout=1)

    def alive(self) -> None:
        """Note that the process gets on with its work."""
        self._alive = time.monotonic()

    def busy(self) -> None:
        """Note that what follows, up to the end, may take any time."""
        self._busy = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received = signal.Signals(number)
        if self._ends is None:
            self._arrived(number)

    def _watch_from_a_thread(self) -> None:
        reader, writer = socket.socketpair()
        writer.setblocking(False)
        previous = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        if previous != -1:  # an event loop listens already; the handler alone must do
            signal.set_wakeup_fd(previous)
            reader.close()
            writer.close()
            return
        self._ends = (reader, writer)
        self._thread = threading.Thread(target=self._watch, args=(reader,), name="stop-signals", daemon=True)
        self._thread.start()

    def _watch(self, reader: socket.socket) -> None:
        with reader:
            while True:
                if select.select([reader], [], [], None if self._first is None else 0.5)[0]:
                    arrived = reader.recv(64)
                    if not arrived:
                        return
                    for number in arrived:
                        if number in self.numbers:
                            self._arrived(number)
                elif self._stuck():
                    name = signal.Signals(self.received or signal.SIGTERM).name
                    _end(signal.SIGTERM, f"{name}: nothing has moved for {self.patience:.0f} s, as when another rank is gone.")

    def _arrived(self, number: int) -> None:
        """Count a signal of ours."""
        name = signal.Signals(number).name
        now = time.monotonic()
        if self._first is None:
            self._first = now
            self._tell(f"{name} received: {self._consequence}. A second signal ends it at once.")
        elif now - self._first > DUPLICATE_SECONDS:
            _end(number, f"{name} received again: ended at once, what was not saved is lost.")

    def _stuck(self) -> bool:
        """Whether the process has not been seen alive for too long since the first signal."""
        if self.patience is None or self._first is None or self._busy:
            return False
        return time.monotonic() - max(self._alive, self._first) > self.patience


class WorkerShield:
    """A data loader's ``worker_init_fn`` that keeps stop signals away from the worker.

    Batch systems and ``torchrun`` send a signal to every process of a job. A worker that died of it would take the training
    down before it is saved. So a worker passes over the signal, unless it comes from the loader itself, which ends its workers
    by SIGTERM.

    Args:
        names: Names of signals.
        then: The ``worker_init_fn`` that was there before.
    """

    def __init__(self, names: Sequence[str], then: Callable[[int], None] | None = None) -> None:
        self.names = tuple(names)
        self.then = then

    def __call__(self, worker: int) -> None:
        """Prepare a worker."""
        self._shield(_numbers(self.names))
        if self.then is not None:
            self.then(worker)

    @staticmethod
    def _shield(numbers: Sequence[signal.Signals]) -> None:
        if sys.platform == "linux":
            # Blocked in all threads, since they inherit it from this one, and taken up by one that sees who has sent it.
            signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
            threading.Thread(target=_obey_the_parent, args=(numbers,), name="stop-signals", daemon=True).start()
        else:
            for number in numbers:
                if number != signal.SIGTERM:  # who has sent it cannot be known here, and the loader's must be obeyed
                    signal.signal(number, signal.SIG_IGN)


def _obey_the_parent(numbers: Sequence[signal.Signals]) -> None:
    if sys.platform == "linux":
        while True:
            arrived = signal.sigwaitinfo(numbers)
            if arrived.si_signo == signal.SIGTERM and arrived.si_pid == os.getppid():
                os._exit(0)


def _numbers(names: Sequence[str]) -> tuple[signal.Signals, ...]:
    known = ("SIGINT", "SIGHUP", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGBREAK")
    for name in names:
        if name not in known:
            raise InputError(f"signals: {name!r} is none that can ask for a stop; expected some of {', '.join(known)}.")
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


def _tell_on_stderr(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _end(number: int, message: str) -> None:
    # Not through Python's stream, whose lock the main thread may hold.
    os.write(2, f"{message}\n".encode())
    os._exit(128 + number)


_entered: StopSignals | None = None


def _leave_behind() -> None:
    """In a process that was forked off: the signals are not for it, and what C notes of them goes to the parent."""
    global _entered
    if _entered is not None:
        signal.set_wakeup_fd(-1)
        for number in _entered.numbers:
            signal.signal(number, signal.SIG_DFL)
        _entered = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_behind)
