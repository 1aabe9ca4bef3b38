"""A project's folder, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from rs_da_mm.errors import InputError
from rs_da_mm.projects.config_text import FIRST_LINE

CONFIG = "config.py"
WORK = "work"


@contextlib.contextmanager
def project_folder(out: Path, overwrite: bool) -> Iterator[Path]:
    """Make a folder beside the project's place, and put it there when all is written.

    Args:
        out: The project's place.
        overwrite: Whether a project there is replaced. What was trained in it is never deleted.

    Yields:
        The folder to write to.

    Raises:
        InputError: When something is there that may not be replaced, or the disk refuses.
    """
    require_free(out, overwrite)
    unfinished = out.with_name(f".{out.name}.unfinished-{os.getpid()}-{uuid.uuid4().hex[:6]}")
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        _put_in_place(unfinished, out)
    except OSError as error:
        raise InputError(f"--out {out}: cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def require_free(out: Path, overwrite: bool) -> None:
    """Refuse a place that is taken; asked before anything is read, since reading can take long.

    Raises:
        InputError: When something is there that may not be replaced.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    config = out / CONFIG
    if not config.is_file() or not config.read_text(encoding="utf-8", errors="replace").startswith(FIRST_LINE):
        raise InputError(f"--out {out}: is there already, and is no project of this tool. Give a folder that does not exist.")
    if not overwrite:
        raise InputError(f"--out {out}: there is a project already. Give another folder, or --overwrite to replace it.")
    if (out / WORK).exists():
        raise InputError(
            f"--out {out}: the project there has been trained ({out / WORK}). Move that folder away, or give another --out: "
            "nothing that was trained is deleted."
        )


def _put_in_place(unfinished: Path, out: Path) -> None:
    old = None
    if out.exists():
        old = out.with_name(f".{out.name}.replaced-{os.getpid()}-{uuid.uuid4().hex[:6]}")
        out.rename(old)
    try:
        unfinished.rename(out)
    except OSError:
        if old is not None:
            old.rename(out)
        raise
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
