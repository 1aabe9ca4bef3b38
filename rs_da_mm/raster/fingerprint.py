"""A short key to the content of files, for caches that must notice when the files change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rasterio.windows import Window as FileWindow

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.handles import GDAL_ERRORS, open_fresh
from rs_da_mm.raster.locations import Location, local_file, locate, portable_name
from rs_da_mm.raster.source import unreadable
from rs_da_mm.raster.windows import Window

_END = 64 * 1024


def scene_fingerprint(paths: str | Path | Sequence[str | Path]) -> str:
    """Make a key of the files' names, sizes, and first and last 64 KiB.

    It does not depend on where the files lie, nor on when they were written: a copy of a data set has the same key. Of a raster
    inside a local archive or container, the archive's size and ends count, and the raster's name in it. Of one that is not on
    this machine (``https://…``, ``s3://…``), what it says about itself, and the pixels of its first, middle and last block.

    Args:
        paths: The files; their order counts.

    Returns:
        SHA-256, 64 hexadecimal digits.

    Raises:
        RasterError: When a file cannot be read.
    """
    digest = hashlib.sha256()
    for location in map(locate, [paths] if isinstance(paths, (str, Path)) else paths):
        file, name = local_file(location), portable_name(location)
        size, parts = _described(location) if file is None else _ends(file)
        digest.update(f"{len(name)}:{name}:{size}:".encode())
        for part in parts:
            digest.update(part)
    return digest.hexdigest()


def _ends(path: Path) -> tuple[int, list[bytes]]:
    """The size of a file, and its first and last bytes."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_END)
            file.seek(max(size - _END, 0))
            return size, [head, file.read(_END)]
    except OSError as error:
        raise RasterError(f"{path} cannot be read: {error.strerror}.") from error


def _described(location: Location) -> tuple[str, list[bytes]]:
    """What a raster says about itself, and three of its blocks."""
    with open_fresh(location) as dataset:
        points = [(p.row, p.col, p.x, p.y, p.z) for p in dataset.gcps[0]]
        crs = [system.to_wkt() for system in (dataset.crs, dataset.gcps[1]) if system]
        said = (dataset.driver, dataset.shape, dataset.dtypes, dataset.nodatavals, dataset.descriptions, dataset.block_shapes)
        where = (tuple(dataset.transform), crs, points)
        rows, cols = (-(-length // block) for length, block in zip(dataset.shape, dataset.block_shapes[0], strict=True))
        chosen = dict.fromkeys([(0, 0), (rows // 2, cols // 2), (rows - 1, cols - 1)])
        return repr((said, where, sorted(dataset.tags().items()))), [_block(dataset, location, *block) for block in chosen]


def _block(dataset: Any, location: Location, row: int, col: int) -> bytes:
    height, width = dataset.block_shapes[0]
    top, left = row * height, col * width
    window = Window(top, left, min(height, dataset.height - top), min(width, dataset.width - left))
    try:
        return dataset.read(window=FileWindow(window.col, window.row, window.width, window.height)).tobytes()
    except GDAL_ERRORS as error:
        raise unreadable(location, window, error) from error
