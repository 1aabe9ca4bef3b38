"""Where on Earth a raster or a layer lies, in degrees: for distances, and for messages that a map reader understands."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.transform import from_gcps

from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.reprojection import Points, apply, reproject_points

_STEPS = 32


class Placed(Protocol):
    """A raster as far as its place goes; scenes and views are such."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def height(self) -> int:
        """Rows."""

    @property
    def width(self) -> int:
        """Columns."""

    def georeference(self) -> Georeference:
        """Where it lies."""


class GroundBox(NamedTuple):
    """A stretch of longitudes and latitudes (WGS 84).

    Attributes:
        west: Degrees east of Greenwich, -180 to 180.
        south: Degrees north of the equator.
        east: Above ``west``; beyond 180 where the box crosses the date line.
        north: Degrees north of the equator.
    """

    west: float
    south: float
    east: float
    north: float

    @property
    def spelled(self) -> str:
        """The box in words, for messages."""
        return f"longitude {self.west:.4f} to {self.east:.4f}, latitude {self.south:.4f} to {self.north:.4f}"

    def touches(self, other: GroundBox) -> bool:
        """Whether two boxes share a place."""
        apart = self.north < other.south or other.north < self.south
        turns = (-360.0, 0.0, 360.0)
        return not apart and any(self.west + turn <= other.east and other.west <= self.east + turn for turn in turns)


def ground_box(source: Placed) -> GroundBox | None:
    """Find the stretch of longitudes and latitudes that a raster covers.

    Args:
        source: The raster; one that only control points place lies by the affine grid that fits them best.

    Returns:
        The box around it; ``None`` where it cannot be told: no grid, no CRS, or one that has no place on Earth.
    """
    where = source.georeference()
    if where.gcps and not where.has_transform:
        where = Georeference(where.gcps_crs, from_gcps(list(where.gcps)))
    if where.crs is None or not where.has_transform or where.transform.is_degenerate:
        return None
    box = degrees_box(where.crs, *lattice(where.transform, source.height, source.width))
    return box and _with_poles(box, where, source.height, source.width)


def lattice(transform: Affine, height: int, width: int, margin: float = 0.0) -> Points:
    """Lay points over a raster, its edges included.

    Args:
        transform: Its affine grid.
        height: Rows.
        width: Columns.
        margin: By how many pixels they reach beyond the edges.

    Returns:
        x and y in map coordinates, of shape ``(33, 33)``. The inside counts too: under a pole it reaches further than the edges.
    """
    cols, rows = (np.linspace(-margin, length + margin, _STEPS + 1) for length in (width, height))
    return apply(transform, *np.meshgrid(cols, rows))


def degrees_box(crs: Any, xs: Any, ys: Any) -> GroundBox | None:
    """Find the box of longitudes and latitudes around points.

    Args:
        crs: Their coordinate system (rasterio's ``CRS``).
        xs: x of the points, that in the middle being about in their middle.
        ys: y.

    Returns:
        The box; ``None`` where no point has a place on Earth.
    """
    lon, lat = reproject_points(crs, CRS.from_epsg(4326), np.asarray(xs, np.float64), np.asarray(ys, np.float64))
    known = np.isfinite(lon) & (np.abs(lat) <= 90.0)
    if not known.any():
        return None
    if crs.is_geographic:
        # Such points are in order already; the datum moves them by less than a turn.
        native = np.degrees(np.asarray(xs, np.float64) * float(crs.units_factor[1]))
        lon = lon + 360 * np.rint((native - lon) / 360, out=np.zeros_like(lon), where=known)
    else:
        middle = lon.flat[lon.size // 2] if known.flat[lon.size // 2] else lon[known].flat[0]
        lon = lon - 360 * np.rint((lon - middle) / 360, out=np.zeros_like(lon), where=known)
    west, east = float(lon[known].min()), float(lon[known].max())
    turn = 360.0 * math.floor((west + 180) / 360)
    return GroundBox(west - turn, float(lat[known].min()), east - turn, float(lat[known].max()))


def _with_poles(box: GroundBox, where: Georeference, height: int, width: int) -> GroundBox:
    """Stretch the box over all longitudes, up to the pole, where a pole lies on the raster."""
    for pole in (-90.0, 90.0):
        xs, ys = reproject_points(CRS.from_epsg(4326), where.crs, np.array([0.0]), np.array([pole]))
        if where.crs.is_geographic or not np.isfinite(xs[0]):
            continue
        cols, rows = apply(~where.transform, xs, ys)
        if 0 <= cols[0] <= width and 0 <= rows[0] <= height:
            box = GroundBox(-180.0, min(box.south, pole), 180.0, max(box.north, pole))
    return box
