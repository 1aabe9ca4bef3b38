"""Polygons of pixels: their area, and their place on the ground as well-known binary."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.raster import Georeference, LabelPolygon

_LITTLE_ENDIAN, _POLYGON = 1, 3


def count_pixels(polygon: LabelPolygon) -> int:
    """Count the pixels inside a polygon, holes left out."""
    rows = [ring[:, 1].astype(np.float64) for ring in polygon.rings]
    return round(_integrate(polygon, rows))


def measure_area(polygon: LabelPolygon, area_above: NDArray[np.float64]) -> float:
    """Measure a polygon whose edges run along rows and columns.

    Args:
        polygon: The polygon.
        area_above: ``(height + 1,)``, what one column covers from the top of the scene to the upper edge of each row: the sums of
            :attr:`~rs_da_mm.raster.CellAreas.per_row`.

    Returns:
        The sum of its pixels' areas, in square metres. By Green's theorem only the edges along rows count.
    """
    return _integrate(polygon, [area_above[ring[:, 1]] for ring in polygon.rings])


def polygon_wkb(polygon: LabelPolygon, georeference: Georeference) -> bytes:
    """Spell a polygon as well-known binary.

    Args:
        polygon: The polygon, in columns and rows.
        georeference: Where they lie. Without a grid x is the column and y minus the row, as QGIS shows an image without one.

    Returns:
        Its coordinates in the CRS.
    """
    t = georeference.transform
    coefficients = (t.a, t.b, t.c, t.d, t.e, t.f) if georeference.has_transform else (1, 0, 0, 0, -1, 0)
    parts = [struct.pack("<BII", _LITTLE_ENDIAN, _POLYGON, len(polygon.rings))]
    for ring in polygon.rings:
        col, row = ring[:, 0].astype(np.float64), ring[:, 1].astype(np.float64)
        a, b, c, d, e, f = coefficients
        points = np.stack([a * col + b * row + c, d * col + e * row + f], axis=1)
        parts += [struct.pack("<I", len(points)), points.astype("<f8").tobytes()]
    return b"".join(parts)


def _integrate(polygon: LabelPolygon, heights: list[NDArray[np.float64]]) -> float:
    """The area under the outer ring's edges, minus that of the holes; rings may run either way."""
    sums = [abs(float((height[:-1] * np.diff(ring[:, 0])).sum())) for ring, height in zip(polygon.rings, heights, strict=True)]
    return sums[0] - sum(sums[1:])
