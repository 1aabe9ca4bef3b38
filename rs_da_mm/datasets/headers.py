"""Sizes of a data set's scenes, read once and remembered for as long as their files stay as they are.

Opening thousands of images takes longer than training's first epoch should wait; and a label that does not lie on its image is
found here, before any window of it is used.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.logging import print_log

from rs_da_mm.datasets.label_extent import labels_touch, tell_unlabelled
from rs_da_mm.datasets.progress_bar import track
from rs_da_mm.datasets.scene_files import SceneFiles, SceneReading
from rs_da_mm.files import atomic_write_text
from rs_da_mm.raster import Scene

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
        labelled: Whether its labels, and its area of interest, touch it at all.
    """

    height: int
    width: int
    bands: int
    dtype: str
    descriptions: tuple[str | None, ...]
    all_descriptions: tuple[str | None, ...]
    labelled: bool = True


def read_header(files: SceneFiles) -> SceneHeader:
    """Open a scene's image and label, and see that they lie on each other.

    Args:
        files: The scene.

    Returns:
        Its header.

    Raises:
        RasterError: When a file cannot be opened; it names the file.
        DatasetError: When image and label differ in size, CRS or grid, and labels are not brought onto their image; it names both
            and what differs.
    """
    image = files.image()
    every = Scene(files.images, alpha=False, resample=files.reading.resample).descriptions
    told = (image.height, image.width, image.count, str(image.dtype), image.descriptions, every)
    return SceneHeader(*told, labels_touch(files, image))


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
    tell_unlabelled(scenes, [header.labelled for header in headers])
    return headers


def _key(files: SceneFiles) -> str:
    """A scene's fingerprint with its folders, since those that hold the same names may differ in bands, and how it is read."""
    key = f"{'|'.join(path.parent.name for path in files.all_files)}:{files.fingerprint()}"
    return key if files.reading == SceneReading() else f"{key}:{hashlib.sha256(repr(files.reading).encode()).hexdigest()[:16]}"


def _read_cache(cache: Path) -> dict[str, SceneHeader]:
    try:
        content = json.loads(cache.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            return {}
        return {key: _from_list(values) for key, values in content["headers"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _from_list(values: list[Any]) -> SceneHeader:
    height, width, bands, dtype, descriptions, every, *labelled = values
    return SceneHeader(int(height), int(width), int(bands), str(dtype), tuple(descriptions), tuple(every), *map(bool, labelled))


def _write_cache(cache: Path, headers: dict[str, SceneHeader]) -> None:
    lines = (f"{json.dumps(key)}: {json.dumps(header)}" for key, header in sorted(headers.items()))
    text = f'{{"version": {_VERSION}, "headers": {{\n' + ",\n".join(lines) + "\n}}\n"
    try:
        atomic_write_text(cache, text)
    except OSError as error:
        print_log(f"Scene headers are not remembered: '{cache}' cannot be written ({error.strerror}).", "current", logging.INFO)
