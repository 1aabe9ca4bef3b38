"""Values between pixels, the same to the bit whichever window they are worked out in.

Every operation is an elementwise one of NumPy in a fixed order over the same neighbours: no fixed-point tables, no blocked sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.grid_map import AxisMap, GridMap
from rs_da_mm.raster.windows import Window

Resampling = Literal["nearest", "bilinear", "cubic"]
"""How values between pixels are found; ``'cubic'`` is Keys' kernel with a = -0.5, as GDAL's."""

_RADIUS = {"bilinear": 1, "cubic": 2}


def require_method(method: str, where: str) -> None:
    """Refuse an unknown way of resampling.

    Args:
        method: What was asked for.
        where: The file, for the message.

    Raises:
        RasterError: When there is no such way.
    """
    if method not in get_args(Resampling):
        raise RasterError(f"{where}: resampling is {method!r}; it can be {', '.join(map(repr, get_args(Resampling)))}.")


@dataclass(frozen=True)
class Taps:
    """Which pixels along one axis make up each value, and with which weights.

    Attributes:
        start: First pixel of all.
        stop: The one past the last.
        indices: ``(taps, n)``, counted from ``start``; beyond the edge the outermost pixel stands in.
        weights: ``(taps, n)``, their sum over the taps is 1.
    """

    start: int
    stop: int
    indices: NDArray[np.int64]
    weights: NDArray[np.float64]


def make_taps(axis: AxisMap, start: int, count: int, length: int, method: Resampling) -> Taps:
    """Find the neighbours of pixels along one axis.

    Where pixels become larger, the kernel grows with them, so that every pixel of the source counts (as in GDAL).

    Args:
        axis: From the new pixels to the source's.
        start: First new pixel.
        count: Number of new pixels.
        length: Pixels of the source.
        method: The kernel.

    Returns:
        The neighbours and weights.
    """
    centres = axis.centres(start, count)
    if method == "nearest":
        indices = np.floor(centres).astype(np.int64)[np.newaxis]
        weights = np.ones(indices.shape)
    else:
        stretch = max(axis.scale, 1.0)
        reach = _RADIUS[method] * stretch
        first = np.floor(centres - 0.5 - reach).astype(np.int64) + 1
        indices = first + np.arange(int(np.ceil(2 * reach)))[:, np.newaxis]
        weights = kernel(np.abs(indices + 0.5 - centres) / stretch, method)
        weights /= _sum(weights)
    np.clip(indices, 0, length - 1, out=indices)
    lowest = int(indices.min())
    return Taps(lowest, int(indices.max()) + 1, indices - lowest, weights)


@dataclass(frozen=True)
class Stencil:
    """The neighbours of all pixels of a window of the new grid.

    Attributes:
        method: How they are weighed.
        rows: Along the rows.
        cols: Along the columns.
        nearest: Row and column of the nearest pixel, for what can not be weighed; counted as in ``rows`` and ``cols``.
        linear: Bilinear weights, for pixels where some neighbours hold no data.
    """

    method: Resampling
    rows: Taps
    cols: Taps
    nearest: tuple[NDArray[np.int64], NDArray[np.int64]]
    linear: tuple[Taps, Taps]

    @property
    def window(self) -> Window:
        """The pixels of the source that are needed."""
        return Window(self.rows.start, self.cols.start, self.rows.stop - self.rows.start, self.cols.stop - self.cols.start)


def make_stencil(grid: GridMap, window: Window, shape: tuple[int, int], method: Resampling) -> Stencil:
    """Find the neighbours of a window's pixels.

    Args:
        grid: From the new grid to the source's.
        window: A window of the new grid.
        shape: Rows and columns of the source.
        method: How values between pixels are found.

    Returns:
        Their neighbours, and which part of the source has to be read.
    """
    spans = ((grid.rows, window.row, window.height, shape[0]), (grid.cols, window.col, window.width, shape[1]))
    rows, cols = (make_taps(*span, method) for span in spans)
    nearest = [make_taps(*span, "nearest") for span in spans]
    linear = [make_taps(*span, "bilinear") for span in spans]
    near_row, near_col = (near.indices[0] + near.start - taps.start for near, taps in zip(nearest, (rows, cols), strict=True))
    moved = [_moved(line, taps.start) for line, taps in zip(linear, (rows, cols), strict=True)]
    return Stencil(method, rows, cols, (near_row, near_col), (moved[0], moved[1]))


def interpolate(pixels: NDArray[Any], valid: NDArray[np.bool_], stencil: Stencil) -> NDArray[Any]:
    """Work out the values of a window of the new grid.

    A pixel without data never counts: where it is a neighbour, the others are weighed bilinearly among themselves. Where the
    nearest pixel holds no data, its value is taken as it is.

    Args:
        pixels: ``(h, w, bands)`` of ``stencil.window``.
        valid: ``(h, w)``, where they hold data.
        stencil: The neighbours.

    Returns:
        ``(H, W, bands)`` in the dtype of ``pixels``; whole numbers are rounded, halves up, and kept within the dtype.
    """
    nearest = np.ix_(*stencil.nearest)
    if stencil.method == "nearest":
        return pixels[nearest]
    exact = np.result_type(pixels.dtype, np.float32)
    whole = bool(valid.all())
    values = pixels.astype(exact)
    if not whole:
        values[~valid] = 0
    weighed = _weigh(values, stencil.rows, stencil.cols)
    if whole:
        return to_dtype(weighed, pixels.dtype)
    lacking = _touches(~valid, stencil.rows, stencil.cols)
    weights = _weigh(valid[:, :, np.newaxis].astype(values.real.dtype), *stencil.linear)[lacking]
    among = _weigh(values, *stencil.linear)[lacking] if stencil.method == "cubic" else weighed[lacking]
    weighed[lacking] = among / np.where(weights > 0, weights, 1)
    result = to_dtype(weighed, pixels.dtype)
    empty = ~valid[nearest]
    result[empty] = pixels[nearest][empty]
    return result


def to_dtype(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Turn floats into a dtype: whole numbers are rounded, halves up, and kept within what it holds.

    Args:
        values: Any shape, finite; they are lost.
        dtype: The dtype.

    Returns:
        The same shape.
    """
    if dtype.kind not in "iu":
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    highest = values.dtype.type(limits.max)
    if int(highest) > limits.max:  # a float has no such large whole number that is not too large
        highest = np.nextafter(highest, values.dtype.type(0))
    values += values.dtype.type(0.5)
    np.floor(values, out=values)
    return np.clip(values, limits.min, highest, out=values).astype(dtype)


