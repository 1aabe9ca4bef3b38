"""A map's areas as polygons, for a GIS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.inference.outputs.classes import MapClasses
from rs_da_mm.inference.outputs.geopackage import GeoPackageWriter
from rs_da_mm.inference.outputs.polygon_shapes import count_pixels, measure_area, polygon_wkb
from rs_da_mm.inference.outputs.qgis_style import polygon_style
from rs_da_mm.raster import (
    Georeference,
    LabelPolygon,
    Window,
    cell_areas,
    clip_window,
    label_polygons,
    sieve_labels,
    window_grid,
    window_slices,
)

LAYER = "land_cover"
TILE = 12288
"""A Sentinel-2 scene is 10980 pixels wide and so in one piece."""

_BATCH = 10_000


def write_polygons(
    path: str | Path,
    read: Callable[[Window], NDArray[np.uint8]],
    height: int,
    width: int,
    classes: MapClasses,
    georeference: Georeference,
    *,
    min_pixels: int = 0,
    tile: int = TILE,
) -> int:
    """Write the areas of a map to a GeoPackage: layer ``land_cover`` in the map's CRS, with a QGIS style inside.

    Each polygon has ``class`` (number), ``name``, ``pixels`` and ``area_m2`` (null where it is not known), which is the sum of
    its pixels' areas as :func:`~rs_da_mm.raster.cell_areas` has them. A map larger than a tile is done tile by tile, and its
    polygons are cut along the tiles' edges: memory depends on the tile, not on the map.

    Args:
        path: Where it goes, ``.gpkg``.
        read: Gives the class numbers ``(h, w)`` of a window; from a finished map, say, ``lambda w: Scene(path).read(w)[..., 0]``.
        height: Rows of the map.
        width: Columns of the map.
        classes: The classes.
        georeference: Where the map lies. Without any, polygons are in pixels, y downwards negative.
        min_pixels: Areas of fewer pixels are merged into their largest neighbour first; up to 1 none are. Which areas those are
            does not depend on the tiles.
        tile: Side of a tile in pixels.

    Returns:
        How many polygons were written.

    Raises:
        InputError: When only control points place the map, pyogrio is missing, or the file cannot be written; an older file is
            then as it was.
    """
    if georeference.gcps and not georeference.has_transform:
        raise InputError(f"{path}: only control points place this map, and polygons need a grid; warp the scene first.")
    crs = None if georeference.crs is None else georeference.crs.to_wkt()
    cells = cell_areas(georeference, height, width)
    area_above = None if cells is None else np.concatenate([[0.0], np.cumsum(cells.per_row)])
    fields = {"class": np.int32, "name": object, "pixels": np.int64, "area_m2": np.float64}
    polygons = _polygons(read, height, width, classes.nodata, min_pixels, tile)
    written = 0
    with GeoPackageWriter(path, LAYER, crs, fields) as writer:
        while batch := list(islice(polygons, _BATCH)):
            areas = [np.nan if area_above is None else measure_area(polygon, area_above) for polygon in batch]
            numbers = [polygon.value for polygon in batch]
            names = [classes.names[number] for number in numbers]
            shapes = [polygon_wkb(polygon, georeference) for polygon in batch]
            writer.write(shapes, [numbers, names, [count_pixels(polygon) for polygon in batch], areas])
            written += len(batch)
        writer.set_style("classes", polygon_style(classes))
    return written


def _polygons(
    read: Callable[[Window], NDArray[np.uint8]], height: int, width: int, nodata: int, min_pixels: int, tile: int
) -> Iterator[LabelPolygon]:
    """All polygons, tile by tile; a tile without data costs its reading."""
    # An area of fewer pixels that begins in a tile ends inside this margin; a larger one has as many pixels there.
    margin = min_pixels if min_pixels > 1 else 0
    for place in window_grid(height, width, tile, edge="pad"):
        inside = clip_window(place, height, width)
        around = Window(inside.row - margin, inside.col - margin, inside.height + 2 * margin, inside.width + 2 * margin)
        around = clip_window(around, height, width)
        labels = read(around)
        if (labels == nodata).all():
            continue
        if margin:
            labels = sieve_labels(labels, min_pixels, nodata)
        part = np.ascontiguousarray(labels[window_slices(inside, (around.row, around.col))])
        yield from label_polygons(part, nodata, inside.row, inside.col)
