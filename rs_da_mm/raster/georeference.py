"""Where a raster lies on the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from affine import Affine

_SHIFT = 0.01
"""Two grids are one when no corner moves by more than this part of a pixel."""


@dataclass(frozen=True)
class Georeference:
    """The place of a raster: an affine grid, ground control points, or neither.

    Attributes:
        crs: Coordinate system of ``transform`` (rasterio's ``CRS``), ``None`` when the file names none.
        transform: Pixel (column, row) to map coordinates; the identity when the file has none.
        gcps: Ground control points (rasterio's ``GroundControlPoint``).
        gcps_crs: Coordinate system of the control points.
    """

    crs: Any = None
    transform: Affine = field(default_factory=Affine.identity)
    gcps: tuple[Any, ...] = ()
    gcps_crs: Any = None

    @property
    def has_transform(self) -> bool:
        """Whether there is an affine grid."""
        return self.transform != Affine.identity()

    @property
    def res(self) -> tuple[float, float]:
        """Width and height of a pixel in units of the CRS (1, 1 without a grid)."""
        return math.hypot(self.transform.a, self.transform.d), math.hypot(self.transform.b, self.transform.e)

    @property
    def is_empty(self) -> bool:
        """Whether the raster is just pixels, as a photograph is."""
        return self.crs is None and not self.has_transform and not self.gcps

    def window(self, row: int, col: int) -> Georeference:
        """The georeference of a window that begins at ``(row, col)``: grid and control points moved there."""
        gcps = tuple(_moved(point, row, col) for point in self.gcps)
        transform = self.transform
        if self.has_transform:
            x, y = _at(transform, col, row)
            transform = Affine(transform.a, transform.b, x, transform.d, transform.e, y)
        return Georeference(self.crs, transform, gcps, self.gcps_crs)


def read_georeference(dataset: Any) -> Georeference:
    """Take the georeference of an open rasterio dataset."""
    gcps, gcps_crs = dataset.gcps
    return Georeference(dataset.crs or None, dataset.transform, tuple(gcps), gcps_crs or None)


def same_crs(one: Any, other: Any) -> bool:
    """Whether two coordinate systems are one, however they are spelled."""
    if one == other:
        return True
    code = one.to_epsg()
    return code is not None and code == other.to_epsg()


def grid_shift(one: Affine, other: Affine, height: int, width: int) -> float:
    """How far two grids lie apart.

    Args:
        one: The grid that gives the size of a pixel.
        other: The other grid.
        height: Rows of the raster.
        width: Columns of the raster.

    Returns:
        The largest distance between the same corner of the raster in both, in pixels of ``one``.
    """
    if one.is_degenerate:
        return 0.0 if one == other else float("inf")
    to_pixels = ~one
    corners = [(0, 0), (width, 0), (0, height), (width, height)]
    moved = [(corner, _at(to_pixels, *_at(other, *corner))) for corner in corners]
    return max(max(abs(x - col), abs(y - row)) for (col, row), (x, y) in moved)


def crs_differences(one: Georeference, other: Georeference) -> list[str]:
    """Say how the coordinate systems of two georeferences differ: a part of a sentence, or none where either is not known."""
    systems = (one.crs or one.gcps_crs, other.crs or other.gcps_crs)
    if all(systems) and not same_crs(*systems):
        return [f"CRS {systems[0].to_string()} against {systems[1].to_string()}"]
    return []


def differences(one: Georeference, other: Georeference, height: int, width: int) -> list[str]:
    """Say how two georeferences of equally large rasters differ.

    Args:
        one: The first.
        other: The second.
        height: Rows of both.
        width: Columns of both.

    Returns:
        One part of a sentence per difference; none when the rasters lie on one grid, to a hundredth of a pixel over their whole
        extent. Two coordinate systems are compared when both are known, two grids when both are there.
    """
    if one.is_empty or other.is_empty:
        return []
    found = crs_differences(one, other)
    if one.has_transform and other.has_transform:
        shift = grid_shift(one.transform, other.transform, height, width)
        if shift > _SHIFT:
            found.append(f"grids {shift:.3g} pixels apart: {_grid(one.transform)} against {_grid(other.transform)}")
    elif one.has_transform or other.has_transform:
        found.append(f"{_kind(one)} against {_kind(other)}")
    elif _points(one) != _points(other):
        found.append("other ground control points")
    return found


def _at(transform: Affine, col: float, row: float) -> tuple[float, float]:
    """Apply a transform (affine 2 spells it ``*``, affine 3 ``@``)."""
    x = transform.a * col + transform.b * row + transform.c
    y = transform.d * col + transform.e * row + transform.f
    return x, y


def _moved(point: Any, row: int, col: int) -> Any:
    """A control point whose pixel is counted from ``(row, col)``."""
    return type(point)(point.row - row, point.col - col, point.x, point.y, point.z, id=point.id, info=point.info)


def _points(georeference: Georeference) -> list[tuple[float, ...]]:
    return sorted((p.row, p.col, p.x, p.y) for p in georeference.gcps)


def _kind(georeference: Georeference) -> str:
    if georeference.has_transform:
        return "an affine grid"
    return "ground control points" if georeference.gcps else "no grid"


def _grid(transform: Affine) -> str:
    return f"({', '.join(f'{value:.10g}' for value in transform[:6])})"
