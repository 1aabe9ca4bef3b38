"""The classes of a map, and how much of each it has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.class_raster import ClassRaster
from rs_da_mm.evaluation.assessment.class_tallies import Tally, class_tally
from rs_da_mm.evaluation.assessment.legend import Legend, class_names, legend_of

_TOLD = 0.01


class MappedClasses:
    """A map with its classes and their areas.

    Attributes:
        raster: The map.
        tally: What there is of each class number.
        legend: The classes.
        total: Area of the map, in square metres, or in pixels.
        is_area: Whether areas are square metres.

    Raises:
        RasterError: When it cannot be read, or is no raster of classes.
    """

    def __init__(self, path: Path) -> None:
        self.raster = ClassRaster(path)
        self.tally: Mapping[int, Tally] = class_tally(self.raster)
        self.legend: Legend = legend_of(class_names(path), set(self.tally))
        self.total = sum(part.area for part in self.tally.values())
        self.is_area = self.raster.cells is not None

    def places(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Find the place of class numbers in the legend."""
        known = np.array(self.legend.values)
        places = np.searchsorted(known, values).clip(0, len(known) - 1)
        if (known[places] != values).any():
            beside = self.raster.path.with_suffix(".json").name
            raise InputError(f"{self.raster.path}: holds classes that its record {beside} does not know; remove the record.")
        return places

    def sizes(self, classes: int) -> NDArray[np.float64]:
        """Area of each class of the legend, and 0 for what follows, up to ``classes``."""
        areas = [self.tally[value].area if value in self.tally else 0.0 for value in self.legend.values]
        return np.array(areas + [0.0] * (classes - len(areas)))

    def notes(self) -> list[str]:
        """Say what keeps the areas from being those of the ground."""
        cells = self.raster.cells
        if cells is None:
            return ["The areas of the map's pixels are not known: areas are counted in pixels."]
        if cells.true_scale is not None and abs(cells.true_scale - 1) > _TOLD:
            return [
                f"Areas are those of the map's projection; in its middle, the ground is {cells.true_scale:.3f} times as large. "
                "Shares suffer too where that changes over the map: an equal-area projection has neither fault."
            ]
        return []
