"""The blocks that a scene is stored in, as a grid; its lines are the edges of all files' blocks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from rs_da_mm.raster.windows import Window


class BlockGrid:
    """Pieces of a scene, each of which lies in one block of every file.

    Args:
        height: Rows of the scene.
        width: Columns of the scene.
        shapes: Rows and columns of the blocks of each file.
    """

    def __init__(self, height: int, width: int, shapes: Iterable[tuple[int, int]]) -> None:
        sizes = list(zip(*shapes, strict=True))
        self._rows, self._cols = (
            sorted({length, *(edge for size in along for edge in range(0, length, size))})
            for length, along in zip((height, width), sizes, strict=True)
        )

    def touched(self, window: Window) -> tuple[range, range]:
        """Find the rows and columns of pieces, counted in pieces, that a window inside the scene touches."""
        rows = range(bisect_right(self._rows, window.row) - 1, bisect_left(self._rows, window.row + window.height))
        cols = range(bisect_right(self._cols, window.col) - 1, bisect_left(self._cols, window.col + window.width))
        return rows, cols

    def pixels(self, rows: range, cols: range) -> Window:
        """Find the pixels of adjoining pieces."""
        top, left = self._rows[rows.start], self._cols[cols.start]
        return Window(top, left, self._rows[rows.stop] - top, self._cols[cols.stop] - left)


def common(one: Window, other: Window) -> Window:
    """Cut two windows out of each other; the height or width is 0 where they share nothing."""
    top, left = max(one.row, other.row), max(one.col, other.col)
    bottom = min(one.row + one.height, other.row + other.height)
    right = min(one.col + one.width, other.col + other.width)
    return Window(top, left, max(bottom - top, 0), max(right - left, 0))


def overlap(one: Window, other: Window) -> bool:
    """Tell whether two windows share a pixel."""
    shared = common(one, other)
    return shared.height > 0 and shared.width > 0
