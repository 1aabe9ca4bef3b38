"""Windows of a scene: which ones there are, and what of them lies inside."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from rs_da_mm.errors import InputError

Edge = Literal["drop", "pad", "shift"]


class Window(NamedTuple):
    """A rectangle of pixels of a scene.

    It may reach beyond the scene's edge (``edge='pad'``); what lies outside reads as 0 and is not valid.

    Attributes:
        row: First row, 0 at the top.
        col: First column, 0 at the left.
        height: Rows.
        width: Columns.
    """

    row: int
    col: int
    height: int
    width: int

    @property
    def spelled(self) -> str:
        """The window in words, for messages: first and last row and column."""
        return f"rows {self.row}..{self.row + self.height - 1}, columns {self.col}..{self.col + self.width - 1}"


def window_grid(
    height: int,
    width: int,
    size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    edge: Edge = "drop",
) -> list[Window]:
    """Lay windows of one size over a scene.

    Args:
        height: Rows of the scene.
        width: Columns of the scene.
        size: Rows and columns of a window; one number for both.
        stride: Rows and columns from one window to the next; the size when it is not given, so that windows touch and do not
            overlap. A stride above the size leaves gaps, whatever ``edge`` says.
        edge: What happens to the rest that is smaller than a window. ``'drop'`` (GID): left out, so a scene that is smaller than
            a window has none. ``'pad'`` (Inria): one more window that reaches beyond the edge. ``'shift'`` (ISPRS): one more
            window, moved back so that it ends at the edge.

    Returns:
        The windows, row by row from the top left, each once and all of ``size``.

    Raises:
        InputError: When a size or stride is below 1, ``edge`` is unknown, or the scene is smaller than the window under
            ``edge='shift'`` (there is then no window of that size inside the scene).
    """
    size_rows, size_cols = _pair("size", size)
    stride_rows, stride_cols = (size_rows, size_cols) if stride is None else _pair("stride", stride)
    rows = _starts("rows", height, size_rows, stride_rows, edge)
    cols = _starts("columns", width, size_cols, stride_cols, edge)
    return [Window(row, col, size_rows, size_cols) for row in rows for col in cols]


def clip_window(window: Window, height: int, width: int) -> Window:
    """Cut off what lies outside the scene.

    Args:
        window: Any window.
        height: Rows of the scene.
        width: Columns of the scene.

    Returns:
        The part inside; its height or width is 0 when there is none.
    """
    top, bottom = (min(max(edge, 0), height) for edge in (window.row, window.row + window.height))
    left, right = (min(max(edge, 0), width) for edge in (window.col, window.col + window.width))
    return Window(top, left, bottom - top, right - left)


def window_slices(window: Window, origin: tuple[int, int] = (0, 0)) -> tuple[slice, slice]:
    """Turn a window into the slices that pick it from an array.

    Args:
        window: A window in pixels of the scene.
        origin: Row and column of the scene at which the array begins.

    Returns:
        The slices of rows and columns.
    """
    top, left = window.row - origin[0], window.col - origin[1]
    return slice(top, top + window.height), slice(left, left + window.width)


def _starts(what: str, length: int, size: int, stride: int, edge: str) -> list[int]:
    """Where the windows begin along one axis."""
    if edge not in get_args(Edge):
        raise InputError(f"edge is {edge!r}; it can be {', '.join(map(repr, get_args(Edge)))}.")
    if length < 1:
        raise InputError(f"A scene of {length} {what} has no windows.")
    whole = list(range(0, length - size + 1, stride))
    end = whole[-1] + size if whole else 0
    if edge == "drop" or end >= length:
        return whole
    if edge == "pad":
        beyond = whole[-1] + stride if whole else 0
        return [*whole, beyond] if beyond < length else whole
    if not whole:
        raise InputError(
            f"The scene has {length} {what} and the window {size}: edge='shift' finds no place for it. "
            "Take a smaller window, or edge='pad'."
        )
    return [*whole, length - size]


def _pair(what: str, value: int | tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of a size or stride."""
    rows, cols = (value, value) if isinstance(value, int) else value
    if rows < 1 or cols < 1:
        raise InputError(f"The window {what} is {value}; it must be 1 pixel or more.")
    return rows, cols
