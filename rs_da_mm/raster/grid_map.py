"""Where the pixels of one grid lie in another that is parallel to it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rs_da_mm.raster.georeference import Georeference

_STEPS = 2.0**20
"""Places are rounded to this part of a pixel, so that rounding errors do not tell a centre from an edge."""


class AxisMap(NamedTuple):
    """From rows (or columns) of one grid to those of another; both are counted from the first one's edge.

    Attributes:
        scale: Pixels of the other grid per pixel of this one.
        offset: Where in the other grid this one begins.
    """

    scale: float
    offset: float

    def centres(self, start: int, count: int) -> NDArray[np.float64]:
        """Place the centres of ``count`` pixels, from ``start`` on, in the other grid.

        The same pixel is placed at the same bits whatever ``start`` is.
        """
        places = (np.arange(start, start + count) + 0.5) * self.scale + self.offset
        return np.rint(places * _STEPS) / _STEPS


class GridMap(NamedTuple):
    """From pixels of one grid to those of another that is parallel to it.

    Attributes:
        rows: Along the rows.
        cols: Along the columns.
    """

    rows: AxisMap
    cols: AxisMap

    @property
    def is_identity(self) -> bool:
        """Whether both grids are one."""
        return self.rows == self.cols == AxisMap(1.0, 0.0)

    def at(self, row: float, col: float) -> tuple[float, float]:
        """Place a point of the first grid, pixels counted from its corner, in the other."""
        return row * self.rows.scale + self.rows.offset, col * self.cols.scale + self.cols.offset

    def inverse(self) -> GridMap:
        """The way back."""
        return GridMap(*(AxisMap(1 / axis.scale, -axis.offset / axis.scale) for axis in self))

    def georeference(self, other: Georeference) -> Georeference:
        """Give the first grid the place on the ground that the other one has: affine grid and control points."""
        back = self.inverse()
        transform = other.transform
        if other.has_transform:
            t = transform
            columns, rows = self.cols, self.rows
            transform = Affine(
                t.a * columns.scale,
                t.b * rows.scale,
                t.a * columns.offset + t.b * rows.offset + t.c,
                t.d * columns.scale,
                t.e * rows.scale,
                t.d * columns.offset + t.e * rows.offset + t.f,
            )
        return Georeference(other.crs, transform, tuple(_moved(point, back) for point in other.gcps), other.gcps_crs)


def scaled_map(row_scale: float, col_scale: float) -> GridMap:
    """Map grids that begin at the same corner; the scales are pixels of the other grid per pixel of the first."""
    return GridMap(AxisMap(row_scale, 0.0), AxisMap(col_scale, 0.0))


def _moved(point: Any, grid: GridMap) -> Any:
    row, col = grid.at(point.row, point.col)
    return type(point)(row, col, point.x, point.y, point.z, id=point.id, info=point.info)
