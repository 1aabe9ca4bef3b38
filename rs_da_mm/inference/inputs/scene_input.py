"""Which scenes the user means: files, folders, lists, several files of one scene, places beyond the file system."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rs_da_mm.errors import InputError
from rs_da_mm.inference.inputs.scene_folder import RASTER_SUFFIXES, rasters_in, sidecar_mask
from rs_da_mm.inference.inputs.scene_names import scene_names

_VIRTUAL = re.compile(r"/vsi\w+[/?]|[A-Za-z][\w+.-]+://|[A-Z][A-Z0-9_]+:.")
"""``/vsizip/…``, ``scheme://…`` or ``DRIVER:…``; one letter before the colon is a disk of Windows."""

Files = tuple[Path | str, ...]


class SceneInput(NamedTuple):
    """A scene that is to be mapped; nothing of it has been opened.

    Attributes:
        name: What its outputs are called; no other scene of the same :func:`find_scenes` has it.
        paths: Its files, in the order in which their bands are counted: a ``Path`` for a local file, and to the letter what only
            GDAL understands.
        mask: The mask beside it, 0 where there is no data; ``None`` without one.
    """

    name: str
    paths: Files
    mask: Path | None = None


def find_scenes(
    arguments: str | Path | Sequence[str | Path],
    pattern: str | None = None,
    recursive: bool = False,
    *,
    masks: bool = False,
    mask_suffix: str = "_mask",
) -> Iterator[SceneInput]:
    """Find the scenes that are meant. No file is opened, but for lists.

    Args:
        arguments: Any number of these:

            - a raster, whatever its ending (a VRT is one);
            - a folder: its rasters, by name;
            - a list, ``.txt``: a scene per line, relative to the list; lines that begin with ``#`` and empty ones do not count;
            - several files of one scene with commas between them: ``B02.tif,B03.tif,B04.tif``. A file whose own name has a comma
              goes before that;
            - a place that GDAL or rasterio knows: ``/vsizip/a.zip/b.tif``, ``s3://bucket/b.tif``, ``NETCDF:"a.nc":rain``. It is
              handed on to the letter, and not looked for.
        pattern: Names of a folder's files that count, as ``*_ortho.tif``; without it those with the ending of a raster.
        recursive: Whether to look into the folders of a folder too.
        masks: Whether a mask beside a scene is used. (In a folder such masks are never scenes themselves.)
        mask_suffix: What the mask's name has behind that of its scene: ``a_mask.tif`` is the mask of ``a.tif``. Of several files
            of a scene, the first one's counts.

    Returns:
        The scenes, in the order of the arguments, each once.

    Raises:
        InputError: When an argument is not there, a folder or list holds no scene, or a list cannot be read. All arguments are
            looked at before this returns.
    """
    if not mask_suffix:
        raise InputError("The suffix of masks is empty, which would make every raster a mask; give one, as _mask.")
    given = [arguments] if isinstance(arguments, (str, Path)) else arguments
    scenes: dict[tuple[str, ...], Files] = {}
    for argument in given:
        for files in _scenes_of(str(argument), pattern, recursive, mask_suffix):
            scenes.setdefault(_identity(files), files)
    names = scene_names([files[0] for files in scenes.values()])
    return (
        SceneInput(name, files, _mask_of(files[0], mask_suffix) if masks else None)
        for name, files in zip(names, scenes.values(), strict=True)
    )


def _scenes_of(argument: str, pattern: str | None, recursive: bool, mask_suffix: str) -> Iterable[Files]:
    """The scenes that one argument stands for."""
    path = Path(argument)
    if _VIRTUAL.match(argument) or not argument.strip():
        return [_scene(argument, Path(), "")]
    if path.is_dir():
        files: list[Files] = [(file,) for file in rasters_in(path, pattern, recursive, mask_suffix)]
        if not files:
            wanted = f"with an ending such as {', '.join(RASTER_SUFFIXES[:3])}" if pattern is None else f"named {pattern}"
            deeper = "" if recursive else " (its folders were not looked into)"
            raise InputError(f"The folder {path} holds no raster {wanted}{deeper}. Name another one, or another pattern.")
        return files
    if path.suffix.lower() == ".txt" and path.is_file():
        return _listed(path)
    return [_scene(argument, Path(), "")]


def _listed(path: Path) -> list[Files]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The list {path} cannot be read: {error}. It must be text in UTF-8, with a scene per line.") from error
    entries = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    scenes = [
        _scene(entry, path.parent, f"{path}, line {number}: ") for number, entry in entries if entry and not entry.startswith("#")
    ]
    if not scenes:
        raise InputError(f"The list {path} names no scene; write one per line.")
    return scenes


def _scene(spelled: str, folder: Path, where: str) -> Files:
    """The files of one scene, local ones relative to a folder."""
    if "," not in spelled or (not _VIRTUAL.match(spelled) and (folder / spelled).is_file()):
        return (_file(spelled, folder, where),)
    return tuple(_file(part, folder, where) for part in _parts(spelled))


def _parts(spelled: str) -> list[str]:
    """What stands between commas; one in a virtual path is its own, unless another virtual path follows."""
    parts: list[str] = []
    for part in spelled.split(","):
        if parts and _VIRTUAL.match(parts[-1]) and not _VIRTUAL.match(part.strip()):
            parts[-1] += f",{part}"
        else:
            parts.append(part.strip())
    return parts


def _file(spelled: str, folder: Path, where: str) -> Path | str:
    if _VIRTUAL.match(spelled):
        return spelled
    path = folder / spelled
    if not spelled or not path.is_file():
        found = "is a folder" if spelled and path.is_dir() else "does not exist"
        raise InputError(
            f"{where}{path if spelled else 'a file without a name'} {found}. A scene is a raster, or several with commas between "
            "them; a folder of scenes or a .txt list of them is an argument of its own."
        )
    return path


def _mask_of(path: Path | str, mask_suffix: str) -> Path | None:
    return sidecar_mask(path, mask_suffix) if isinstance(path, Path) else None


def _identity(files: Files) -> tuple[str, ...]:
    """By which a scene that is named twice is known."""
    return tuple(file if isinstance(file, str) else os.path.abspath(file) for file in files)  # noqa: PTH100 - asks no disk
