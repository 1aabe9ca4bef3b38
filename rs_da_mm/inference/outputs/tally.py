"""Pixels and area per class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.inference.outputs.classes import MapClasses
from rs_da_mm.raster import CellAreas


class AreaTally:
    """Counts a map's pixels per class, part by part; what it is never given has no data.

    Args:
        height: Rows of the map.
        width: Columns of the map.
        classes: The classes.
        cells: Areas of the pixels; ``None`` where they are not known.
    """

    def __init__(self, height: int, width: int, classes: MapClasses, cells: CellAreas | None) -> None:
        self._size = height * width
        self._classes = classes
        self._cells = cells
        self.pixels = np.zeros(len(classes), np.int64)
        self._areas = np.zeros(len(classes))

    def write(self, labels: NDArray[np.uint8], row: int = 0, col: int = 0) -> None:
        """Count a part; parts must not overlap.

        Args:
            labels: ``(h, w)`` class numbers.
            row: Its first row.
            col: Its first column; it does not matter where in a row a pixel lies.

        Raises:
            InputError: When a value is neither a class nor nodata.
        """
        counts = np.stack([np.count_nonzero(labels == number, axis=1) for number in range(len(self._classes))])
        others = labels.size - int(counts.sum()) - int(np.count_nonzero(labels == self._classes.nodata))
        if others:
            raise InputError(
                f"{others} pixels of rows {row}..{row + labels.shape[0] - 1} have numbers that are neither one of the "
                f"{len(self._classes)} classes nor {self._classes.nodata}; does the model belong to these classes?"
            )
        self.pixels += counts.sum(axis=1)
        if self._cells is not None:
            self._areas += counts @ self._cells.per_row[row : row + labels.shape[0]]

    @property
    def square_metres(self) -> NDArray[np.float64] | None:
        """Area per class; ``None`` where the areas of the pixels are not known."""
        return None if self._cells is None else self._areas.copy()

    def report(self) -> dict[str, Any]:
        """Give the counts as JSON can hold them.

        Returns:
            ``pixels`` (``total``, ``with_data``, ``without_data``), ``classes`` (per class ``index``, ``name``, ``pixels``,
            ``share`` of the pixels with data and ``area_m2``, which is null where it is not known), ``area_method``
            (``'geodesic'``, ``'grid'`` or null) and ``true_area_per_grid_area``, see :class:`~rs_da_mm.raster.CellAreas`.
        """
        known = int(self.pixels.sum())
        areas = [None] * len(self._classes) if self._cells is None else [float(area) for area in self._areas]
        return {
            "pixels": {"total": self._size, "with_data": known, "without_data": self._size - known},
            "area_method": None if self._cells is None else self._cells.method,
            "true_area_per_grid_area": None if self._cells is None else self._cells.true_scale,
            "classes": [
                {"index": index, "name": name, "pixels": count, "share": count / known if known else 0.0, "area_m2": area}
                for index, (name, count, area) in enumerate(zip(self._classes.names, self.pixels.tolist(), areas, strict=True))
            ],
        }