def kernel(distance: NDArray[np.float64], method: Resampling) -> NDArray[np.float64]:
    """Weigh a pixel by its distance.

    Args:
        distance: Along one axis, in pixels, 0 or more.
        method: ``'bilinear'`` or ``'cubic'``: Keys, Cubic convolution interpolation (1981), equation 15.

    Returns:
        Of the same shape; not yet divided by the sum over the pixels that count.
    """
    if method == "bilinear":
        return np.maximum(1 - distance, 0)
    near = (1.5 * distance - 2.5) * distance * distance + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0))


def _sum(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over the taps, one after the other: NumPy's own sum changes its order with the number of columns."""
    total = weights[0].copy()
    for tap in weights[1:]:
        total += tap
    return total


def _moved(taps: Taps, start: int) -> Taps:
    """The same neighbours, counted from another pixel."""
    return Taps(start, taps.stop, taps.indices + (taps.start - start), taps.weights)


def _weigh(values: NDArray[Any], rows: Taps, cols: Taps) -> NDArray[Any]:
    """Weighted sums of ``(h, w, bands)`` over the neighbours, along the rows and then along the columns."""
    for axis, taps in ((0, rows), (1, cols)):
        shape = (-1, 1, 1) if axis == 0 else (-1, 1)
        weights = taps.weights.astype(values.real.dtype)
        total = np.take(values, taps.indices[0], axis) * weights[0].reshape(shape)
        for index, weight in zip(taps.indices[1:], weights[1:], strict=True):
            part = np.take(values, index, axis)
            part *= weight.reshape(shape)
            total += part
        values = total
    return values


def _touches(lacking: NDArray[np.bool_], rows: Taps, cols: Taps) -> NDArray[np.bool_]:
    """Where any neighbour holds no data."""
    for axis, taps in ((0, rows), (1, cols)):
        found = np.take(lacking, taps.indices[0], axis)
        for index in taps.indices[1:]:
            found |= np.take(lacking, index, axis)
        lacking = found
    return lacking
