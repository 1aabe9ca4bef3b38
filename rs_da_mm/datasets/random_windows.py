"""Windows that lie anywhere in a part instead of on a grid, and never leave it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.raster import Window


class _Ground(NamedTuple):
    """The pixels of a scene that lie in windows of the part, as cells between the edges of windows.

    Attributes:
        rows: First row of each row of cells, and the row after the last.
        cols: Likewise.
        sums: ``(rows, cols)`` how many cells above and left of this edge lie in windows.
    """

    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    sums: NDArray[np.int64]

    def covered(self, rows: _Strips, cols: _Strips) -> NDArray[np.bool_]:
        """Per strip of rows and of columns, whether every pixel of a window that begins there lies in windows."""
        top, bottom, left, right = rows.first[:, None], rows.last[:, None], cols.first[None], cols.last[None]
        inside = self.sums[bottom, right] - self.sums[top, right] - self.sums[bottom, left] + self.sums[top, left]
        every = inside == (bottom - top) * (right - left)
        return every & rows.there[:, None] & cols.there[None]


class _Strips(NamedTuple):
    """Places along one axis, bundled by the cells that a window beginning there reaches into.

    Attributes:
        begin: ``(n,)`` first place of each bundle.
        length: ``(n,)`` how many places it has.
        first: ``(n,)`` first cell.
        last: ``(n,)`` the cell after the last.
        there: ``(n,)`` whether the window lies between the first and the last edge.
    """

    begin: NDArray[np.int64]
    length: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    there: NDArray[np.bool_]


class RandomWindows:
    """Moves windows of a grid by random offsets.

    A window moves by up to half a step of the grid up, down, left and right, so that the windows of an epoch begin anywhere, and
    each pixel is still met about as often. Of these places those count whose every pixel lies in windows of the same part and
    scene: never in another part's, in the guard between parts, in a window that was left out as unknown, or (beyond what
    ``edge='pad'`` adds) outside the scene. Each of them is as likely; a window without neighbours stays where it is.

    Args:
        windows: The windows of the part in each scene.
        steps: Rows and columns from one window to the next; their size when it is not given.
    """

    def __init__(self, windows: Mapping[str, Sequence[Window]], steps: tuple[int, int] | None = None) -> None:
        self._boxes = {scene: np.array(placed, dtype=np.int32).reshape(-1, 4) for scene, placed in windows.items()}
        self._steps = steps
        self._grounds: dict[str, _Ground] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_grounds": {}}

    def moved(self, window: Window, scene: str, draw: Callable[[int], int]) -> Window:
        """Move a window.

        Args:
            window: One of the part's windows.
            scene: Its scene.
            draw: Draws a whole number from 0 to less than what it is given, each as likely; it is asked once.

        Returns:
            A window of the same size.

        Raises:
            KeyError: When the part has no windows in this scene.
        """
        window = Window(*window)
        ground = self._ground(scene)
        row_step, col_step = self._steps or (window.height, window.width)
        rows = _strips(ground.rows, window.row, window.height, row_step)
        cols = _strips(ground.cols, window.col, window.width, col_step)
        places = np.where(ground.covered(rows, cols), rows.length[:, None] * cols.length[None], 0)
        ends = places.ravel().cumsum()
        drawn = draw(int(ends[-1]))
        bundle = int(np.searchsorted(ends, drawn, side="right"))
        i, j = divmod(bundle, len(cols.length))
        down, right = divmod(drawn - int(ends[bundle] - places[i, j]), int(cols.length[j]))
        return Window(int(rows.begin[i]) + down, int(cols.begin[j]) + right, window.height, window.width)

    def _ground(self, scene: str) -> _Ground:
        found = self._grounds.get(scene)
        if found is None:
            found = self._grounds[scene] = _ground_of(self._boxes[scene].astype(np.int64))
        return found


def _ground_of(boxes: NDArray[np.int64]) -> _Ground:
    ends = boxes[:, :2] + boxes[:, 2:]
    rows, cols = (np.unique(np.concatenate([boxes[:, axis], ends[:, axis]])) for axis in (0, 1))
    # Each window adds 1 to its cells: at its corners here, in all of them once that is summed up.
    change = np.zeros((len(rows), len(cols)), dtype=np.int64)
    top, left = np.searchsorted(rows, boxes[:, 0]), np.searchsorted(cols, boxes[:, 1])
    bottom, right = np.searchsorted(rows, ends[:, 0]), np.searchsorted(cols, ends[:, 1])
    for row, col, sign in ((top, left, 1), (bottom, right, 1), (top, right, -1), (bottom, left, -1)):
        np.add.at(change, (row, col), sign)
    covered = change.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0
    sums = np.zeros((len(rows), len(cols)), dtype=np.int64)
    sums[1:, 1:] = covered.cumsum(axis=0).cumsum(axis=1)
    return _Ground(rows, cols, sums)


def _strips(edges: NDArray[np.int64], begin: int, size: int, step: int) -> _Strips:
    """The places of a window that are nearer to ``begin`` than to the next window's, as many as a step has pixels."""
    places = np.arange(begin - step // 2, begin + step - step // 2)
    first = np.searchsorted(edges, places, side="right") - 1
    last = np.searchsorted(edges, places + size, side="left")
    starts = np.concatenate([[0], np.flatnonzero((np.diff(first) != 0) | (np.diff(last) != 0)) + 1])
    length = np.diff(starts, append=len(places))
    there = (first[starts] >= 0) & (last[starts] < len(edges))
    return _Strips(places[starts], length, first[starts].clip(0), last[starts].clip(max=len(edges) - 1), there)
