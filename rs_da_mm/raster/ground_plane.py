"""Where pixels of scenes in different coordinate systems lie on the ground, in metres, and in one plane.

Everything goes through longitude and latitude, and from there to the ellipsoid itself: scenes of different UTM zones, of other
dates and other makers meet on common ground.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.handles import GDAL_ERRORS, quiet, reason
from rs_da_mm.raster.source_view import PlacedSource

Points = NDArray[np.float64]

_MAJOR = 6378137.0
_FLATTENING = 1 / 298.257223563
_DEGREES = "EPSG:4326"


@dataclass(frozen=True)
class Placement:
    """Where the pixels of a scene lie on Earth.

    Attributes:
        crs: Coordinate system of ``transform`` (rasterio's ``CRS``).
        transform: Pixel (column, row) to map coordinates.
        height: Rows of the scene.
        width: Columns of the scene.
    """

    crs: Any
    transform: Affine
    height: int
    width: int

    @classmethod
    def of(cls, source: PlacedSource) -> Placement | None:
        """Take the placement of a scene.

        Args:
            source: The scene.

        Returns:
            Its placement; ``None`` where it has no affine grid with a named coordinate system: a photograph, a raster under
            control points.
        """
        return cls.from_georeference(source.georeference(), source.height, source.width)

    @classmethod
    def from_georeference(cls, where: Georeference, height: int, width: int) -> Placement | None:
        """As :meth:`of`, from what a file says about its place."""
        if where.crs is None or not where.has_transform:
            return None
        return cls(where.crs, where.transform, height, width)

    def degrees(self, pixels: Points) -> Points:
        """Find the longitude and latitude (WGS 84) of points of the scene.

        Args:
            pixels: ``(n, 2)`` column and row; (0, 0) is the outer corner of the first pixel.

        Returns:
            ``(n, 2)`` degrees east and north.

        Raises:
            RasterError: When the coordinate system has no place on Earth for one of them; it names the system.
        """
        t, cols, rows = self.transform, pixels[:, 0], pixels[:, 1]
        xs, ys = t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f
        try:
            with quiet():
                found = transform_points(self.crs, CRS.from_string(_DEGREES), xs.tolist(), ys.tolist())[:2]
        except GDAL_ERRORS as error:
            raise RasterError(f"{self.crs.to_string()} cannot be turned into degrees: {reason(error)}") from error
        degrees = np.array(found, dtype=np.float64).T.reshape(-1, 2)
        if not np.isfinite(degrees).all():
            lost = int(np.argmin(np.isfinite(degrees).all(axis=1)))
            raise RasterError(
                f"{self.crs.to_string()} has no place on Earth for x {xs[lost]:g}, y {ys[lost]:g}: the file probably names "
                "another coordinate system than that of its grid (`rio edit-info --crs EPSG:… FILE`)."
            )
        return degrees


def geocentric(degrees: Points) -> Points:
    """Put points of the ellipsoid into Cartesian coordinates.

    Args:
        degrees: ``(..., 2)`` longitude and latitude in degrees, WGS 84.

    Returns:
        ``(..., 3)`` metres from the Earth's centre, at height 0. Snyder, Map Projections – A Working Manual (1987), equation 4-20
        for the radius N; x = N cos φ cos λ, y = N cos φ sin λ, z = N (1 - e²) sin φ.
    """
    squared = _FLATTENING * (2 - _FLATTENING)
    longitude, latitude = np.radians(degrees[..., 0]), np.radians(degrees[..., 1])
    across = _MAJOR / np.sqrt(1 - squared * np.sin(latitude) ** 2)
    level = across * np.cos(latitude)
    return np.stack([level * np.cos(longitude), level * np.sin(longitude), across * (1 - squared) * np.sin(latitude)], axis=-1)


class GroundPlane:
    """Lambert's azimuthal equal-area projection about a point: metres east and north of it.

    A point lies as far from the centre as the straight line between them is long (Snyder 1987, equation 24-1: 2 R sin (c / 2)).
    At 100 km from the centre lengths are right to 3 in 100,000, at 1000 km to 3 in 1000: see :meth:`shrinking`.

    Args:
        centre: ``(3,)`` geocentric metres, anywhere but in the middle of the Earth; the centre is the point of the ellipsoid
            above or below.
    """

    def __init__(self, centre: Points) -> None:
        minor = _MAJOR * (1 - _FLATTENING)
        self.centre = centre / math.sqrt((centre[0] ** 2 + centre[1] ** 2) / _MAJOR**2 + centre[2] ** 2 / minor**2)
        up = self.centre / np.linalg.norm(self.centre)
        east = np.array([-up[1], up[0], 0.0])
        length = float(np.linalg.norm(east))
        self._east = east / length if length > 1e-9 else np.array([0.0, 1.0, 0.0])  # at a pole every direction will do
        self._north = np.cross(up, self._east)

    def project(self, points: Points) -> Points:
        """Put geocentric points ``(..., 3)`` into the plane: ``(..., 2)`` metres east and north of the centre."""
        away = points - self.centre
        flat = np.stack([away @ self._east, away @ self._north], axis=-1)
        level = np.linalg.norm(flat, axis=-1)
        stretch = np.divide(np.linalg.norm(away, axis=-1), level, out=np.ones_like(level), where=level > 0)
        return flat * stretch[..., None]

    @staticmethod
    def shrinking(points: Points) -> Points:
        """How much shorter than in the plane a distance can be on the ground.

        Args:
            points: ``(..., 2)`` metres in the plane.

        Returns:
            Per point the smallest factor from a short length in the plane to that on the ground: cos (c / 2), where c is the
            angle to the centre seen from the middle of the Earth (Snyder 1987, equation 24-1b, k' = 1 / cos (c / 2)).
        """
        sine = np.minimum(np.linalg.norm(points, axis=-1) / (2 * _MAJOR * (1 - _FLATTENING)), 1.0)
        return np.sqrt(1 - sine**2)
