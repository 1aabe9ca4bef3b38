"""Noticing that a scene's files change while it is mapped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rs_da_mm.errors import InputError
from rs_da_mm.raster.locations import local_file, locate

_ADVICE = "What was mapped so far may be of both: map the scene again when nothing writes to it any more."


class _Stamp(NamedTuple):
    """Tells a file from one that took its place, or its own former self."""

    inode: int
    size: int
    changed: int


class SourceWatch:
    """Remembers what files are like, to tell later whether they still are.

    Args:
        paths: The files. Of a raster inside a local archive, the archive is watched; what lies elsewhere cannot be.

    Raises:
        InputError: When a file cannot be reached.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        files = [local_file(locate(path)) for path in paths]
        self._stamps = {file: _stamp(file) for file in files if file is not None}

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that are watched."""
        return tuple(self._stamps)

    def stamps(self) -> list[list[str | int]]:
        """Give name, size in bytes and time of the last change in nanoseconds of each file, to be compared in another run."""
        return [[file.name, stamp.size, stamp.changed] for file, stamp in self._stamps.items()]

    @property
    def has_changed(self) -> bool:
        """Whether a file is there that is not what it was; one that is away may come back as it was."""
        return any(file.exists() and _stamp(file) != before for file, before in self._stamps.items())

    def check(self) -> None:
        """Compare the files with what they were; takes some microseconds per file.

        Raises:
            InputError: When one was changed, replaced or taken away; it names the file.
        """
        for file, before in self._stamps.items():
            now = _stamp(file)
            if now.size != before.size:
                raise InputError(f"{file} changed while it was read: it had {before.size} bytes and has {now.size}. {_ADVICE}")
            if now != before:
                done = "replaced" if now.inode != before.inode else "written to"
                raise InputError(f"{file} was {done} while it was read. {_ADVICE}")


def _stamp(file: Path) -> _Stamp:
    try:
        state = file.stat()
    except OSError as error:
        raise InputError(f"{file} cannot be reached: {error.strerror or error}. Bring it back and start again.") from error
    return _Stamp(state.st_ino, state.st_size, state.st_mtime_ns)
