"""Windows side by side, read and put together into batches of one shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.inference.core.plan import WindowRow
from rs_da_mm.inference.core.protocols import SceneSource
from rs_da_mm.inference.inputs.tolerant_source import is_left_out
from rs_da_mm.raster.windows import Window, window_slices


@dataclass(frozen=True)
class Batch:
    """Pixels of some windows of one row.

    Attributes:
        windows: The windows, as many as there are images that count: the first ones.
        pixels: ``(N, h, w, bands)``; the last image is repeated where there are fewer windows than N.
        valid: ``(N, h, w)`` uint8, 1 where there is data.
    """

    windows: list[Window]
    pixels: NDArray[Any]
    valid: NDArray[np.uint8]


def read_batches(source: SceneSource, row: WindowRow, size: int) -> Iterator[Batch]:
    """Read the windows of one row as batches.

    Windows that overlap are read in one go. A window that turns out to hold no data at all is left out, and so is one
    that the source says is to be. A batch never holds windows of two rows, so that the batches of a row are the same whether or
    not those above were computed just before.

    Args:
        source: The scene.
        row: The windows.
        size: Images per batch.

    Yields:
        Batches of exactly ``size`` images.
    """
    filling: Batch | None = None
    for stretch in _stretches(row.windows, size):
        whole = _union(stretch)
        pixels, valid = source.read_with_valid(whole)
        for window in stretch:
            place = window_slices(window, (whole.row, whole.col))
            if not valid[place].any() or is_left_out(source, window):
                continue
            filling = filling or _empty_batch(pixels[place], size)
            image = len(filling.windows)
            filling.windows.append(window)
            filling.pixels[image], filling.valid[image] = pixels[place], valid[place]
            if image + 1 == size:
                yield filling
                filling = None
    if filling:
        last = len(filling.windows) - 1
        filling.pixels[last:], filling.valid[last:] = filling.pixels[last], filling.valid[last]
        yield filling


def _empty_batch(image: NDArray[Any], size: int) -> Batch:
    shape = (size, *image.shape)
    return Batch([], np.empty(shape, image.dtype), np.empty(shape[:3], np.uint8))


def _stretches(windows: Sequence[Window], longest: int) -> Iterator[list[Window]]:
    """Windows that touch or overlap, at most so many at once."""
    stretch: list[Window] = []
    for window in windows:
        if stretch and (len(stretch) == longest or window.col > stretch[-1].col + stretch[-1].width):
            yield stretch
            stretch = []
        stretch.append(window)
    if stretch:
        yield stretch


def _union(windows: Sequence[Window]) -> Window:
    first, last = windows[0], windows[-1]
    return Window(first.row, first.col, first.height, last.col + last.width - first.col)
