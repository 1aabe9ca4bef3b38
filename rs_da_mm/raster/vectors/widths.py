"""Areas in place of lines and points: as wide on the ground as they are said to be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.ground_scale import ground_matrices
from rs_da_mm.raster.vectors.libraries import shapely
from rs_da_mm.raster.vectors.placing import rounded

_QUARTER = 16
"""Corners per quarter of a circle; its radius is right to an eighth of a percent."""


def areas_of(
    shapes: NDArray[Any],
    features: NDArray[np.int64],
    where: Georeference,
    size: tuple[int, int],
    line_width: float | None,
    point_radius: float | None,
    name: str,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Turn geometries into polygons.

    Args:
        shapes: ``(n,)`` points, lines and polygons in pixel coordinates, also several of a kind in one.
        features: ``(n,)``, the id of each one's feature, for messages.
        where: Where the image lies.
        size: Its rows and columns.
        line_width: Width of lines in metres on the ground, with round ends.
        point_radius: Radius of points in metres on the ground.
        name: The file, for messages.

    Returns:
        Single polygons in pixel coordinates, and for each the index that its geometry had.

    Raises:
        InputError: When there are lines without a width, or points without a radius.
    """
    library = shapely()
    parts, owners = library.get_parts(shapes, return_index=True)
    dimensions = library.get_dimensions(parts)
    for dimension, kind, keyword, size_on_ground in (
        (1, "line", "line_width", line_width),
        (0, "point", "point_radius", point_radius),
    ):
        (found,) = np.nonzero(dimensions == dimension)
        if not len(found):
            continue
        if size_on_ground is None:
            raise InputError(
                f"{name} holds {kind}s (the first is feature {features[owners[found[0]]]}), which cover no area: "
                f"say how large they are on the ground, {keyword}=… in metres."
            )
        radius = size_on_ground / 2 if dimension == 1 else size_on_ground
        parts[found] = _grown(library, parts[found], where, size, radius)
    return parts, owners


def reach_in_pixels(where: Georeference, size: tuple[int, int], line_width: float | None, point_radius: float | None) -> float:
    """Tell how many pixels beyond an image a line or point may lie and still reach into it.

    Args:
        where: Where the image lies.
        size: Its rows and columns.
        line_width: Width of lines in metres.
        point_radius: Radius of points in metres.

    Returns:
        The pixels, rather too many.
    """
    radius = max((line_width or 0) / 2, point_radius or 0)
    if radius == 0:
        return 0.0
    cols, rows = (places.ravel() for places in np.meshgrid(np.linspace(0, size[1], 3), np.linspace(0, size[0], 3)))
    smallest = np.linalg.svd(ground_matrices(where, cols, rows), compute_uv=False).min()
    return float(1.25 * radius / smallest)


def _grown(library: Any, shapes: NDArray[Any], where: Georeference, size: tuple[int, int], radius: float) -> NDArray[Any]:
    """All that is nearer than a radius in metres: by each geometry's own scale, taken in the middle of its part of the image."""
    bounds = library.bounds(shapes).reshape(-1, 4)
    cols = np.clip(bounds[:, [0, 2]], 0, size[1]).mean(axis=1)
    rows = np.clip(bounds[:, [1, 3]], 0, size[0]).mean(axis=1)
    to_metres = ground_matrices(where, cols, rows)
    on_ground = library.set_coordinates(shapes.copy(), _carried(library, shapes, to_metres))
    grown = library.buffer(on_ground, radius, quad_segs=_QUARTER)
    return library.set_coordinates(grown, rounded(_carried(library, grown, np.linalg.inv(to_metres))))


def _carried(library: Any, shapes: NDArray[Any], matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """The coordinates of each geometry, multiplied by its own matrix."""
    xy, owners = library.get_coordinates(shapes, return_index=True)
    return np.einsum("nij,nj->ni", matrices[owners], xy)
