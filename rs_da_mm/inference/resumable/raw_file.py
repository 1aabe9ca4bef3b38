"""A file that is written and read at given places, whose errors say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import SEEK_SET, fsync
from pathlib import Path

from rs_da_mm.errors import InputError


class RawFile:
    """A file without a buffer: what was written is the system's, and the disk's after :meth:`sync`.

    Args:
        path: The file; made when it is missing.

    Raises:
        InputError: When it cannot be opened. The methods raise the same when the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._explained("opened"):
            path.touch()
            self._file = path.open("r+b", buffering=0)

    @property
    def size(self) -> int:
        """Bytes."""
        return self._file.seek(0, 2)

    def write_at(self, place: int, content: bytes | memoryview) -> None:
        """Write all of it; places that are passed over stay holes where the file system has such."""
        view = memoryview(content).cast("B")
        with self._explained("written"):
            self._file.seek(place, SEEK_SET)
            while view:
                view = view[self._file.write(view) :]

    def read_at(self, place: int, into: memoryview) -> bool:
        """Fill a buffer; says whether the file is long enough for that."""
        view = into.cast("B")
        with self._explained("read"):
            self._file.seek(place, SEEK_SET)
            while view and (count := self._file.readinto(view)):
                view = view[count:]
        return not view

    def resize(self, size: int) -> None:
        """Cut off what is beyond, or lengthen with zeros that take no place."""
        with self._explained("written"):
            self._file.truncate(size)

    def sync(self) -> None:
        """Bring it onto the disk."""
        with self._explained("written"):
            fsync(self._file.fileno())

    def close(self) -> None:
        """Close it; closing twice does no harm."""
        self._file.close()

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be {done}: {error.strerror or error}. "
                "The rows that are finished are kept: mend that and start again with the same options to go on from there."
            ) from error
