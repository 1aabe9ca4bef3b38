"""Pixels of each class in windows, with every pixel read and counted once, however windows overlap.

The edges of all windows cut a scene into cells. Cells are counted, and a window is the sum of its cells.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.label_code import IGNORED
from rs_da_mm.datasets.label_tables import UNKNOWN
from rs_da_mm.datasets.progress_bar import track
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Window

_SIDE = 2048
"""Rows and columns that are read at once, at most."""
_CELLS = 16
"""Cells per window up to which cells are fewer pixels than windows; beyond, windows do not lie on a grid."""
_THREADS = 8
_VALUES = np.arange(256, dtype=np.uint8)

Counts = NDArray[np.int64]


class Labels(Protocol):
    """Gives classes by window; see :class:`rs_da_mm.datasets.label_sources.LabelSource`."""

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Read ``(H, W)`` class indices, 255 ignored and outside the scene."""

    def read_stored(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        """Read the values as they are stored, and the class of each of the 256, 254 unknown; ``None`` where that is not so."""


class LabelledWindows(NamedTuple):
    """Windows of a scene whose classes are to be counted.

    Attributes:
        labels: Gives the scene's classes.
        height: Rows of the scene.
        width: Columns of the scene.
        windows: The windows.
    """

    labels: Labels
    height: int
    width: int
    windows: Sequence[Window]


class _Grid(NamedTuple):
    """Where the edges of windows cut a scene.

    Attributes:
        rows: First row of each cell, and the row after the last one.
        cols: Likewise.
    """

    rows: Counts
    cols: Counts

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return max(len(self.rows) - 1, 0), max(len(self.cols) - 1, 0)

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return self.shape[0] * self.shape[1]


class _Tile(NamedTuple):
    """Cells that are read together, as places in the grid's ``rows`` and ``cols``; ends are not part of it."""

    top: int
    bottom: int
    left: int
    right: int


def class_counts(labels: NDArray[np.uint8], classes: int) -> Counts:
    """Count the pixels of each class.

    Args:
        labels: Class indices, 255 ignored.
        classes: How many classes there are.

    Returns:
        ``(classes + 1,)``; the last counts ignored pixels.
    """
    counted = _histogram(labels)
    return np.append(counted[:classes], counted[IGNORED])


def count_windows(scenes: Sequence[LabelledWindows], classes: int) -> list[Counts]:
    """Count the pixels of each class in windows of many scenes, in several threads.

    Args:
        scenes: The scenes and their windows.
        classes: How many classes there are.

    Returns:
        Per scene ``(windows, classes + 1)``; the last column counts ignored pixels, and those outside the scene.

    Raises:
        RasterError: When labels cannot be read.
        DatasetError: When a label is unknown.
    """
    grids = [_cut(scene) for scene in scenes]
    tasks = [
        (place, tile)
        for place, (scene, grid) in enumerate(zip(scenes, grids, strict=True))
        for tile in (_tiles(grid) if grid.cells <= _CELLS * len(scene.windows) else [None])
    ]
    cells = {place: np.zeros((*grids[place].shape, classes + 1), dtype=np.int64) for place, tile in tasks if tile is not None}

    def count(task: tuple[int, _Tile | None]) -> Counts:
        place, tile = task
        return _count_singly(scenes[place], classes) if tile is None else _count_tile(scenes[place], grids[place], tile, classes)

    found = [np.zeros((0, classes + 1), dtype=np.int64)] * len(scenes)
    pool = ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1), "class counts")
    try:
        for (place, tile), counted in zip(track(tasks, "Counting classes"), pool.map(count, tasks), strict=True):
            if tile is None:
                found[place] = counted
            else:
                cells[place][tile.top : tile.bottom, tile.left : tile.right] = counted
    except DatasetError:
        # What is unknown may lie between the windows; if it does not, this says where it is.
        return [_count_singly(scene, classes) for scene in scenes]
    finally:
        pool.shutdown(cancel_futures=True)
    for place, held in cells.items():
        found[place] = _sum_cells(scenes[place], grids[place], held)
    return found


