"""Files that appear whole or not at all: written under a temporary name, then put in place in one step.

A process that is killed leaves its partial file behind, hidden and beside the place it was meant for. The next process of that
host that writes to the folder takes it away.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import time
import uuid
from pathlib import Path

_DAY = 24 * 3600.0
_POSIX = os.name == "posix"

# A folder is looked through once per process: it may come to hold a hundred thousand files, written one by one.
_swept: set[Path] = set()


def begin_partial(target: Path) -> Path:
    """Prepare to write a file.

    Makes its folder when it is missing, and takes away what dead processes left in it.

    Args:
        target: Where the file will go.

    Returns:
        The temporary name to write it under, beside ``target``: hidden, with the same suffix, naming process and host.

    Raises:
        OSError: When the folder cannot be made.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent.resolve())
    return target.with_name(f".{target.name}.partial-{os.getpid()}-{_host()}{uuid.uuid4().hex[:6]}{target.suffix}")


def publish(partial: Path, target: Path) -> None:
    """Put a finished file in its place, on the disk and not only in the disk's cache.

    Args:
        partial: The finished file, closed.
        target: Its place, in the same folder.

    Raises:
        OSError: When the disk refuses; ``target`` is then as it was.
    """
    with partial.open("r+b") as file:
        os.fsync(file.fileno())
    partial.replace(target)
    if _POSIX:
        _sync_folder(target.parent)


def _sweep(folder: Path) -> None:
    """Take away partial files of processes of this host that no longer run."""
    if folder in _swept:
        return
    _swept.add(folder)
    # GDAL puts numbers behind the name where it keeps overviews while it makes them.
    pattern = re.compile(rf"\..+\.partial-(\d+)-{_host()}[0-9a-f]{{6}}(_\d+_\d+)?(\..+)?")
    for path in folder.iterdir():
        match = pattern.fullmatch(path.name)
        if match and not _may_run(int(match[1]), path):
            with contextlib.suppress(OSError):
                path.unlink()


def _may_run(process: int, partial: Path) -> bool:
    """Whether a process of this host may still be writing its file."""
    if not _POSIX:  # where looking for a process by its number is not safe, a day must do
        with contextlib.suppress(OSError):
            return time.time() - partial.stat().st_mtime < _DAY
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Bring a new name onto the disk; some network disks have no such thing, and the file is in its place already."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]
