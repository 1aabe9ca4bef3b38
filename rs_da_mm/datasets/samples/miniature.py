"""Making a miniature: refuse to touch real data, leave a finished one alone, and put a new one in place whole."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from rs_da_mm.datasets.samples.marker import SAMPLE_FILE, is_sample, read_note, write_note
from rs_da_mm.errors import DatasetError, InputError

Size = Literal["default", "small"]

VERSION = 1
"""Goes up when the same seed gives other pixels."""


@dataclass(frozen=True)
class Miniature:
    """A miniature that can be made.

    Attributes:
        name: What it is called on the command line.
        title: What it is a miniature of, for people.
        folder: The data set's root, relative to the folder of all data sets.
        write: Writes the files into a folder, from a seed and a size.
    """

    name: str
    title: str
    folder: str
    write: Callable[[Path, int, Size], None]


class Made(NamedTuple):
    """What became of a miniature.

    Attributes:
        root: Where it is.
        written: Whether it was written now; otherwise it was there already.
        files: How many files it has, its note not counted.
        megabytes: How large they are, in units of 10⁶ bytes.
        seconds: How long it took.
    """

    root: Path
    written: bool
    files: int
    megabytes: float
    seconds: float


def make_miniature(miniature: Miniature, data: str | Path, seed: int = 0, size: Size = "default", force: bool = False) -> Made:
    """Make a miniature, unless the same one is there already.

    Args:
        miniature: Which one.
        data: The folder of all data sets.
        seed: Another seed gives other landscapes.
        size: ``'small'`` for a quick check, ``'default'`` for something worth learning on.
        force: Make it anew even where one is, this one or another. Real data is never overwritten.

    Returns:
        What became of it.

    Raises:
        InputError: When the seed is negative.
        DatasetError: When the place holds something that is not a miniature, or another miniature and ``force`` is not given, or
            it cannot be written.
    """
    if seed < 0:
        raise InputError(f"The seed is {seed}; it must be 0 or more.")
    root = Path(data) / miniature.folder
    wanted = {
        "made by": f"python tools/make_sample_data.py {miniature.name} --seed {seed} --size {size}",
        "version": str(VERSION),
        "seed": str(seed),
        "size": size,
    }
    start = time.perf_counter()
    if not force and _is_there(root, wanted):
        files, total = _measure(root, read_note(root)["folders"])
        return Made(root, False, files, total / 1e6, time.perf_counter() - start)
    _refuse_other_data(root, wanted, force)
    partial = root.with_name(f".{root.name}.partial")
    try:
        _remove(partial)
        partial.mkdir(parents=True)
        miniature.write(partial, seed, size)
        folders = ", ".join(sorted(path.name for path in partial.iterdir()))
        files, total = _measure(partial, folders)
        write_note(partial, miniature.title, {**wanted, "folders": folders, "files": str(files), "bytes": str(total)})
        _put_in_place(partial, root)
    except OSError as error:
        raise DatasetError(f"{root} could not be written: {error}. Is the disk full, or the folder read-only?") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Made(root, True, files, total / 1e6, time.perf_counter() - start)


def _is_there(root: Path, wanted: dict[str, str]) -> bool:
    """Whether exactly this miniature is there, with all of its files."""
    note = read_note(root)
    if not note or any(note.get(name) != value for name, value in wanted.items()):
        return False
    files, total = _measure(root, note.get("folders", ""))
    return note.get("files") == str(files) and note.get("bytes") == str(total)


def _refuse_other_data(root: Path, wanted: dict[str, str], force: bool) -> None:
    """Stop where something would be lost."""
    if not root.exists():
        return
    if not root.is_dir() or (not is_sample(root) and any(root.iterdir())):
        raise DatasetError(
            f"{root} holds something without a {SAMPLE_FILE}, so it may be the real data set, which a miniature never replaces; "
            "give another folder with --root, or move what is there."
        )
    note = read_note(root)
    differing = [f"{name} {note.get(name, 'unknown')}, not {value}" for name, value in wanted.items() if note.get(name) != value]
    if note and differing[1:] and not force:
        raise DatasetError(f"{root} holds another miniature ({'; '.join(differing[1:])}); replace it with --force.")


def _measure(root: Path, folders: str) -> tuple[int, int]:
    """Count the files in a miniature's own folders, and their bytes; using it adds others (splits, statistics)."""
    files = [path for folder in folders.split(", ") if folder for path in (root / folder).rglob("*") if path.is_file()]
    return len(files), sum(path.stat().st_size for path in files)


def _put_in_place(partial: Path, root: Path) -> None:
    """Let a finished folder take the place of what was there; a kill in between leaves no half-written miniature."""
    old = root.with_name(f".{root.name}.old")
    _remove(old)
    if root.exists():
        root.replace(old)
    partial.replace(root)
    _remove(old)


def _remove(folder: Path) -> None:
    """Remove a folder that may not be there."""
    if folder.exists():
        shutil.rmtree(folder)
