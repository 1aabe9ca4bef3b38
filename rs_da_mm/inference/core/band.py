"""Scores of overlapping windows, summed up over the rows that are still open, and only where there is data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.inference.core.protocols import Piece
from rs_da_mm.raster.windows import Window

_PIECE_BYTES = 1 << 24


@dataclass
class _Chunk:
    """Sums of some columns.

    Attributes:
        sums: ``(channels + 1, rows, columns)``: weighted scores, and the weights last; row ``r`` of the scene is at ``r % rows``.
        stop: Row of the scene past the last one that was added to.
    """

    sums: NDArray[np.float32]
    stop: int


class RollingBand:
    """Blends windows over a band of rows that moves down the scene.

    Memory depends on the band and on how much of it holds data, not on the scene: the columns are kept in chunks, which exist
    from the first window that falls on them to the row where the last one ends, and are used again after that. Sums are float32,
    each pixel's in the order of the calls, so the same calls give the same bits.

    Args:
        channels: Scores per pixel.
        height: Rows that can be open at once: those of a window.
        first_row: First row of the scene.
        columns: First column of the scene and the one past the last.
        chunk: Columns that are kept together.
    """

    def __init__(self, channels: int, height: int, first_row: int, columns: tuple[int, int], chunk: int = 2048) -> None:
        self.channels = channels
        self.height = height
        self.row = first_row
        self.columns = columns
        self._chunk = chunk
        self._open: dict[int, _Chunk] = {}
        self._free: list[NDArray[np.float32]] = []
        self._scratch = np.empty(0, np.float32)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        kept = [chunk.sums for chunk in self._open.values()]
        return sum(buffer.nbytes for buffer in [*kept, *self._free, self._scratch])

    def add(self, window: Window, scores: NDArray[np.float32], weights: NDArray[np.float32]) -> None:
        """Add the scores of a window.

        Args:
            window: Where; inside the open rows and the columns.
            scores: ``(channels, h, w)``. They may be anything where the weight is 0.
            weights: ``(h, w)``, 0 where a pixel holds no data.

        Raises:
            ValueError: When the window is not inside.
        """
        above, below = window.row - self.row, self.row + self.height - window.row - window.height
        left, right = window.col - self.columns[0], self.columns[1] - window.col - window.width
        if min(above, below, left, right) < 0:
            columns = f"{self.columns[0]}..{self.columns[1] - 1}"
            raise ValueError(f"{window.spelled} is not inside rows {self.row}..{self.row + self.height - 1}, columns {columns}")
        if not weights.any():
            return
        weighted = self._weighted(scores, weights)
        for index in range(left // self._chunk, -(-(left + window.width) // self._chunk)):
            chunk = self._chunk_at(index)
            chunk.stop = max(chunk.stop, window.row + window.height)
            start = self.columns[0] + index * self._chunk
            first, stop = max(window.col, start), min(window.col + window.width, start + chunk.sums.shape[2])
            for place, rows in self._ring(window.row, window.row + window.height):
                taken = slice(rows.start - window.row, rows.stop - window.row), slice(first - window.col, stop - window.col)
                chunk.sums[:-1, place, first - start : stop - start] += weighted[:, taken[0], taken[1]]
                chunk.sums[-1, place, first - start : stop - start] += weights[taken]

    def pop(self, stop: int) -> Iterator[Piece]:
        """Finish the open rows down to one, and open as many below.

        The band has moved on when the iterator is used up.

        Args:
            stop: Row of the scene past the last one to finish; what was added below stays.

        Yields:
            What holds data, from the left, and in each stretch of columns from the top.
        """
        for index in sorted(self._open):
            chunk = self._open[index]
            col = self.columns[0] + index * self._chunk
            step = max(1, _PIECE_BYTES // chunk.sums[:, 0].nbytes)
            for place, rows in self._ring(self.row, min(stop, chunk.stop)):
                for start in range(place.start, place.stop, step):
                    part = chunk.sums[:, start : min(start + step, place.stop)]
                    covered = part[-1] > 0
                    if covered.any():
                        yield Piece(rows.start + start - place.start, col, _mean(part, covered), covered)
                        part[...] = 0
            if chunk.stop <= stop:
                self._free.append(self._open.pop(index).sums)
        self.row = max(self.row, stop)

    def _weighted(self, scores: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores times weights, in a buffer that the next call uses again."""
        if self._scratch.size < scores.size:
            self._scratch = np.empty(scores.size, np.float32)
        weighted: NDArray[np.float32] = self._scratch[: scores.size].reshape(scores.shape)
        with np.errstate(invalid="ignore"):
            np.multiply(scores, weights, out=weighted)
        empty = weights == 0
        if empty.any():
            np.copyto(weighted, 0, where=empty)  # NaN times 0 is none
        return weighted

    def _chunk_at(self, index: int) -> _Chunk:
        if index not in self._open:
            width = min(self._chunk, self.columns[1] - self.columns[0] - index * self._chunk)
            fitting = next((place for place, sums in enumerate(self._free) if sums.shape[2] == width), None)
            shape = (self.channels + 1, self.height, width)
            sums = np.zeros(shape, np.float32) if fitting is None else self._free.pop(fitting)
            self._open[index] = _Chunk(sums, self.row)
        return self._open[index]

    def _ring(self, first: int, stop: int) -> Iterator[tuple[slice, range]]:
        """Rows of the scene as the one or two stretches of the buffers that hold them."""
        while first < stop:
            place = first % self.height
            count = min(stop - first, self.height - place)
            yield slice(place, place + count), range(first, first + count)
            first += count


def _mean(sums: NDArray[np.float32], covered: NDArray[np.bool_]) -> NDArray[np.float32]:
    # Where nothing was added, the sums are 0; dividing all by something is faster than dividing in places.
    return sums[:-1] / np.where(covered, sums[-1], np.float32(1))