def _cut(scene: LabelledWindows) -> _Grid:
    low, high = _inside(scene)
    return _Grid(_starts(low[:, 0], high[:, 0]), _starts(low[:, 1], high[:, 1]))


def _inside(scene: LabelledWindows) -> tuple[Counts, Counts]:
    """First row and column of each window inside the scene, and those after the last."""
    boxes = np.array(scene.windows, dtype=np.int64).reshape(-1, 4)
    limits = np.array([scene.height, scene.width])
    return np.clip(boxes[:, :2], 0, limits), np.clip(boxes[:, :2] + boxes[:, 2:], 0, limits)


def _starts(low: Counts, high: Counts) -> Counts:
    edges = np.unique(np.concatenate([low, high]))
    further = [np.arange(a + _SIDE, b, _SIDE) for a, b in pairwise(edges) if b - a > _SIDE]
    return np.unique(np.concatenate([edges, *further]))


def _tiles(grid: _Grid) -> Iterator[_Tile]:
    for top, bottom in _runs(grid.rows):
        for left, right in _runs(grid.cols):
            yield _Tile(top, bottom, left, right)


def _runs(starts: Counts) -> Iterator[tuple[int, int]]:
    """Bundle neighbouring cells as long as they are no longer than what is read at once."""
    begin = 0
    while begin < len(starts) - 1:
        end = max(int(np.searchsorted(starts, starts[begin] + _SIDE, side="right")) - 1, begin + 1)
        yield begin, end
        begin = end


def _count_tile(scene: LabelledWindows, grid: _Grid, tile: _Tile, classes: int) -> Counts:
    rows, cols = grid.rows[tile.top : tile.bottom + 1], grid.cols[tile.left : tile.right + 1]
    top, left = int(rows[0]), int(cols[0])
    window = Window(top, left, int(rows[-1]) - top, int(cols[-1]) - left)
    # Counting values and then asking for the class of each is faster than asking for the class of each pixel.
    stored = scene.labels.read_stored(window)
    values, class_of = (scene.labels.read(window), _VALUES) if stored is None else stored
    counted = np.empty((len(rows) - 1, len(cols) - 1, len(_VALUES)), dtype=np.int64)
    row_of, col_of = (rows - top).tolist(), (cols - left).tolist()
    for i in range(len(rows) - 1):
        strip = values[row_of[i] : row_of[i + 1]]
        for j in range(len(cols) - 1):
            counted[i, j] = _histogram(strip[:, col_of[j] : col_of[j + 1]])
    if stored is not None and counted[:, :, class_of == UNKNOWN].any():
        raise DatasetError("The label has values that the legend does not have.")
    return counted @ (class_of[:, None] == np.append(np.arange(classes), IGNORED)).astype(np.int64)


def _sum_cells(scene: LabelledWindows, grid: _Grid, cells: Counts) -> Counts:
    sums = np.zeros((cells.shape[0] + 1, cells.shape[1] + 1, cells.shape[2]), dtype=np.int64)
    sums[1:, 1:] = cells.cumsum(axis=0).cumsum(axis=1)
    low, high = _inside(scene)
    top, bottom = (np.searchsorted(grid.rows, edge[:, 0]) for edge in (low, high))
    left, right = (np.searchsorted(grid.cols, edge[:, 1]) for edge in (low, high))
    found: Counts = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    boxes = np.array(scene.windows, dtype=np.int64).reshape(-1, 4)
    found[:, -1] += boxes[:, 2] * boxes[:, 3] - (high - low).prod(axis=1)
    return found


def _count_singly(scene: LabelledWindows, classes: int) -> Counts:
    counted = [class_counts(scene.labels.read(window), classes) for window in scene.windows]
    return np.stack(counted) if counted else np.zeros((0, classes + 1), dtype=np.int64)


def _histogram(labels: NDArray[np.uint8]) -> Counts:
    """Pixels of each of the 256 values; OpenCV takes a fraction of the time of ``numpy.bincount``."""
    if labels.size >= 1 << 24:  # it counts in float32
        return np.bincount(labels.reshape(-1), minlength=256)
    counted: Counts = cv2.calcHist([labels], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    return counted
