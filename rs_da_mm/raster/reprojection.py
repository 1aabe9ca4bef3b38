"""Points from one coordinate system to another."""

from __future__ import annotations

from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import transform as transform_lists

from rs_da_mm.raster.georeference import same_crs
from rs_da_mm.raster.handles import GDAL_ERRORS, quiet

Points = tuple[NDArray[np.float64], NDArray[np.float64]]
"""x and y (or columns and rows), two arrays of one shape."""


def reproject_points(source: Any, target: Any, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> Points:
    """Carry points from one coordinate system to another, by PROJ, each by itself: none depends on those beside it.

    Args:
        source: Coordinate system of the points (rasterio's ``CRS``), x before y whatever the system's own order is.
        target: Coordinate system to bring them to.
        xs: Any shape.
        ys: The same shape.

    Returns:
        x and y of the same shape; both infinite where a point has no place in ``target``.
    """
    if known_as_one(source, target):
        return xs.copy(), ys.copy()
    return carry_points(source, target, xs, ys)


def carry_points(source: Any, target: Any, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> Points:
    """As :func:`reproject_points`, for two systems that are known to differ.

    Telling whether they do takes as long as carrying hundreds of points.
    """
    if not xs.size:
        return xs.copy(), ys.copy()
    moved_x, moved_y = _carry(source, target, xs.ravel(), ys.ravel())
    lost = ~(np.isfinite(moved_x) & np.isfinite(moved_y))
    moved_x[lost] = moved_y[lost] = np.inf
    return moved_x.reshape(xs.shape), moved_y.reshape(xs.shape)


def known_as_one(one: Any, other: Any) -> bool:
    """Whether two coordinate systems are one; two that are not named count as one."""
    if one is None or other is None:
        return one is other
    return same_crs(one, other)


def apply(transform: Affine, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> Points:
    """Apply an affine transform to points of any shape; what is infinite comes out as no number."""
    t = transform
    with np.errstate(invalid="ignore"):
        return t.a * xs + t.b * ys + t.c, t.d * xs + t.e * ys + t.f


def _carry(source: Any, target: Any, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> Points:
    """Carry a row of points; where GDAL gives up on all because of one, that one is found by halving."""
    try:
        with quiet():
            moved = transform_lists(source, target, xs.tolist(), ys.tolist())[:2]
        return np.array(moved[0], np.float64), np.array(moved[1], np.float64)
    except GDAL_ERRORS:
        if xs.size == 1:
            return np.array([np.inf]), np.array([np.inf])
    middle = xs.size // 2
    halves = [_carry(source, target, xs[part], ys[part]) for part in (slice(middle), slice(middle, None))]
    return np.concatenate([half[0] for half in halves]), np.concatenate([half[1] for half in halves])
