"""Small files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any


def atomic_write_bytes(path: str | Path, content: bytes) -> None:
    """Write a file under a temporary name beside its place, then put it there in one step.

    Args:
        path: Where the file goes; its folder is made when it is missing.
        content: The whole content.

    Raises:
        OSError: When it cannot be written; a file already at ``path`` is then as it was.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}-{uuid.uuid4().hex[:8]}")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def atomic_write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file with Unix line ends; see :func:`atomic_write_bytes`."""
    atomic_write_bytes(path, text.encode("utf-8"))


def atomic_write_json(path: str | Path, content: Any) -> None:
    """Write indented JSON; see :func:`atomic_write_bytes`.

    Raises:
        TypeError: When ``content`` holds something that JSON has no form for.
    """
    atomic_write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
