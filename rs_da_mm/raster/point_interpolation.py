"""Values of a raster at scattered points, the same to the bit in whatever company a point is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.raster.interpolation import Resampling, kernel, to_dtype
from rs_da_mm.raster.windows import Window

_REACH = {"nearest": 0, "bilinear": 1, "cubic": 2}


def needed_window(cols: NDArray[np.float64], rows: NDArray[np.float64], shape: tuple[int, int], method: Resampling) -> Window:
    """Tell which pixels the values at some points depend on.

    Args:
        cols: Columns of the points, at least one, all inside the raster.
        rows: Their rows.
        shape: Rows and columns of the raster.
        method: How values between pixels are found.

    Returns:
        The window, inside the raster.
    """
    reach = _REACH[method]
    first = [max(0, int(np.floor(places.min())) - reach) for places in (rows, cols)]
    end = [min(size, int(np.floor(places.max())) + 1 + reach) for places, size in zip((rows, cols), shape, strict=True)]
    return Window(first[0], first[1], end[0] - first[0], end[1] - first[1])


def sample_at(
    pixels: NDArray[Any], valid: NDArray[np.bool_], cols: NDArray[np.float64], rows: NDArray[np.float64], method: Resampling
) -> NDArray[Any]:
    """Work out values at points.

    A pixel without data never counts: where it is a neighbour, the others are weighed bilinearly among themselves. Where the
    pixel that a point lies in holds no data, its value is taken as it is.

    Args:
        pixels: ``(h, w, bands)``, all that the points need.
        valid: ``(h, w)``, where they hold data.
        cols: Columns of the points, any shape, 0 at the left edge of the array; inside it.
        rows: Rows, the same shape.
        method: How values between pixels are found.

    Returns:
        The points' shape and ``bands``, in the dtype of ``pixels``; whole numbers are rounded, halves up, and kept within the
        dtype.
    """
    nearest = np.floor(rows).astype(np.int64), np.floor(cols).astype(np.int64)
    if method == "nearest":
        return pixels[nearest]
    exact = np.result_type(pixels.dtype, np.float32)
    values = pixels.astype(exact)
    if valid.all():
        return to_dtype(_weighed(values, cols, rows, method), pixels.dtype)
    values[~valid] = 0
    weighed = _weighed(values, cols, rows, method)
    share = _weighed(valid[:, :, np.newaxis].astype(values.real.dtype), cols, rows, "bilinear")[..., 0]
    lacking = _touched(~valid, cols, rows, method)
    among = _weighed(values, cols[lacking], rows[lacking], "bilinear")
    weighed[lacking] = among / np.where(share > 0, share, 1)[lacking][:, np.newaxis]
    result = to_dtype(weighed, pixels.dtype)
    empty = ~valid[nearest]
    result[empty] = pixels[nearest][empty]
    return result


def _neighbours(
    cols: NDArray[np.float64], rows: NDArray[np.float64], shape: tuple[int, ...], method: Resampling
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Row, column and weight of each neighbour of each point; beyond the edge the outermost pixel stands in."""
    reach = _REACH[method]
    along = []
    for places, length in ((rows, shape[0]), (cols, shape[1])):
        first = np.floor(places - 0.5).astype(np.int64) - reach + 1
        taps = [first + step for step in range(2 * reach)]
        along.append([(np.clip(tap, 0, length - 1), kernel(np.abs(tap + 0.5 - places), method)) for tap in taps])
    return [(row, col, row_weight * col_weight) for row, row_weight in along[0] for col, col_weight in along[1]]


def _weighed(values: NDArray[Any], cols: NDArray[np.float64], rows: NDArray[np.float64], method: Resampling) -> NDArray[Any]:
    """Weighted sums over the neighbours, one after the other."""
    total = np.zeros((*cols.shape, values.shape[2]), values.dtype)
    for row, col, weight in _neighbours(cols, rows, values.shape, method):
        total += values[row, col] * weight.astype(values.real.dtype)[..., np.newaxis]
    return total


def _touched(
    lacking: NDArray[np.bool_], cols: NDArray[np.float64], rows: NDArray[np.float64], method: Resampling
) -> NDArray[np.bool_]:
    """Where any neighbour holds no data."""
    found = np.zeros(cols.shape, np.bool_)
    for row, col, _ in _neighbours(cols, rows, lacking.shape, method):
        found |= lacking[row, col]
    return found
