"""From the coordinates of a layer to pixels of an image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.ground_box import lattice
from rs_da_mm.raster.reprojection import apply, known_as_one, reproject_points
from rs_da_mm.raster.vectors.features import Box
from rs_da_mm.raster.vectors.libraries import shapely
from rs_da_mm.raster.vectors.mending import of_one_dimension

PIXEL_PARTS = 1024
"""Corners are rounded to this part of a pixel: less than any digitiser sees, and coarse enough that moving them by whole pixels,
and finding where an edge crosses a row, are exact or far from a tie. So a polygon is burnt alike in every window."""
_PIECES = 64
"""Edges are parted into pieces of this part of the image, since a straight edge of one coordinate system is bent in another."""


def layer_box(where: Georeference, height: int, width: int, crs: Any, margin: float) -> Box | None:
    """Find the box in a layer's coordinates that an image covers.

    Args:
        where: Where the image lies.
        height: Its rows.
        width: Its columns.
        crs: The layer's coordinate system.
        margin: By how many pixels the box reaches beyond the image.

    Returns:
        Left, bottom, right, top; ``None`` where no part of the image has a place there.
    """
    xs, ys = reproject_points(where.crs, crs, *lattice(where.transform, height, width, margin))
    known = np.isfinite(xs)
    if not known.any():
        return None
    xs, ys = xs[known], ys[known]
    # Between the points that were carried over, the image may reach a little further.
    spare_x, spare_y = np.ptp(xs) / 32, np.ptp(ys) / 32
    return float(xs.min() - spare_x), float(ys.min() - spare_y), float(xs.max() + spare_x), float(ys.max() + spare_y)


def place(shapes: NDArray[Any], crs: Any, where: Georeference, box: Box) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Bring geometries into pixel coordinates.

    Between two coordinate systems, long edges are parted first, and what reaches far beyond the image is cut off: it may have
    no place in the image's system.

    Args:
        shapes: ``(n,)`` valid geometries of one kind each, or ``None``.
        crs: Their coordinate system.
        where: Where the image lies.
        box: The box around the image in the layer's coordinates.

    Returns:
        The geometries in columns and rows, to a 1024th of a pixel, ``None`` where nothing is left; and which have no place on
        the image's map at all.
    """
    library = shapely()
    if not known_as_one(crs, where.crs):
        shapes = _cut(library, shapes, box)
        shapes = library.segmentize(shapes, max(box[2] - box[0], box[3] - box[1]) / _PIECES)
    xy, owners = library.get_coordinates(shapes, return_index=True)
    to_pixels = ~where.transform
    cols, rows = apply(to_pixels, *reproject_points(crs, where.crs, xy[:, 0].copy(), xy[:, 1].copy()))
    lost = np.zeros(len(shapes), np.bool_)
    lost[owners[~(np.isfinite(cols) & np.isfinite(rows))]] = True
    shapes = shapes.copy()
    shapes[lost] = None
    placed = np.stack([cols, rows], axis=1)[~lost[owners]]
    return library.set_coordinates(shapes, rounded(placed)), lost


def rounded(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round pixel coordinates to :data:`PIXEL_PARTS`."""
    return np.rint(pixels * PIXEL_PARTS) / PIXEL_PARTS


def _cut(library: Any, shapes: NDArray[Any], box: Box) -> NDArray[Any]:
    """Cut off what lies further from the box than it is large; all else stays as it is to the bit."""
    width, height = box[2] - box[0], box[3] - box[1]
    reach = (box[0] - width, box[1] - height, box[2] + width, box[3] + height)
    bounds = library.bounds(shapes).reshape(-1, 4)
    beyond = (bounds[:, 0] < reach[0]) | (bounds[:, 1] < reach[1]) | (bounds[:, 2] > reach[2]) | (bounds[:, 3] > reach[3])
    shapes = shapes.copy()
    for index in np.nonzero(beyond)[0]:
        kind = int(library.get_dimensions(shapes[index]))
        shapes[index] = of_one_dimension(library.intersection(shapes[index], library.box(*reach)), kind)
    return shapes
