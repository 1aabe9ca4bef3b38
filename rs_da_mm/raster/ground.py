"""How large a pixel in the middle of a raster is on the ground, in any projection."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

import numpy as np
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points

from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.handles import GDAL_ERRORS, quiet

_ELLIPSOID = re.compile(r'SPHEROID\["[^"]*",\s*([\d.eE+-]+),\s*([\d.eE+-]+)')
_WGS84 = (6378137.0, 298.257223563)


class GroundSize(NamedTuple):
    """The ground that the pixel in the middle of a raster covers.

    Attributes:
        width: Metres from one column to the next.
        height: Metres from one row to the next.
        cell: Square metres of the pixel.
    """

    width: float
    height: float
    cell: float


def ground_size(georeference: Georeference, height: int, width: int) -> GroundSize | None:
    """Measure the pixel in the middle of a raster on the ellipsoid.

    Unlike the pixel size of the grid, this is the true size: a metre of Web Mercator at 60° north is half a metre.

    Args:
        georeference: Where the raster lies.
        height: Rows.
        width: Columns.

    Returns:
        Its size; ``None`` where it cannot be told: no grid, no CRS, or one that has no place on Earth.
    """
    t = georeference.transform
    if georeference.crs is None or not georeference.has_transform:
        return None
    cols = np.array([-0.5, 0.5, 0.0, 0.0]) + width / 2
    rows = np.array([0.0, 0.0, -0.5, 0.5]) + height / 2
    xs, ys = t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f
    try:
        with quiet():
            lon, lat = transform_points(georeference.crs, CRS.from_epsg(4326), xs.tolist(), ys.tolist())[:2]
    except GDAL_ERRORS:
        return None
    latitude = math.radians(sum(lat) / 4)
    along, across = curvature_radii(latitude, *_WGS84)
    east = [across * math.cos(latitude) * math.radians(_turn(lon[end] - lon[start])) for start, end in ((0, 1), (2, 3))]
    north = [along * math.radians(lat[end] - lat[start]) for start, end in ((0, 1), (2, 3))]
    size = GroundSize(math.hypot(east[0], north[0]), math.hypot(east[1], north[1]), abs(east[0] * north[1] - east[1] * north[0]))
    return size if all(math.isfinite(part) and part > 0 for part in size) else None


def curvature_radii(latitude: float, major: float, inverse_flattening: float) -> tuple[float, float]:
    """Radii of curvature of an ellipsoid along the meridian and across it.

    Args:
        latitude: In radians.
        major: Semi-major axis in metres.
        inverse_flattening: a / (a - b); 0 for a sphere.

    Returns:
        M and N in metres. Snyder, Map Projections – A Working Manual (1987), equations 4-18 and 4-20.
    """
    flattening = 1 / inverse_flattening if inverse_flattening else 0.0
    squared = flattening * (2 - flattening)
    shape = 1 - squared * math.sin(latitude) ** 2
    return major * (1 - squared) / shape**1.5, major / math.sqrt(shape)


def ellipsoid_of(crs: Any) -> tuple[float, float]:
    """Take the ellipsoid of a CRS.

    Args:
        crs: rasterio's ``CRS``.

    Returns:
        Semi-major axis in metres and inverse flattening (0 for a sphere); those of WGS 84 where the CRS names none.
    """
    found = _ELLIPSOID.search(crs.to_wkt(version="WKT1_GDAL"))
    return (float(found[1]), float(found[2])) if found else _WGS84


def _turn(degrees: float) -> float:
    """A difference of longitudes, the short way round."""
    return (degrees + 180) % 360 - 180
