"""Small files that appear whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from rs_da_mm.partial_files import begin_partial, publish

_PIECE = 1 << 24


def atomic_write_bytes(path: str | Path, content: bytes | memoryview, check: bool = False) -> None:
    """Write a file under a temporary name beside its place, then put it there in one step.

    Args:
        path: Where the file goes; its folder is made when it is missing.
        content: The whole content.
        check: Whether to read it back before it takes its place.

    Raises:
        OSError: When it cannot be written, or does not read back as it was written; a file already at ``path`` is then as it was.
    """
    target = Path(path)
    partial = begin_partial(target)
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if check:
            _check_content(partial, memoryview(content))
        publish(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _check_content(path: Path, content: memoryview) -> None:
    done = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if piece != bytes(content[done : done + len(piece)]):  # a view would be compared byte by byte
                break
            done += len(piece)
    if done != len(content):
        raise OSError(f"{path}: does not read back as it was written (byte {done} of {len(content)}); the disk may be failing")


def atomic_write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file with Unix line ends; see :func:`atomic_write_bytes`."""
    atomic_write_bytes(path, text.encode("utf-8"))


def atomic_write_json(path: str | Path, content: Any) -> None:
    """Write indented JSON; see :func:`atomic_write_bytes`.

    Raises:
        TypeError: When ``content`` holds something that JSON has no form for.
    """
    atomic_write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
