"""Whether two things can be laid on each other: both say where they lie, and share a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.ground_box import GroundBox, Placed, degrees_box, lattice
from rs_da_mm.raster.reprojection import Points


class OutsideError(RasterError):
    """Two things that were to be laid on each other lie in different places."""


@dataclass(frozen=True)
class Grid:
    """A grid without pixels: what it takes to lay something on an image.

    Attributes:
        name: What it is called in messages.
        height: Rows.
        width: Columns.
        where: Where it lies.
    """

    name: str
    height: int
    width: int
    where: Georeference

    @classmethod
    def of(cls, source: Placed) -> Grid:
        """The grid of a raster."""
        return cls(source.name, source.height, source.width, source.georeference())

    def georeference(self) -> Georeference:
        """Where it lies."""
        return self.where


class Extent(NamedTuple):
    """What covers some ground, for messages.

    Attributes:
        name: What it is called.
        crs: Its coordinate system (rasterio's ``CRS``), or ``None``.
        points: Points all over it, in that system.
    """

    name: str
    crs: Any
    points: Points

    @classmethod
    def of(cls, source: Placed) -> Extent:
        """The extent of a raster with an affine grid."""
        where = source.georeference()
        return cls(source.name, where.crs, lattice(where.transform, source.height, source.width))

    @property
    def box(self) -> GroundBox | None:
        """Its longitudes and latitudes, where they can be told."""
        return None if self.crs is None else degrees_box(self.crs, *self.points)

    @property
    def spelled(self) -> str:
        """What it covers, in degrees, or else in its own coordinates."""
        box = self.box
        if box is not None:
            return box.spelled
        return ", ".join(f"{axis} {np.min(ends):.6g} to {np.max(ends):.6g}" for axis, ends in zip("xy", self.points, strict=True))


def outside_message(one: Extent, other: Extent) -> str:
    """Say that one thing lies outside another, where the two are, and what may be wrong.

    Args:
        one: What lies outside.
        other: What it was to be laid on.

    Returns:
        The message. Where the two would touch if ``one`` had x and y the other way round, it says so.
    """
    message = f"{one.name} lies outside {other.name}: it covers {one.spelled}, and the other {other.spelled}."
    swapped, place = one._replace(points=one.points[::-1]).box, other.box
    if swapped is not None and place is not None and swapped.touches(place):
        return f"{message} With x and y swapped the two would touch: the axes of {one.name} are in the wrong order."
    return f"{message} Check the coordinate system (CRS) that each of them names, or leave it out."


def require_grid(source: Placed, other: str) -> Georeference:
    """Refuse a raster that is not laid out on a grid.

    Args:
        source: The raster.
        other: What was to be laid on it, or it on that, for the message.

    Returns:
        Its georeference.

    Raises:
        RasterError: When only control points place it, or nothing does.
    """
    where = source.georeference()
    if where.gcps and not where.has_transform:
        raise RasterError(
            f"{source.name} is placed by ground control points alone, so {other} cannot be laid on it or under it. "
            "Warp it to a grid first (`gdalwarp`)."
        )
    if not where.has_transform or where.transform.is_degenerate:
        fault = "a grid of no extent" if where.has_transform else "no grid"
        raise RasterError(
            f"{source.name} does not say where it lies: it has {fault}, so {other} cannot be laid on it or under it. "
            f"Give it one (`rio edit-info --crs EPSG:… --transform … {source.name}`)."
        )
    return where


def require_systems(one: tuple[str, Any], other: tuple[str, Any]) -> None:
    """Refuse two things of which only one names its coordinate system.

    Args:
        one: Name and coordinate system (rasterio's ``CRS``), or ``None`` for none.
        other: The same of the other.

    Raises:
        RasterError: When one names none.
    """
    if (one[1] is None) == (other[1] is None):
        return
    (nameless, _), (named, crs) = (one, other) if one[1] is None else (other, one)
    raise RasterError(
        f"{nameless} names no coordinate system (CRS), and {named} lies in {crs.to_string()}: whether they belong together "
        f"cannot be told. Give it one (`rio edit-info --crs EPSG:… {nameless}`)."
    )
