"""How far apart neighbouring pixels are on the ground, and in which directions, anywhere on a raster."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.ground import curvature_radii
from rs_da_mm.raster.reprojection import apply, reproject_points

_MAJOR, _INVERSE_FLATTENING = 6378137.0, 298.257223563


def ground_matrices(where: Georeference, cols: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measure pixels on the ellipsoid (WGS 84), in any projection and unit.

    Args:
        where: A georeference with an affine grid and a CRS.
        cols: ``(n,)``, columns of the places to measure at.
        rows: ``(n,)``, their rows.

    Returns:
        ``(n, 2, 2)``: metres east and north (first index) from one column and one row to the next (second index).

    Raises:
        RasterError: When a place is none on Earth.
    """
    steps = np.array([[-0.5, 0.5, 0.0, 0.0], [0.0, 0.0, -0.5, 0.5]])
    around = (cols[:, np.newaxis] + steps[0], rows[:, np.newaxis] + steps[1])
    lon, lat = reproject_points(where.crs, CRS.from_epsg(4326), *apply(where.transform, *around))
    if not np.isfinite(lon).all():
        raise RasterError(
            f"{where.crs.to_string()} has no place on Earth for some of the pixels, so nothing can be measured there. "
            "Check the coordinate system (CRS) of the image."
        )
    latitude = np.radians(lat.mean(axis=1))
    radii = np.array([curvature_radii(angle, _MAJOR, _INVERSE_FLATTENING) for angle in latitude]).reshape(-1, 2)
    turned = (lon - lon[:, :1] + 180) % 360 - 180
    east = np.radians(turned) * (radii[:, 1] * np.cos(latitude))[:, np.newaxis]
    north = np.radians(lat) * radii[:, :1]
    sides = [np.stack([side[:, 1] - side[:, 0], side[:, 3] - side[:, 2]], axis=1) for side in (east, north)]
    return np.stack(sides, axis=1)
