"""Bringing reference shapes onto the pixels of a map, through both coordinate systems."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.class_raster import ClassRaster
from rs_da_mm.evaluation.assessment.reference import Reference
from rs_da_mm.raster.reprojection import apply, known_as_one, reproject_points
from rs_da_mm.raster.same_ground import Extent, outside_message, require_grid
from rs_da_mm.raster.vectors.libraries import shapely

_STEPS = 32
"""An edge is straight in its own coordinate system: it is broken into this many parts of the polygon's size."""
_FAR = 2**40


class Placement:
    """From the coordinates of a reference to pixels of a raster.

    Args:
        raster: The raster.
        reference: The reference.

    Raises:
        InputError: When one of them has a coordinate system and the other one has none, or the raster has no grid.
    """

    def __init__(self, raster: ClassRaster, reference: Reference) -> None:
        georeference = require_grid(raster.scene, str(reference.path))
        self._raster, self._reference = raster, reference
        self._crs, self._inverse = georeference.crs, ~georeference.transform
        _require_systems(raster, reference, self._crs)

    def to_pixels(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn x and y of the reference (n, 2) into columns and rows (n, 2); not finite where there is no such place."""
        xs, ys = reproject_points(self._reference.crs, self._crs, coordinates[:, 0].copy(), coordinates[:, 1].copy())
        with np.errstate(invalid="ignore"):  # what is infinite stays no place
            return np.stack(apply(self._inverse, xs, ys), axis=1)

    def pixels_of(self, coordinates: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tell in which row and column each point (n, 2) lies, two arrays of shape (n,); -1 where there is no such place."""
        places = self.to_pixels(coordinates)
        is_place = np.isfinite(places).all(1, keepdims=True)
        cols, rows = np.floor(np.where(is_place, places, -1.0)).clip(-1, _FAR).astype(np.int64).T
        return rows, cols

    def place(self, shapes: NDArray[Any]) -> NDArray[Any]:
        """Turn polygons of the reference into those in columns and rows.

        Args:
            shapes: Polygons, shape (n,).

        Returns:
            The same in pixels. Their edges bend as they do on the ground.
        """
        library = shapely()
        if not known_as_one(self._reference.crs, self._crs):
            left, bottom, right, top = library.bounds(shapes).T
            shapes = library.segmentize(shapes, np.maximum(right - left, top - bottom) / _STEPS)
        return np.asarray(library.transform(shapes, self.to_pixels))

    def nowhere(self) -> InputError:
        """Say that nothing of the reference lies on the raster, and where both are."""
        x, y = shapely().get_coordinates(self._reference.shapes).T
        return InputError(
            outside_message(Extent(str(self._reference.path), self._reference.crs, (x, y)), Extent.of(self._raster.scene))
        )


def _require_systems(raster: ClassRaster, reference: Reference, crs: Any) -> None:
    if reference.crs is None and crs is not None:
        raise InputError(
            f"{reference.path} names no coordinate system (CRS), and {raster.path} lies in {crs.to_string()}. Say which one the "
            f"coordinates are in: --crs {crs.to_string() if crs.to_epsg() else 'EPSG:…'} if it is the same."
        )
    if crs is None and reference.crs is not None:
        raise InputError(
            f"{raster.path} names no coordinate system (CRS), and {reference.path} lies in {reference.crs.to_string()}. Give it "
            f"one: rio edit-info --crs EPSG:… {raster.path}"
        )
