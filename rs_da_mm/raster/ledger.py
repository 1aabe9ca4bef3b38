"""What was written to a raster: where, and what it summed up to."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.raster.windows import Window

_ROWS = 256
"""Rows that are summed up together, and so read again together."""

_Spans = tuple[tuple[int, int], ...]


class Entry(NamedTuple):
    """A window and the checksum of what was written there."""

    window: Window
    checksum: int


class Ledger:
    """Keeps book of what was written: the stretches of columns per row, and checksums.

    GDAL keeps some errors of a full disk to itself. So what was handed to it is compared with what the closed file holds.

    Args:
        height: Rows of the raster.
        width: Columns of the raster.
    """

    def __init__(self, height: int, width: int) -> None:
        self._width = width
        self._rows: list[_Spans] = [()] * height
        self.entries: list[Entry] = []

    def add(self, window: Window, pixels: NDArray[Any]) -> None:
        """Take note of a write.

        Args:
            window: Where, inside the raster. Earlier writes that it covers in part are no longer what they were: their entries
                are dropped.
            pixels: ``(H, W, bands)``.
        """
        if self._cover(window):
            self.entries = [entry for entry in self.entries if not _overlap(entry.window, window)]
        for start in range(0, window.height, _ROWS):
            part = pixels[start : start + _ROWS]
            place = Window(window.row + start, window.col, part.shape[0], window.width)
            self.entries.append(Entry(place, checksum(part)))

    def gaps(self) -> Iterator[Window]:
        """Give what was not written as windows that do not overlap, from the top."""
        row = 0
        while row < len(self._rows):
            end = row
            while end < len(self._rows) and self._rows[end] == self._rows[row]:
                end += 1
            edges = [0, *(edge for span in self._rows[row] for edge in span), self._width]
            for left, right in zip(edges[::2], edges[1::2], strict=True):
                if left < right:
                    yield Window(row, left, end - row, right - left)
            row = end

    def _cover(self, window: Window) -> bool:
        """Add a window to the rows' spans; tells whether any of it was there before."""
        added = (window.col, window.col + window.width)
        overlaps = False
        before: _Spans | None = None
        after: _Spans = ()
        for row in range(window.row, window.row + window.height):
            if self._rows[row] is not before:  # rows that were written together share one object
                before = self._rows[row]
                overlaps |= any(start < added[1] and stop > added[0] for start, stop in before)
                after = _joined(before, added)
            self._rows[row] = after
        return overlaps


def checksum(pixels: NDArray[Any]) -> int:
    """CRC-32 of the values, in the order of ``(H, W, bands)``."""
    return zlib.crc32(np.ascontiguousarray(pixels).data)


def _overlap(one: Window, other: Window) -> bool:
    return (
        one.row < other.row + other.height
        and other.row < one.row + one.height
        and one.col < other.col + other.width
        and other.col < one.col + one.width
    )


def _joined(spans: _Spans, added: tuple[int, int]) -> _Spans:
    """Spans with one more, those that touch being made one; sorted."""
    start, stop = added
    apart = [span for span in spans if span[1] < start or span[0] > stop]
    touching = [span for span in spans if span[1] >= start and span[0] <= stop]
    one = (min([start, *(span[0] for span in touching)]), max([stop, *(span[1] for span in touching)]))
    return tuple(sorted([*apart, one]))
