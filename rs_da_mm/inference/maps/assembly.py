"""From finished rows to the files of a map, in one pass over them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.inference.core.data_map import DataMap
from rs_da_mm.inference.maps.layers import LABELS, SCORES, UNCERTAINTY
from rs_da_mm.inference.maps.options import MapOptions
from rs_da_mm.inference.maps.places import MapPlaces
from rs_da_mm.inference.outputs import (
    AreaTally,
    MapClasses,
    Thumbnail,
    open_label_map,
    open_score_map,
    open_uncertainty_map,
    save_preview,
    write_polygons,
    write_raster_style,
)
from rs_da_mm.inference.resumable.resumable_output import ResumableOutput
from rs_da_mm.raster import CellAreas, Georeference, RasterWriter, Window, cell_areas, ground_size

_BLOCK = 512
"""Side of the blocks that the files are stored in."""
_TILE = 8 * _BLOCK
"""Columns that are read at once; rows are one block's."""


@dataclass(frozen=True)
class MapGround:
    """What a map lies on.

    Attributes:
        height: Rows.
        width: Columns.
        georeference: Where it lies.
        classes: Its classes.
        title: What the picture says above it.
    """

    height: int
    width: int
    georeference: Georeference
    classes: MapClasses
    title: str


def assemble_map(
    output: ResumableOutput, ground: MapGround, places: MapPlaces, options: MapOptions
) -> tuple[dict[str, Path], AreaTally]:
    """Write the files of a map, all but its record; each appears whole or not at all.

    Args:
        output: The finished rows.
        ground: What the map lies on.
        places: Where the files go.
        options: Which files.

    Returns:
        The files by kind; and the pixels and areas of the classes.

    Raises:
        InputError: When a file cannot be written; those that were written before stay, older ones are as they were.
    """
    cells = cell_areas(ground.georeference, ground.height, ground.width)
    tally = AreaTally(ground.height, ground.width, ground.classes, cells)
    thumbnail = Thumbnail(ground.height, ground.width, ground.classes) if options.preview else None
    written = {}
    with ExitStack() as stack:
        writers = {}
        for name, path, writer in _writers(ground, places, options):
            writers[name] = stack.enter_context(writer)
            written[name] = path
        for tile in tiles_with_data(output, ground.height, ground.width):
            for name, writer in writers.items():
                part = output.read(name, tile)
                writer.write(part if part.ndim == 2 else part.transpose(1, 2, 0), tile.row, tile.col)
                if name == LABELS:
                    tally.write(part, tile.row, tile.col)
                    if thumbnail is not None:
                        thumbnail.write(part, tile.row, tile.col)
    if options.style:
        with refusals_told(places.style):
            written["style"] = write_raster_style(places.labels, ground.classes)
    if thumbnail is not None:
        written["preview"] = places.preview
        with refusals_told(places.preview):
            _save_preview(thumbnail, tally, ground, places.preview)
    if options.vectors:
        written["vectors"] = places.vectors
        _write_vectors(output, cells, ground, places.vectors, options.min_area)
    return written, tally


def tiles_with_data(output: ResumableOutput, height: int, width: int) -> Iterator[Window]:
    """Find the parts of the output that something was written to.

    Args:
        output: The output.
        height: Rows.
        width: Columns.

    Yields:
        Tiles of one block's rows and some blocks' columns, from the top and the left.
    """
    cells = np.zeros((-(-height // _BLOCK), -(-width // _BLOCK)), np.bool_)
    for band in output.bands:
        for place in band.places:
            rows = slice(place.row // _BLOCK, -(-(place.row + place.height) // _BLOCK))
            cells[rows, place.col // _BLOCK : -(-(place.col + place.width) // _BLOCK)] = True
    holds_data = DataMap(cells, (_BLOCK, _BLOCK))
    for row in range(0, height, _BLOCK):
        rows_here = min(_BLOCK, height - row)
        if not holds_data(Window(row, 0, rows_here, width)):
            continue
        for col in range(0, width, _TILE):
            tile = Window(row, col, rows_here, min(_TILE, width - col))
            if holds_data(tile):
                yield tile


@contextmanager
def refusals_told(path: Path) -> Iterator[None]:
    """Say in a sentence that the disk refuses a file.

    Args:
        path: The file.

    Raises:
        InputError: When it does.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}. What is computed is kept: mend that and start again with the "
            "same options to go on from there."
        ) from error


def min_pixels(min_area: float, cells: CellAreas | None) -> int:
    """Turn an area into pixels of a map: as many as make up that area in its middle row.

    Args:
        min_area: Square metres; where the map's pixels have no known area, pixels.
        cells: Areas of the pixels.

    Returns:
        Pixels, rounded up.
    """
    pixel = 1.0 if cells is None else float(cells.per_row[len(cells.per_row) // 2])
    return math.ceil(min_area / pixel - 1e-9)


def _writers(ground: MapGround, places: MapPlaces, options: MapOptions) -> Iterator[tuple[str, Path, RasterWriter]]:
    size = ground.height, ground.width
    common: dict[str, Any] = {"georeference": ground.georeference, "cog": options.cog, "threads": options.threads}
    yield LABELS, places.labels, open_label_map(places.labels, *size, ground.classes, **common)
    if options.scores is not None:
        yield SCORES, places.scores, open_score_map(places.scores, *size, ground.classes, dtype=options.scores, **common)
    if options.uncertainty is not None:
        writer = open_uncertainty_map(places.uncertainty, *size, measure=options.uncertainty, **common)
        yield UNCERTAINTY, places.uncertainty, writer


def _save_preview(thumbnail: Thumbnail, tally: AreaTally, ground: MapGround, path: Path) -> None:
    areas = tally.square_metres
    save_preview(
        path,
        thumbnail.labels(),
        ground.classes,
        width=ground.width,
        pixels=tally.pixels.tolist(),
        square_metres=None if areas is None else areas.tolist(),
        ground=ground_size(ground.georeference, ground.height, ground.width),
        title=ground.title,
    )


def _write_vectors(output: ResumableOutput, cells: CellAreas | None, ground: MapGround, path: Path, min_area: float) -> None:
    def read(window: Window) -> NDArray[np.uint8]:
        return output.read(LABELS, window)

    size = ground.height, ground.width
    write_polygons(path, read, *size, ground.classes, ground.georeference, min_pixels=min_pixels(min_area, cells))
