"""How large a pixel is on the ground."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from affine import Affine

from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.ground import ground_size
from rs_da_mm.raster.scene import Scene
from rs_da_mm.raster.source_view import PlacedSource


class PixelSize(NamedTuple):
    """The size of a pixel.

    Attributes:
        width: From one column to the next.
        height: From one row to the next.
        unit: What both are counted in: ``'metre'``, ``'degree'``, or ``'unknown'`` for a grid whose CRS the file does not name.
    """

    width: float
    height: float
    unit: str


def pixel_size(scene: Scene) -> PixelSize | None:
    """Take the size of a scene's pixels from its grid.

    Args:
        scene: The scene.

    Returns:
        Its size: in metres where the CRS is projected (feet are converted), in degrees where it counts degrees. ``None`` for a
        raster without a grid, such as a photograph, or one that only control points place.
    """
    return _of_grid(scene.georeference())


def pixel_metres(source: PlacedSource) -> PixelSize | None:
    """Take or work out the size of a scene's pixels in metres.

    Args:
        source: The scene.

    Returns:
        Its size: metres of the projection where the CRS is projected; where it counts degrees, metres on the ellipsoid in the
        middle of the scene. Control points count as the affine grid that fits them best, by least squares. ``None`` where it
        cannot be told.
    """
    where = source.georeference()
    if where.gcps and not where.has_transform:
        where = Georeference(where.gcps_crs, _best_fit(where.gcps))
    size = _of_grid(where)
    if size is None or size.unit == "unknown":
        return None
    if where.crs.is_projected:
        return size
    ground = ground_size(where, source.height, source.width)
    return None if ground is None else PixelSize(ground.width, ground.height, "metre")


def _best_fit(points: tuple[Any, ...]) -> Affine:
    """The affine grid nearest to control points; the identity, which is none, where they all lie on one line."""
    pixels = np.array([(p.col, p.row, 1) for p in points])
    ground = np.array([(p.x, p.y) for p in points])
    fit, _, rank, _ = np.linalg.lstsq(pixels, ground, rcond=None)
    return Affine(*fit.T.ravel()) if rank == 3 else Affine.identity()


def _of_grid(where: Georeference) -> PixelSize | None:
    if not where.has_transform:
        return None
    width, height = where.res
    if where.crs is None:
        return PixelSize(width, height, "unknown")
    unit, factor = where.crs.units_factor
    if where.crs.is_geographic:
        return PixelSize(width, height, unit)
    return PixelSize(width * factor, height * factor, "metre")
