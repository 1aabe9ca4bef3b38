"""Threads that hand work on to each other, and end together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")

_PATIENCE = 0.2
"""Seconds: on Windows, Ctrl-C waits for as long as a thread waits for a lock."""


class Ended(Exception):
    """What a channel raises when no more can be put in or taken out."""


class Channel(Generic[Item]):
    """A queue between two threads that holds so many items and no more.

    Args:
        size: Items that can wait in it; 1 or more.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, item: Item) -> None:
        """Put an item in, as soon as there is room.

        Raises:
            Ended: When the channel is closed, also while waiting.
        """
        with self._changed:
            while len(self._items) >= self._size and not self._is_closed:
                self._changed.wait(_PATIENCE)
            if self._is_closed:
                raise Ended
            self._items.append(item)
            self._changed.notify_all()

    def get(self) -> Item:
        """Take the item out that has been there for longest, as soon as there is one.

        Raises:
            Ended: When the channel is closed and empty, also while waiting.
        """
        with self._changed:
            while not self._items and not self._is_closed:
                self._changed.wait(_PATIENCE)
            if not self._items:
                raise Ended
            self._changed.notify_all()
            return self._items.popleft()

    def close(self, drop: bool = False) -> None:
        """Let nothing more be put in.

        Args:
            drop: Throw away what is in it; otherwise it can still be taken out.
        """
        with self._changed:
            self._is_closed = True
            if drop:
                self._items.clear()
            self._changed.notify_all()


class Workers:
    """Threads around the caller's own; a context manager that leaves none behind.

    Where a thread fails, or the caller, all channels are closed and what is in them is thrown away; so every thread ends as soon
    as it wants to put or get something. Leaving waits for that, and raises what a thread raised first.

    Args:
        channels: All channels by which the threads and the caller wait for each other.
    """

    def __init__(self, *channels: Channel[Any]) -> None:
        self._channels = channels
        self._threads: list[tuple[threading.Thread, threading.Event]] = []
        self._lock = threading.Lock()
        self._failure: BaseException | None = None

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Start a thread.

        Args:
            name: Its name.
            work: What it does. It may let :class:`Ended` pass.
        """
        done = threading.Event()
        thread = threading.Thread(target=self._run, args=(work, done), name=name)
        self._threads.append((thread, done))  # first: an interrupt can come while it starts
        thread.start()

    def join(self) -> None:
        """Wait until all threads have ended, of themselves or since one failed."""
        for thread, done in self._threads:
            # Thread.join alone will not do: until Python 3.13, interrupted once, it takes the thread for ended.
            while not done.wait(_PATIENCE) and thread.ident is not None:
                pass
            if thread.ident is not None:
                thread.join()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Wait until all threads have ended.

        Raises:
            BaseException: What a thread raised first, with the thread's own traceback, unless the caller failed itself.
        """
        try:
            if error is not None:
                self._end()
            self.join()
        except BaseException:  # Ctrl-C while waiting
            self._end()
            self.join()
            raise
        if error is None and self._failure is not None:
            raise self._failure

    def _run(self, work: Callable[[], None], done: threading.Event) -> None:
        try:
            work()
        except Ended:
            pass
        except BaseException as error:
            with self._lock:
                if self._failure is None:
                    self._failure = error
            self._end()
        finally:
            done.set()

    def _end(self) -> None:
        for channel in self._channels:
            channel.close(drop=True)
