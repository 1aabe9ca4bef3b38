"""Whether a GeoTIFF is a cloud-optimized one.

The rules are those that OGC's standard 21-026 asks of a file and GDAL's `validate_cloud_optimized_geotiff` checks. The package
`rio-cogeo` has the same check, but would bring several more packages (pydantic, morecantile, …) for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import rasterio

from rs_da_mm.raster.handles import open_fresh, quiet

_SMALL = 512
"""What fits into one tile needs neither tiles nor overviews."""
_HEADER = {b"II*\x00": 8, b"MM\x00*": 8, b"II+\x00": 16, b"MM\x00+": 16}
"""First bytes of TIFF and BigTIFF, and the length of the header that they begin."""
_GHOST = b"GDAL_STRUCTURAL_METADATA_SIZE="
"""What GDAL's own files say of their order between the header and the first directory: 43 bytes, and as many as these tell."""


class _Level(NamedTuple):
    """One resolution of a file: its size, and where its directory and its first stored block begin."""

    name: str
    height: int
    width: int
    tiled: bool
    directory: int
    data: int | None


def cog_faults(path: str | Path) -> list[str]:
    """Check that a file is a cloud-optimized GeoTIFF.

    Args:
        path: The file.

    Returns:
        What is wrong, in words; nothing when it is one: a GeoTIFF whose overviews lie inside it, everything beyond 512 pixels in
        tiles, all directories at its head, full resolution first, and the pixels behind them, full resolution last.

    Raises:
        RasterError: When it cannot be opened.
    """
    path = Path(path)
    with open_fresh(path) as dataset:
        if dataset.driver != "GTiff":
            return [f"it is {dataset.driver}, not GeoTIFF"]
        outside = [name for name in dataset.files if name.endswith(".ovr")]
        count = len(dataset.overviews(1))
    if outside:
        return ["its overviews lie in a file of their own"]
    levels = [_describe(path, None), *(_describe(path, index) for index in range(count))]
    return [*_shape_faults(levels), *_order_faults(levels, _head(path))]


def _shape_faults(levels: list[_Level]) -> Iterator[str]:
    full = levels[0]
    if max(full.height, full.width) > _SMALL and len(levels) == 1:
        yield "it has no overviews"
    for level in levels:
        if max(level.height, level.width) > _SMALL and not level.tiled:
            yield f"{level.name} is stored in strips, not in tiles"
    for finer, coarser in pairwise(levels):
        if coarser.height > finer.height or coarser.width > finer.width:
            yield f"{coarser.name} is larger than {finer.name}"


def _order_faults(levels: list[_Level], head: int) -> Iterator[str]:
    if levels[0].directory != head:
        yield f"its first directory begins at byte {levels[0].directory} instead of {head}"
    for before, after in pairwise(levels):
        if before.directory > after.directory:
            yield f"the directory of {after.name} lies before that of {before.name}"
    stored = [(level.name, level.data) for level in levels if level.data is not None]
    for name, data in stored:
        if data < levels[-1].directory:
            yield f"the pixels of {name} lie before the last directory"
    for (finer, later), (coarser, earlier) in pairwise(stored):
        if earlier > later:
            yield f"the pixels of {finer} lie before those of {coarser}"


def _describe(path: Path, overview: int | None) -> _Level:
    options = {} if overview is None else {"overview_level": overview}
    with quiet(), rasterio.open(path, **options) as dataset:
        name = "full resolution" if overview is None else f"overview {overview + 1}"
        block_height, block_width = dataset.block_shapes[0]
        tiled = block_width < dataset.width or block_height >= dataset.height or block_height == block_width
        directory = int(dataset.get_tag_item("IFD_OFFSET", "TIFF", bidx=1) or 0)
        return _Level(name, dataset.height, dataset.width, tiled, directory, _first_block(dataset))


def _first_block(dataset: Any) -> int | None:
    """The byte at which the first block begins that is stored; ``None`` when none is."""
    for (row, col), _ in dataset.block_windows(1):
        offset = dataset.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=1)
        if offset is not None:
            return int(offset)
    return None


def _head(path: Path) -> int:
    """The byte at which the first directory of a well-ordered file begins."""
    with path.open("rb") as file:
        start = file.read(128)
    header = _HEADER.get(start[:4], 8)
    if not start[header:].startswith(_GHOST):
        return header
    end = header + len(_GHOST)
    length = int(start[end : end + 6])
    ghost = header + 43 + length
    return ghost + ghost % 2
