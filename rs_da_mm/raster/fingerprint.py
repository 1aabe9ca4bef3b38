"""A short key to the content of files, for caches that must notice when the files change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from rs_da_mm.errors import RasterError

_END = 64 * 1024


def scene_fingerprint(paths: str | Path | Sequence[str | Path]) -> str:
    """Make a key of the files' names, sizes, and first and last 64 KiB.

    It does not depend on where the files lie, nor on when they were written: a copy of a data set has the same key.

    Args:
        paths: The files; their order counts.

    Returns:
        SHA-256, 64 hexadecimal digits.

    Raises:
        RasterError: When a file cannot be read.
    """
    digest = hashlib.sha256()
    for path in map(Path, [paths] if isinstance(paths, (str, Path)) else paths):
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                head = file.read(_END)
                file.seek(max(size - _END, 0))
                tail = file.read(_END)
        except OSError as error:
            raise RasterError(f"{path} cannot be read: {error.strerror}.") from error
        digest.update(f"{len(path.name)}:{path.name}:{size}:".encode())
        digest.update(head)
        digest.update(tail)
    return digest.hexdigest()
