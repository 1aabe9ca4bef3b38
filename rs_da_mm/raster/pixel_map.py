"""Where the pixels of one grid lie among those of another, whatever the two are laid out in.

PROJ takes a microsecond per point, a window has 65,536 of them. So it is asked at the nodes of a fixed lattice, between which
places are interpolated; how wrong that can be is told by the second differences of the nodes. Where the error could matter,
PROJ is asked for the pixel itself: always the right pixel is found, and the same in whichever window it is looked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.reprojection import Points, apply, carry_points, known_as_one
from rs_da_mm.raster.windows import Window

_LATTICE = 32
"""Pixels from one node to the next."""
_TOLERANCE = 2.0**-10
"""The error, in pixels of the other grid, up to which places are interpolated."""
_STEPS = 2.0**20
"""Places are rounded to this part of a pixel, so that rounding errors do not tell a centre from an edge."""
NOWHERE = -(2.0**40)
"""Column and row of a point that has no place."""


@dataclass(frozen=True)
class PixelMap:
    """From pixels of one grid to those of another.

    Attributes:
        grid: Affine grid of the first.
        crs: Its coordinate system.
        other: Affine grid of the second.
        other_crs: Its coordinate system.
        same_crs: Whether both systems are one.
        turn: Where the second counts degrees, how many of its units make a full turn; ``None`` for other systems.
        middle: The middle of the second along x: of all longitudes that mean one place, the one nearest to it is taken.
    """

    grid: Affine
    crs: Any
    other: Affine
    other_crs: Any
    same_crs: bool
    turn: float | None
    middle: float

    @classmethod
    def between(cls, grid: Georeference, other: Georeference, shape: tuple[int, int]) -> PixelMap:
        """Map the pixels of one georeference to those of another.

        Args:
            grid: The first; it has an affine grid.
            other: The second; it has an affine grid.
            shape: Rows and columns of the second.

        Returns:
            The map.
        """
        turn = None
        if other.crs is not None and other.crs.is_geographic:
            turn = 2 * math.pi / float(other.crs.units_factor[1])
        t = other.transform
        middle = t.a * shape[1] / 2 + t.b * shape[0] / 2 + t.c
        same = known_as_one(grid.crs, other.crs)
        return cls(grid.transform, grid.crs, t, other.crs, same, turn, middle)

    def places(self, cols: NDArray[np.float64], rows: NDArray[np.float64]) -> Points:
        """Find points of the first grid in the second.

        Args:
            cols: Columns, counted from the grid's corner, in any shape.
            rows: Rows, in the same shape.

        Returns:
            Columns and rows in the second grid; far outside where a point has no place in its coordinate system.
        """
        xs, ys = apply(self.grid, cols, rows)
        if not self.same_crs:
            xs, ys = carry_points(self.crs, self.other_crs, xs, ys)
        if self.turn is not None:
            turns = np.rint((xs - self.middle) / self.turn, out=np.zeros_like(xs), where=np.isfinite(xs))
            xs = xs - turns * self.turn
        found = [np.rint(place * _STEPS) / _STEPS for place in apply(~self.other, xs, ys)]
        known = np.isfinite(found[0]) & np.isfinite(found[1])
        limit = -NOWHERE
        place_cols, place_rows = (np.clip(np.where(known, place, NOWHERE), -limit, limit) for place in found)
        return place_cols, place_rows

    def centres(self, window: Window) -> Points:
        """Find the centres of a window's pixels in the second grid.

        Args:
            window: A window of the first grid.

        Returns:
            Columns and rows, ``(H, W)`` each. Whole parts are exact; of the fraction, a thousandth of a pixel may be missing.
        """
        rows, cols = np.arange(window.height) + window.row, np.arange(window.width) + window.col
        if self.same_crs:
            col_grid, row_grid = np.meshgrid(cols + 0.5, rows + 0.5)
            return self.places(col_grid, row_grid)
        return self._interpolated(rows, cols)

    def _interpolated(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Points:
        first_row, first_col = int(rows[0]) // _LATTICE - 1, int(cols[0]) // _LATTICE - 1
        node_rows = np.arange(first_row, int(rows[-1]) // _LATTICE + 3) * _LATTICE + 0.5
        node_cols = np.arange(first_col, int(cols[-1]) // _LATTICE + 3) * _LATTICE + 0.5
        nodes = np.stack(self.places(*np.meshgrid(node_cols, node_rows)))
        in_rows, in_cols = rows // _LATTICE - first_row, cols // _LATTICE - first_col
        found = _between(nodes, in_rows, (rows % _LATTICE / _LATTICE)[:, np.newaxis], axis=1)
        found = _between(found, in_cols, cols % _LATTICE / _LATTICE, axis=2)
        error = _errors(nodes)[np.ix_(in_rows - 1, in_cols - 1)]
        doubtful = (error > _TOLERANCE) | (np.abs(found - np.rint(found)) <= error).any(axis=0)
        at_row, at_col = np.nonzero(doubtful)
        found[:, at_row, at_col] = self.places(cols[at_col] + 0.5, rows[at_row] + 0.5)
        return found[0], found[1]


def _between(nodes: NDArray[np.float64], index: NDArray[np.int64], part: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Interpolate linearly along an axis, elementwise, so that a pixel has the same bits in every window."""
    return np.take(nodes, index, axis) * (1 - part) + np.take(nodes, index + 1, axis) * part


def _errors(nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bound what bilinear interpolation is wrong by, per cell but the outermost.

    Along an axis the error is at most an eighth of the second difference. Those at the cell's corners tell it, and are doubled,
    since they change over a cell; a smooth map has much less of that.
    """
    bound = np.zeros((nodes.shape[1] - 3, nodes.shape[2] - 3))
    for axis in (1, 2):
        bent = np.abs(np.diff(nodes, 2, axis)).max(axis=0)
        bent = bent[:, 1:-1] if axis == 1 else bent[1:-1]
        corners = np.maximum(np.maximum(bent[:-1, :-1], bent[1:, :-1]), np.maximum(bent[:-1, 1:], bent[1:, 1:]))
        bound += corners / 4
    return bound + 2 / _STEPS
