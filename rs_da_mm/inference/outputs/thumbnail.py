"""A map made small enough to look at, part by part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.inference.outputs.classes import MapClasses

_SAMPLES = 4
"""Of a cell of the thumbnail, at most so many rows and columns are looked at."""


class Thumbnail:
    """Shrinks a map by a whole factor: each cell takes the most frequent class of the pixels below it, nodata not counted.

    Of cells larger than 4 x 4 pixels every second, third, … row and column is looked at, so that the time it takes is next to
    nothing beside the mapping.

    Args:
        height: Rows of the map.
        width: Columns of the map.
        classes: The classes.
        side: Most cells that the longer side may have.
    """

    def __init__(self, height: int, width: int, classes: MapClasses, side: int = 1200) -> None:
        self.factor = -(-max(height, width) // side)
        self._classes = classes
        self._step = -(-self.factor // _SAMPLES)
        shape = (-(-height // self.factor), -(-width // self.factor))
        self._counts = np.zeros((len(classes), *shape), np.uint8)

    def write(self, labels: NDArray[np.uint8], row: int = 0, col: int = 0) -> None:
        """Take a part of the map; parts must not overlap.

        Args:
            labels: ``(h, w)`` class numbers.
            row: Its first row.
            col: Its first column.
        """
        for down in range(0, self.factor, self._step):
            for right in range(0, self.factor, self._step):
                self._count(labels, row, col, down, right)

    def labels(self) -> NDArray[np.uint8]:
        """Give the small map.

        Returns:
            ``(ceil(height / factor), ceil(width / factor))``; of classes that are equally frequent the first, nodata where no
            pixel with data was looked at.
        """
        most = self._counts.argmax(axis=0).astype(np.uint8)
        return np.where(self._counts.any(axis=0), most, np.uint8(self._classes.nodata))

    def _count(self, labels: NDArray[np.uint8], row: int, col: int, down: int, right: int) -> None:
        """Count one pixel of each cell: that which lies so far down and right in it."""
        first_row, first_col = row + (down - row) % self.factor, col + (right - col) % self.factor
        samples = labels[first_row - row :: self.factor, first_col - col :: self.factor]
        places = np.nonzero(samples < len(self._classes))
        # No cell occurs twice, so that adding by index loses nothing.
        self._counts[samples[places], first_row // self.factor + places[0], first_col // self.factor + places[1]] += 1
