"""From class numbers to polygons, by GDAL's own sieve and polygonize."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rasterio.features import shapes, sieve


class LabelPolygon(NamedTuple):
    """An area of pixels of one value that touch along their edges.

    Attributes:
        value: The value.
        rings: ``(n, 2)`` int64 each, columns and rows of the corners, the first again at the end. The outer ring first, then
            those of the holes.
    """

    value: int
    rings: tuple[NDArray[np.int64], ...]


def sieve_labels(labels: NDArray[np.uint8], min_pixels: int, nodata: int = 255) -> NDArray[np.uint8]:
    """Merge areas that are too small into their largest neighbour, by GDAL's sieve filter.

    Args:
        labels: ``(H, W)``.
        min_pixels: Areas of fewer pixels are merged.
        nodata: Pixels of this value stay as they are, and nothing is merged into them.

    Returns:
        ``(H, W)``.
    """
    is_data = labels != nodata
    merged = sieve(labels, min_pixels, mask=is_data)
    return np.where(is_data, merged, labels)


def label_polygons(labels: NDArray[np.uint8], nodata: int = 255, row: int = 0, col: int = 0) -> Iterator[LabelPolygon]:
    """Trace the outlines of all areas of one value, by GDAL's polygonize.

    Args:
        labels: ``(H, W)``.
        nodata: Pixels of this value get no polygon.
        row: Row of the scene at which the array begins.
        col: Column of the scene at which it begins.

    Yields:
        Each area. Together they cover every pixel but nodata once.
    """
    offset = np.array([col, row], np.int64)
    for shape, value in shapes(labels, mask=labels != nodata, connectivity=4):
        rings = tuple(np.asarray(ring, np.float64).astype(np.int64) + offset for ring in shape["coordinates"])
        yield LabelPolygon(int(value), rings)
