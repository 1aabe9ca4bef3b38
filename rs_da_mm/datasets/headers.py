"""Sizes of a data set's scenes, read once and remembered for as long as their files stay as they are.

Opening thousands of images takes longer than training's first epoch should wait; and a label that does not lie on its image is
found here, before any window of it is used.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.logging import print_log

from rs_da_mm.datasets.layout import SceneFiles
from rs_da_mm.datasets.progress_bar import track
from rs_da_mm.errors import DatasetError
from rs_da_mm.files import atomic_write_text
from rs_da_mm.raster import Scene, check_alignment

_VERSION = 1


class SceneHeader(NamedTuple):
    """What a scene's image says about itself.

    Attributes:
        height: Rows.
        width: Columns.
        bands: Image bands over all its files; alpha is none.
        dtype: Name of the NumPy dtype.
        descriptions: The files' names of the image bands.
        all_descriptions: The files' names of all bands, as band numbers count them: with alpha.
    """

    height: int
    width: int
    bands: int
    dtype: str
    descriptions: tuple[str | None, ...]
    all_descriptions: tuple[str | None, ...]


def read_header(files: SceneFiles) -> SceneHeader:
    """Open a scene's image and label, and see that they lie on each other.

    Args:
        files: The scene.

    Returns:
        Its header.

    Raises:
        RasterError: When a file cannot be opened; it names the file.
        DatasetError: When image and label differ in size, CRS or grid; it names both and what differs.
    """
    image = Scene(files.images, mask=files.mask)
    differences = check_alignment(image, Scene(files.label))
    if differences:
        raise DatasetError(
            f"{files.label} does not lie on {files.images[0]}: {'; '.join(differences)}. "
            "Put the label on the image's grid, or leave the scene out."
        )
    every = Scene(files.images, alpha=False).descriptions
    return SceneHeader(image.height, image.width, image.count, str(image.dtype), image.descriptions, every)


def read_headers(scenes: Sequence[SceneFiles], cache: Path) -> list[SceneHeader]:
    """Read the headers of scenes, those anew whose files are not as the cache knows them.

    Args:
        scenes: The scenes.
        cache: A JSON file that remembers headers. It is a convenience: one that cannot be read or written is left alone.

    Returns:
        One header per scene.

    Raises:
        RasterError: When a file cannot be opened.
        DatasetError: When an image and its label do not lie on each other.
    """
    known = _read_cache(cache)
    headers, fingerprints, opened = [], [], 0
    for files in track(scenes, "Reading scene headers"):
        fingerprint = _key(files)
        header = known.get(fingerprint)
        if header is None:
            header = read_header(files)
            opened += 1
        headers.append(header)
        fingerprints.append(fingerprint)
    if opened:
        _write_cache(cache, {**known, **dict(zip(fingerprints, headers, strict=True))})
    return headers


def _key(files: SceneFiles) -> str:
    """A scene's fingerprint with its folders: image folders that hold the same names may differ in bands."""
    return f"{'|'.join(path.parent.name for path in files.all_files)}:{files.fingerprint()}"


def _read_cache(cache: Path) -> dict[str, SceneHeader]:
    try:
        content = json.loads(cache.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            return {}
        return {key: _from_list(values) for key, values in content["headers"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _from_list(values: list[Any]) -> SceneHeader:
    height, width, bands, dtype, descriptions, every = values
    return SceneHeader(int(height), int(width), int(bands), str(dtype), tuple(descriptions), tuple(every))


def _write_cache(cache: Path, headers: dict[str, SceneHeader]) -> None:
    lines = (f"{json.dumps(key)}: {json.dumps(header)}" for key, header in sorted(headers.items()))
    text = f'{{"version": {_VERSION}, "headers": {{\n' + ",\n".join(lines) + "\n}}\n"
    try:
        atomic_write_text(cache, text)
    except OSError as error:
        print_log(f"Scene headers are not remembered: '{cache}' cannot be written ({error.strerror}).", "current", logging.INFO)
