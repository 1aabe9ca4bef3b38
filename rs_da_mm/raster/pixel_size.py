"""How large a pixel is on the ground."""

from __future__ import annotations

from typing import NamedTuple

from rs_da_mm.raster.scene import Scene


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
    if not scene.georeference().has_transform:
        return None
    width, height = scene.res
    crs = scene.crs
    if crs is None:
        return PixelSize(width, height, "unknown")
    unit, factor = crs.units_factor
    if crs.is_geographic:
        return PixelSize(width, height, unit)
    return PixelSize(width * factor, height * factor, "metre")
