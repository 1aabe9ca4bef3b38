"""The map itself: class numbers as a GeoTIFF."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rs_da_mm.inference.outputs.classes import MapClasses
from rs_da_mm.raster import CogWriter, Georeference, RasterWriter


def open_label_map(
    path: str | Path,
    height: int,
    width: int,
    classes: MapClasses,
    georeference: Georeference | None = None,
    *,
    cog: bool = True,
    tags: Mapping[str, Any] | None = None,
    threads: int = 1,
) -> RasterWriter:
    """Open a map for writing, part by part.

    It has the classes' colours as its palette and their names as tags ``CLASS_0``, ``CLASS_1``, …. What is never written has no
    data, and takes no place in the file. Parts whose rows begin and end at multiples of 512 are written fastest.

    Args:
        path: Where it goes, ``.tif``.
        height: Rows.
        width: Columns.
        classes: The classes.
        georeference: Where it lies.
        cog: A cloud-optimized GeoTIFF with overviews, whose pixels take the most frequent class below them; otherwise a plain
            tiled one.
        tags: More names and values to keep in the file.
        threads: Threads that compress.

    Returns:
        A writer of ``(h, w)`` uint8 class numbers.

    Raises:
        RasterError: When the file cannot be made.
    """
    kind: Any = CogWriter if cog else RasterWriter
    writer: RasterWriter = kind(
        path,
        height=height,
        width=width,
        count=1,
        dtype="uint8",
        georeference=georeference,
        nodata=classes.nodata,
        palette=classes.palette,
        descriptions=["class"],
        tags={**{f"CLASS_{index}": name for index, name in enumerate(classes.names)}, **(tags or {})},
        blocksize=512,
        threads=threads,
        sparse=True,
    )
    return writer
