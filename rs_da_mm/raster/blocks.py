"""The blocks that a file is stored in, and those that are not there.

Nobody but the file itself can tell a block of zeros from one that was never written: a GeoTIFF whose writer was killed opens, and
reads as zeros. Its directory is what gives it away: GDAL writes the places of the blocks last.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rasterio.enums import Interleaving

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.locations import Location
from rs_da_mm.raster.windows import Window

_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_PNG_SIGNATURE = 8


def block_windows(dataset: Any) -> Iterator[tuple[tuple[int, int], Window]]:
    """Row and column of every block of a file, counted in blocks, and its pixels."""
    for place, part in dataset.block_windows(1):
        yield place, Window(int(part.row_off), int(part.col_off), int(part.height), int(part.width))


def missing_blocks(dataset: Any) -> Iterator[Window]:
    """Find the blocks of a GeoTIFF that were never written; other formats have none.

    Args:
        dataset: The file, open in rasterio.

    Yields:
        The pixels of each, from the top.
    """
    if dataset.driver != "GTiff":
        return
    for (row, col), window in block_windows(dataset):
        if any(_entry(dataset, "OFFSET", row, col, band) is None for band in _planes(dataset)):
            yield window


def stored_blocks(dataset: Any) -> Iterator[Window]:
    """Find the blocks of a GeoTIFF that were written.

    Args:
        dataset: The file, open in rasterio.

    Yields:
        The pixels of each, from the top.
    """
    for (row, col), window in block_windows(dataset):
        if any(_entry(dataset, "OFFSET", row, col, band) is not None for band in _planes(dataset)):
            yield window


def check_not_empty(dataset: Any, path: Location) -> None:
    """Refuse a file that holds no pixels at all; takes no time where there are any.

    Args:
        dataset: The file, open in rasterio.
        path: Where it was opened. The end of a PNG is looked at in local files only.

    Raises:
        RasterError: When no block of a GeoTIFF was written, or a PNG was cut off.
    """
    if dataset.driver == "PNG" and isinstance(path, Path):
        _check_png(path)
    if dataset.driver != "GTiff":
        return
    if next(stored_blocks(dataset), None) is None:
        raise RasterError(
            f"{path} holds no pixels: not one of its blocks was written, so that it would read as zeros. "
            "Its writer was probably killed; make the file again."
        )


def check_blocks(dataset: Any, path: Location, sparse: bool) -> None:
    """Check that a GeoTIFF has all of its blocks.

    Args:
        dataset: The file, open in rasterio.
        path: Where it was opened. That no block lies beyond the end is looked at in local files only.
        sparse: Whether blocks may be left out, as GDAL does on purpose with ``SPARSE_OK``.

    Raises:
        RasterError: When a block was never written, or lies beyond the end of the file.
    """
    check_not_empty(dataset, path)
    if dataset.driver != "GTiff":
        return
    missing = None if sparse else next(missing_blocks(dataset), None)
    if missing is not None:
        raise RasterError(
            f"{path}: {missing.spelled} were never written, and would read as zeros. Its writer was probably killed; make the "
            "file again. (Where blocks are left out on purpose, the file must say so with a nodata value.)"
        )
    if not isinstance(path, Path):
        return
    size = path.stat().st_size
    for (row, col), window in block_windows(dataset):
        end = max(_end(dataset, row, col, band) for band in _planes(dataset))
        if end > size:
            raise RasterError(
                f"{path} is cut off: {window.spelled} should end at byte {end}, and the file has {size}. Copy it again."
            )


def _planes(dataset: Any) -> range:
    """The bands that have blocks of their own."""
    return range(1, dataset.count + 1) if dataset.interleaving == Interleaving.band else range(1, 2)


def _entry(dataset: Any, what: str, row: int, col: int, band: int) -> str | None:
    return dataset.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=band)


def _end(dataset: Any, row: int, col: int, band: int) -> int:
    """The byte at which a block ends; 0 when it was not written."""
    return int(_entry(dataset, "OFFSET", row, col, band) or 0) + int(_entry(dataset, "SIZE", row, col, band) or 0)


def _check_png(path: Path) -> None:
    """GDAL reads what is missing from a PNG that was cut off as zeros; its chunks tell."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - len(_PNG_END), 0))
        if file.read() == _PNG_END:
            return
        # Something may follow the end: go from chunk to chunk.
        file.seek(_PNG_SIGNATURE)
        while len(head := file.read(8)) == 8:
            if head[4:] == b"IEND":
                return
            file.seek(int.from_bytes(head[:4], "big") + 4, 1)
    raise RasterError(f"{path} is cut off: a PNG ends with an IEND chunk, and this one has none. Copy it again.")
