"""Drawing random pixels of each class of a map."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.evaluation.assessment.class_raster import ClassRaster
from rs_da_mm.raster import Window

_FEW = 1 << 20


def draw_pixels(raster: ClassRaster, points: Mapping[int, int], seed: int) -> NDArray[np.int64]:
    """Draw pixels at random within each class, none twice, and in random order.

    Within a class every part of the ground is as likely as any other: where pixels differ in area, as in degrees, the larger ones
    are drawn more often.

    Args:
        raster: The map.
        points: How many pixels of each class number; at most as many as there are.
        seed: Of the choice; the same one draws the same pixels.

    Returns:
        Row and column of each pixel, shape (n, 2).

    Raises:
        RasterError: When the map cannot be read.
    """
    rng = np.random.default_rng(seed)
    wanted = sorted(value for value, count in points.items() if count)
    in_row = _row_counts(raster, wanted)
    cells = raster.cells
    area = np.ones(raster.scene.height) if cells is None else cells.per_row
    chosen = [
        [(row, rank, value) for row, rank in _choose(in_row[:, place], area, points[value], rng).tolist()]
        for place, value in enumerate(wanted)
    ]
    pixels = _find(raster, sorted(entry for entries in chosen for entry in entries))
    return rng.permutation(pixels)


def _row_counts(raster: ClassRaster, wanted: list[int]) -> NDArray[np.int64]:
    """Pixels of each class in each row, shape (H, K)."""
    counts = np.zeros((raster.scene.height, len(wanted)), np.int64)
    for window in raster.windows():
        values, valid = raster.read(window)
        for place, value in enumerate(wanted):
            counts[window.row : window.row + window.height, place] += ((values == value) & valid).sum(1)
    return counts


def _choose(in_row: NDArray[np.int64], area: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw pixels of one class, as their row and their place among the pixels of the class in it, shape (n, 2)."""
    total = int(in_row.sum())
    weights = in_row * area
    ends = np.cumsum(in_row)
    if total <= max(_FEW, 4 * count):
        per_pixel = np.repeat(area / weights.sum(), in_row)
        numbers = np.sort(rng.choice(total, count, replace=False, p=per_pixel))
    else:
        # So few of so many that a pixel that comes twice is simply drawn anew.
        numbers = np.empty(0, np.int64)
        while len(numbers) < count:
            rows = rng.choice(len(in_row), count, p=weights / weights.sum())
            drawn = ends[rows] - in_row[rows] + rng.integers(0, in_row[rows])
            fresh = np.setdiff1d(drawn, numbers)
            numbers = np.concatenate([numbers, rng.permutation(fresh)[: count - len(numbers)]])
    rows = np.searchsorted(ends, numbers, side="right")
    return np.stack([rows, numbers - (ends[rows] - in_row[rows])], axis=1)


def _find(raster: ClassRaster, chosen: list[tuple[int, int, int]]) -> NDArray[np.int64]:
    """Turn (row, place, class) into rows and columns; the rows ascend, so that each stored block is decoded once."""
    pixels = np.empty((len(chosen), 2), np.int64)
    last, values, valid = -1, np.empty((1, 0)), np.empty((1, 0), bool)
    for number, (row, place, value) in enumerate(chosen):
        if row != last:
            values, valid = raster.read(Window(row, 0, 1, raster.scene.width))
            last = row
        pixels[number] = row, np.flatnonzero((values[0] == value) & valid[0])[place]
    return pixels
