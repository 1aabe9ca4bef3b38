"""How much ground a pixel covers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.ground import ellipsoid_of, ground_size


@dataclass(frozen=True)
class CellAreas:
    """The area of the pixels of a raster; all pixels of a row have the same.

    Attributes:
        per_row: ``(height,)``, square metres of a pixel of each row.
        method: ``'geodesic'``: the exact area on the ellipsoid between two meridians and two parallels, for a grid in degrees.
            ``'grid'``: width times height of a pixel in metres of the projection.
        true_scale: Square metres on the ellipsoid per square metre of the projection, at the raster's centre: 1 in an equal-area
            projection, 0.999 to 1.001 in UTM, 0.25 in Web Mercator at 60° north. 1 for ``'geodesic'``; ``None`` where it cannot
            be told, as on another planet.
    """

    per_row: NDArray[np.float64]
    method: Literal["geodesic", "grid"]
    true_scale: float | None


def cell_areas(georeference: Georeference, height: int, width: int) -> CellAreas | None:
    """Work out the areas of a raster's pixels.

    Args:
        georeference: Where the raster lies.
        height: Rows.
        width: Columns.

    Returns:
        The areas; ``None`` where they are not known: no grid or no CRS, as in a photograph or under control points, or a grid in
        degrees that is not north up.
    """
    crs, transform = georeference.crs, georeference.transform
    if crs is None or not georeference.has_transform:
        return None
    factor = float(crs.units_factor[1])
    if crs.is_geographic:
        if transform.b or transform.d:
            return None
        return CellAreas(_geodesic(crs, georeference, height, factor), "geodesic", 1.0)
    area = abs(transform.a * transform.e - transform.b * transform.d) * factor**2
    return CellAreas(np.full(height, area), "grid", _true_scale(georeference, height, width, factor))


def zone_area(latitude: NDArray[np.float64], major: float, inverse_flattening: float) -> NDArray[np.float64]:
    """Area of an ellipsoid between the equator and a parallel, per radian of longitude.

    Args:
        latitude: In radians, -π/2 to π/2.
        major: Semi-major axis in metres.
        inverse_flattening: a / (a - b); 0 for a sphere.

    Returns:
        Square metres per radian, negative to the south. Snyder, Map Projections – A Working Manual (1987), equation 3-12:
        a² q / 2 with q = (1 - e²) (sin φ / (1 - e² sin² φ) + artanh(e sin φ) / e).
    """
    sine = np.sin(latitude)
    flattening = 1 / inverse_flattening if inverse_flattening else 0.0
    squared = flattening * (2 - flattening)
    if squared == 0:
        return major**2 * sine
    eccentricity = math.sqrt(squared)
    q = (1 - squared) * (sine / (1 - squared * sine**2) + np.arctanh(eccentricity * sine) / eccentricity)
    return major**2 * q / 2


def _geodesic(crs: Any, georeference: Georeference, height: int, to_radians: float) -> NDArray[np.float64]:
    transform = georeference.transform
    edges = (transform.f + transform.e * np.arange(height + 1)) * to_radians
    # A raster of the whole globe may reach a hair beyond the poles, where there is nothing.
    zones = zone_area(np.clip(edges, -math.pi / 2, math.pi / 2), *ellipsoid_of(crs))
    return np.abs(np.diff(zones)) * abs(transform.a) * to_radians


def _true_scale(georeference: Georeference, height: int, width: int, factor: float) -> float | None:
    """The inverse of the projection's areal scale at the centre."""
    size = ground_size(georeference, height, width)
    if size is None:
        return None
    t = georeference.transform
    return size.cell / (abs(t.a * t.e - t.b * t.d) * factor**2)
