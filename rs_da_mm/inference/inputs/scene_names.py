"""A name for each of many scenes, by which its outputs are called."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_SEPARATOR = "__"
_DRIVER = re.compile(r"[A-Z][A-Z0-9_]+:(?!//)")
_TOKENS = re.compile(r'"([^"]*)"|([^:"]+)')


class _File(NamedTuple):
    """A file as far as its name goes: the folders that lead to it, its name without the ending, and the ending without dot."""

    folders: tuple[str, ...]
    stem: str
    ending: str


def scene_names(paths: Sequence[Path | str]) -> list[str]:
    """Name scenes after their files.

    A name is the file's, without its ending. Where several are the same, the folder is put in front (``2021/a.tif``:
    ``2021__a``), and that folder's folder, until they differ. Scenes of one folder that differ in the ending alone keep it
    (``a_tif``). Upper and lower case count as the same, as they do for the files of some systems.

    Args:
        paths: The first file of each scene; strings are paths that only GDAL understands.

    Returns:
        As many names, all different, each good for a file.
    """
    files = [_file_parts(path) if isinstance(path, Path) else _virtual_parts(path) for path in paths]
    times = Counter((file.folders, _key(file.stem)) for file in set(files))
    labels = [
        (*file.folders, f"{file.stem}_{file.ending}" if file.ending and times[file.folders, _key(file.stem)] > 1 else file.stem)
        for file in files
    ]
    depths = [1] * len(labels)
    while True:
        names = [_SEPARATOR.join(label[-depth:]) for label, depth in zip(labels, depths, strict=True)]
        called: dict[str, set[tuple[str, ...]]] = {}
        for name, label in zip(names, labels, strict=True):
            called.setdefault(_key(name), set()).add(label)
        deeper = [i for i, name in enumerate(names) if len(called[_key(name)]) > 1 and depths[i] < len(labels[i])]
        if not deeper:
            return _numbered(names)
        for index in deeper:
            depths[index] += 1


def _file_parts(path: Path) -> _File:
    _, *folders, name = Path(os.path.abspath(path)).parts  # noqa: PTH100 - resolve() would ask the disk
    return _File(tuple(folders), Path(name).stem, Path(name).suffix[1:])


def _virtual_parts(path: str) -> _File:
    """Take ``/vsizip/a.zip/b.tif``, ``s3://bucket/b.tif?key=…`` or ``NETCDF:"a.nc":rain`` apart."""
    driver = _DRIVER.match(path)
    if driver:
        tokens = ["".join(found) for found in _TOKENS.findall(path[driver.end() :])]
        return _File((), _plain("_".join(Path(re.split(r"[/\\]", token)[-1]).stem for token in tokens)), "")
    *folders, name = [part for part in re.split(r"[/\\!]+", path.partition("?")[0]) if part] or [path]
    return _File(tuple(map(_plain, folders)), _plain(Path(name).stem), _plain(Path(name).suffix[1:]))


def _numbered(names: Sequence[str]) -> list[str]:
    """Put a number behind those that are still the same."""
    taken = set(map(_key, names))
    given: set[str] = set()
    numbered: list[str] = []
    for name in names:
        unique, number = name, 1
        while _key(unique) in (given if number == 1 else taken):
            number += 1
            unique = f"{name}{_SEPARATOR}{number}"
        given.add(_key(unique))
        taken.add(_key(unique))
        numbered.append(unique)
    return numbered


def _plain(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text).strip("_") or "_"


def _key(name: str) -> str:
    return name.casefold()
