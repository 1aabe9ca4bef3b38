"""The rasters in a folder, and the masks beside them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path, PurePath

from rs_da_mm.errors import InputError

RASTER_SUFFIXES = (
    *(".tif", ".tiff", ".vrt", ".jp2", ".j2k", ".img", ".png", ".jpg", ".jpeg"),
    *(".bmp", ".webp", ".ntf", ".nitf", ".sid", ".ecw", ".bil", ".bip", ".bsq", ".asc"),
)
"""Endings of the files of a folder that are taken for rasters where no pattern says otherwise."""

_COMPANIONS = (".ovr", ".msk", ".aux", ".aux.xml")
_MASK_SUFFIXES = (".tif", ".tiff", ".png")


def rasters_in(folder: Path, pattern: str | None, recursive: bool, mask_suffix: str) -> Iterator[Path]:
    """List the rasters of a folder; none is opened.

    Hidden files and folders, GDAL's companions (``.ovr``, ``.msk``, ``.aux.xml``) and masks that lie beside their scene are none.

    Args:
        folder: The folder.
        pattern: Names that count, as ``*_ortho.tif``; without it, those with one of :data:`RASTER_SUFFIXES`.
        recursive: Whether to look into its folders too.
        mask_suffix: What a mask's name has behind that of its scene.

    Yields:
        The files, by name; those of a folder before those in its folders.

    Raises:
        InputError: When a folder cannot be read.
    """
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        names = [name for name in files if not name.startswith(".") and not name.lower().endswith(_COMPANIONS)]
        scenes = {PurePath(name).stem for name in names if _is_raster(name)}
        for name in sorted(names):
            is_asked = _is_raster(name) if pattern is None else fnmatch(name, pattern)
            if is_asked and not _is_mask(PurePath(name).stem, mask_suffix, scenes):
                yield Path(place, name)


def sidecar_mask(raster: Path, mask_suffix: str) -> Path | None:
    """Find the mask beside a raster: a file named as it, with a suffix behind the name (``a.tif``: ``a_mask.tif``).

    Args:
        raster: The raster.
        mask_suffix: The suffix of the name, ``_mask``.

    Returns:
        The mask: with the ending of the raster, ``.tif``, ``.tiff`` or ``.png``, whichever is there first; ``None`` without one.
    """
    endings = dict.fromkeys((raster.suffix, *_MASK_SUFFIXES))
    candidates = (raster.with_name(f"{raster.stem}{mask_suffix}{ending}") for ending in endings)
    return next((mask for mask in candidates if mask.is_file()), None)


def _is_raster(name: str) -> bool:
    return name.lower().endswith(RASTER_SUFFIXES)


def _is_mask(stem: str, mask_suffix: str, scenes: set[str]) -> bool:
    return stem.endswith(mask_suffix) and stem.removesuffix(mask_suffix) in scenes


def _refuse(error: OSError) -> None:
    raise InputError(f"The folder {error.filename} cannot be read: {error.strerror}.") from error
