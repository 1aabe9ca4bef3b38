"""One run per output: the folder of its unfinished parts belongs to one process."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import sys
import time
from pathlib import Path

from rs_da_mm.errors import InputError
from rs_da_mm.folder_locks import LOCK, FolderLock

_HOLDER = "holder.json"
_TRIES = 20


class OutputInUseError(InputError):
    """Another run has the output."""


class OutputLock:
    """A lock on a folder that is taken away when the output is finished.

    The system gives it back when the process dies, however it dies.

    Args:
        folder: The folder; made when it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = FolderLock(folder)

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            OutputInUseError: When another process has it; the message says which, where and since when.
            InputError: When the folder cannot be made.
        """
        for _ in range(_TRIES):  # another run may finish, and take its folder away, at any moment
            try:
                if not self._lock.acquire():
                    raise OutputInUseError(f"{self.folder} is in use by {self._holder()}. Wait until it is done, or stop it.")
            except FileNotFoundError:
                continue
            except OSError as error:
                raise InputError(f"{self.folder} cannot be made or locked: {error.strerror or error}.") from error
            if self._is_in_place():
                self._write_holder()
                return
            self._lock.release()
        raise InputError(f"{self.folder} cannot be locked: it comes and goes. Let one run at a time write that output.")

    def release(self) -> None:
        """Give the lock back and leave the folder as it is."""
        self._lock.release()

    def remove_folder(self) -> None:
        """Take the folder away with all that is in it, and give the lock back."""
        for path in self.folder.iterdir():
            if path.name != LOCK:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        if sys.platform == "win32":  # which keeps open files in place, also one that another run has opened since
            self._lock.release()
        with contextlib.suppress(OSError):
            (self.folder / LOCK).unlink()
            self.folder.rmdir()
        self._lock.release()

    def _is_in_place(self) -> bool:
        """Whether the locked file is still the folder's, and not one that was taken away after it had been opened."""
        if sys.platform == "win32":
            return True
        try:
            return os.path.samestat(os.fstat(self._lock.handles[0]), (self.folder / LOCK).stat())
        except FileNotFoundError:
            return False

    def _write_holder(self) -> None:
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.suppress(OSError):  # it is for a message only
            holder = json.dumps({"process": os.getpid(), "host": platform.node(), "since": since})
            (self.folder / _HOLDER).write_text(holder, encoding="utf-8")

    def _holder(self) -> str:
        try:
            said = json.loads((self.folder / _HOLDER).read_text(encoding="utf-8"))
            return f"process {said['process']} on {said['host']}, since {said['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process (or the file system has no locks)"
