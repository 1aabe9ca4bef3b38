"""Which windows of a scene are computed, and which of its rows are finished when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from rs_da_mm.errors import InputError
from rs_da_mm.raster.windows import Window

HasData = Callable[[Window], bool]


@dataclass(frozen=True, slots=True)
class WindowRow:
    """Windows side by side, from the left.

    Attributes:
        row: Their first row in the scene.
        columns: Their first columns in the scene.
        size: Rows and columns of each.
    """

    row: int
    columns: tuple[int, ...]
    size: tuple[int, int]

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows, made anew each time: a plan of ten million windows holds numbers only."""
        return tuple(Window(self.row, col, *self.size) for col in self.columns)


@dataclass(frozen=True)
class WindowPlan:
    """The windows of a scene; :func:`plan_windows` makes it.

    Attributes:
        height: Rows of the scene.
        width: Columns of the scene.
        size: Rows and columns of a window.
        overlap: Rows and columns that neighbours share; the last ones, moved back to the edge, may share more.
        margin: Pixels at the rim of a window, but for the scene's edge, that do not count.
        rows: Windows side by side, from the top. Every row of the grid is there, also one without windows.
        skipped: Windows of the grid that are left out since they hold no data.
    """

    height: int
    width: int
    size: tuple[int, int]
    overlap: tuple[int, int]
    margin: int
    rows: tuple[WindowRow, ...]
    skipped: int

    @property
    def window_count(self) -> int:
        """Number of windows."""
        return sum(len(row.columns) for row in self.rows)

    @cached_property
    def columns(self) -> tuple[int, int]:
        """First column of the scene that a window reaches, and the one past the last; ``(0, 0)`` without windows."""
        filled = [row.columns for row in self.rows if row.columns]
        if not filled:
            return 0, 0
        return min(cols[0] for cols in filled), min(self.width, max(cols[-1] for cols in filled) + self.size[1])

    def finished_rows(self, index: int) -> tuple[int, int]:
        """Tell which rows of the scene get their last contribution from one row of windows.

        Args:
            index: Number of the row of windows.

        Returns:
            The first row of the scene and the one past the last: these follow on from one row of windows to the next.
        """
        last = index == len(self.rows) - 1
        return self.rows[index].row, self.height if last else self.rows[index + 1].row

    def first_row_needed(self, done_rows: int) -> int:
        """Tell where to go on when the upper part of the scene is done.

        Args:
            done_rows: Rows that are done; the end of some :meth:`finished_rows`, or 0.

        Returns:
            Number of the first row of windows that reaches below them; the number of rows of windows when all is done.

        Raises:
            InputError: When no row of windows finishes with ``done_rows``.
        """
        if done_rows == self.height:
            return len(self.rows)
        starts = [row.row for row in self.rows]
        if done_rows not in starts:
            raise InputError(f"Rows 0..{done_rows - 1} are said to be done, but windows of this plan do not finish there.")
        return bisect_right(starts, done_rows - self.size[0])


def plan_windows(
    height: int,
    width: int,
    size: int | tuple[int, int],
    overlap: float = 0.5,
    has_data: HasData | None = None,
    margin: int = 0,
) -> WindowPlan:
    """Lay overlapping windows over a scene.

    They lie on a grid, which keeps reads in step with the file's blocks; the last row and the last column are moved back to the
    edge. A scene smaller than a window gets one window that reaches beyond it.

    Args:
        height: Rows of the scene.
        width: Columns of the scene.
        size: Rows and columns of a window; one number for both.
        overlap: What neighbours share at least: a ``float`` from 0 to below 1 is a part of the window, an ``int`` is pixels.
        has_data: Tells whether any pixel of a rectangle may hold data; windows where it is false are left out. It is asked for
            whole rows of windows first, then for halves of those that hold data, so an empty stretch costs one question.
            Without it all windows are kept.
        margin: Pixels at the rim of a window that are left to its neighbours. From the radius of the model's receptive field on,
            what windows do not see beyond their rim makes no difference to the result.

    Returns:
        The plan: windows from the top, and from the left.

    Raises:
        InputError: When a length is below 1, the overlap not below the window, or two margins do not fit into the overlap.
    """
    if height < 1 or width < 1:
        raise InputError(f"A scene of {height} x {width} pixels has nothing to compute.")
    sizes = (size, size) if isinstance(size, int) else size
    shared = (_shared_pixels(sizes[0], overlap), _shared_pixels(sizes[1], overlap))
    if not 0 <= 2 * margin <= min(shared):
        raise InputError(f"Neighbours share {min(shared)} pixels, in which two margins of {margin} have no place.")
    columns = _starts(width, sizes[1], sizes[1] - shared[1])
    rows = []
    for row in _starts(height, sizes[0], sizes[0] - shared[0]):
        kept = columns if has_data is None else tuple(_with_data(columns, row, sizes, has_data))
        rows.append(WindowRow(row, kept, sizes))
    skipped = sum(len(columns) - len(row.columns) for row in rows)
    return WindowPlan(height, width, sizes, shared, margin, tuple(rows), skipped)


def _shared_pixels(size: int, overlap: float) -> int:
    if size < 1:
        raise InputError(f"A window of {size} pixels is none; it must be 1 or more.")
    if not 0 <= overlap < (1 if isinstance(overlap, float) else size):
        raise InputError(
            f"The overlap is {overlap!r} and the window {size} pixels: it can be a part of the window, from 0.0 to below 1.0, "
            "or whole pixels, fewer than the window has."
        )
    return min(round(size * overlap), size - 1) if isinstance(overlap, float) else overlap


def _starts(length: int, size: int, stride: int) -> tuple[int, ...]:
    last = max(length - size, 0)
    return (*range(0, last, stride), last)


def _with_data(columns: tuple[int, ...], row: int, size: tuple[int, int], has_data: HasData) -> list[int]:
    """Of windows side by side, those that hold data."""
    kept: list[int] = []
    stretches = [(0, len(columns))]
    while stretches:
        first, stop = stretches.pop()
        left = columns[first]
        if not has_data(Window(row, left, size[0], columns[stop - 1] + size[1] - left)):
            continue
        if stop - first == 1:
            kept.append(left)
            continue
        middle = (first + stop) // 2
        stretches += [(middle, stop), (first, middle)]  # the left half is next
    return kept
