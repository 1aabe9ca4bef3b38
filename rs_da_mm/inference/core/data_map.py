"""Where a scene holds data, cell by cell, so that asking about any rectangle costs the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.raster.windows import Window


class DataMap:
    """Tells whether a rectangle of a scene may hold data, in four additions.

    Args:
        cells: ``(rows, columns)``, true where the cell holds data: for a GeoTIFF, the blocks that were written.
        cell: Rows and columns of a cell in pixels.

    Raises:
        InputError: When a cell has no pixels.
    """

    def __init__(self, cells: NDArray[np.bool_], cell: tuple[int, int]) -> None:
        if min(cell) < 1:
            raise InputError(f"A cell of {cell[0]} x {cell[1]} pixels holds nothing.")
        self._cell = cell
        self._counts = np.zeros((cells.shape[0] + 1, cells.shape[1] + 1), np.int64)
        self._counts[1:, 1:] = cells.cumsum(0, dtype=np.int64).cumsum(1)

    def __call__(self, window: Window) -> bool:
        """Tell whether any cell that the window touches holds data; outside the cells there is none."""
        top, bottom = self._cells(window.row, window.height, axis=0)
        left, right = self._cells(window.col, window.width, axis=1)
        counts = self._counts
        return bool(counts[bottom, right] - counts[top, right] - counts[bottom, left] + counts[top, left])

    def _cells(self, start: int, length: int, axis: int) -> tuple[int, int]:
        """First cell that a stretch touches, and the one past the last."""
        size, limit = self._cell[axis], self._counts.shape[axis] - 1
        first, stop = start // size, -(-(start + length) // size)
        return min(max(first, 0), limit), min(max(stop, 0), limit)
