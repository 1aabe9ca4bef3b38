"""One process at a time on a folder, and that includes what a process leaves running when it is killed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = ".lock"


class FolderLock:
    """A lock on a folder, held from :meth:`acquire` to :meth:`release`.

    On POSIX systems the children that :attr:`handles` are passed to hold it as well: a training whose study was killed keeps
    its folder to itself until it ends. On Windows only the process itself holds it.

    Args:
        folder: The folder; made when it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._handle: int | None = None

    @property
    def handles(self) -> tuple[int, ...]:
        """What ``subprocess.Popen(pass_fds=…)`` gets."""
        return () if self._handle is None or sys.platform == "win32" else (self._handle,)

    def acquire(self) -> bool:
        """Take the lock, if nobody has it; says whether that went well."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if sys.platform == "win32":
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        """Give the lock back; the file stays, since another process may be waiting for it."""
        if self._handle is None:
            return
        if sys.platform == "win32":
            os.lseek(self._handle, 0, os.SEEK_SET)
            msvcrt.locking(self._handle, msvcrt.LK_UNLCK, 1)
        os.close(self._handle)  # a child that holds it keeps it
        self._handle = None
