"""A scene at another pixel size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.grid_map import scaled_map
from rs_da_mm.raster.interpolation import Resampling, interpolate, make_stencil, require_method
from rs_da_mm.raster.pixel_size import pixel_metres
from rs_da_mm.raster.source_view import PlacedSource, SourceView
from rs_da_mm.raster.windows import Window, window_slices


class ResampledScene(SourceView):
    """A scene read with larger or smaller pixels; a pixel has the same bits in whichever window it is read.

    Its grid begins at the scene's upper left corner and runs along its rows, so turned scenes and those that only control points
    place stay what they are. It ends where the last centre still lies in the scene. Larger pixels are weighted means over a
    kernel that grows with them. A pixel holds data where the nearest one of the scene does; pixels without data are never mixed
    into others.

    Args:
        source: The scene.
        scale: Rows and columns of the scene per row and column of this one: 2 for pixels twice as large; one number for both.
        method: How values between pixels are found; ``'nearest'`` for values that are names, such as classes.

    Raises:
        RasterError: When a scale is not above 0 or the method unknown.
    """

    def __init__(self, source: PlacedSource, scale: float | tuple[float, float], method: Resampling = "bilinear") -> None:
        super().__init__(source)
        require_method(method, source.name)
        row_scale, col_scale = scale if isinstance(scale, tuple) else (scale, scale)
        if not (math.isfinite(row_scale) and math.isfinite(col_scale) and min(row_scale, col_scale) > 0):
            raise RasterError(f"{source.name}: pixels cannot be made {scale} times as large; give numbers above 0.")
        self.scale = (float(row_scale), float(col_scale))
        self.method = method
        self._grid = scaled_map(*self.scale)
        self._size = (max(1, _round(source.height / row_scale)), max(1, _round(source.width / col_scale)))

    @property
    def height(self) -> int:
        """Rows."""
        return self._size[0]

    @property
    def width(self) -> int:
        """Columns."""
        return self._size[1]

    def georeference(self) -> Georeference:
        """Where it lies: the scene's grid and control points, counted in these pixels."""
        return self._grid.georeference(self.source.georeference())

    def source_window(self, window: Window) -> Window:
        """Tell which pixels of the scene a window depends on; of no height or width where it lies outside."""
        inside = self._clipped(window)
        if not inside.height or not inside.width:
            return Window(0, 0, 0, 0)
        return make_stencil(self._grid, inside, (self.source.height, self.source.width), self.method).window

    def read_with_valid(self, window: Window) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Read a window at this pixel size; see :meth:`SourceView.read_with_valid`."""
        if self._grid.is_identity:
            return self.source.read_with_valid(window)
        window, inside = Window(*window), self._clipped(window)
        pixels = np.zeros((window.height, window.width, self.count), self.dtype)
        valid = np.zeros((window.height, window.width), np.uint8)
        if inside.height and inside.width:
            stencil = make_stencil(self._grid, inside, (self.source.height, self.source.width), self.method)
            stored, known = self.source.read_with_valid(stencil.window)
            place = window_slices(inside, (window.row, window.col))
            pixels[place] = interpolate(stored, known != 0, stencil)
            valid[place] = known[np.ix_(*stencil.nearest)]
        return pixels, valid


def at_pixel_size(scene: PlacedSource, metres: float, method: Resampling = "bilinear") -> ResampledScene:
    """Read a scene with square pixels of a size.

    Args:
        scene: The scene.
        metres: Width and height of a pixel, as :func:`~rs_da_mm.raster.pixel_metres` tells them: metres of the projection, and
            of the ground in the middle of a scene whose CRS counts degrees or that only control points place.
        method: How values between pixels are found.

    Returns:
        The scene at that pixel size.

    Raises:
        RasterError: When the size of the scene's pixels is not known, or ``metres`` is not above 0.
    """
    if not (math.isfinite(metres) and metres > 0):
        raise RasterError(f"{scene.name}: a pixel of {metres} metres is none; give a number above 0.")
    size = pixel_metres(scene)
    if size is None:
        raise RasterError(
            f"{scene.name} does not tell the size of its pixels: it has no grid with a CRS, nor control points enough. "
            "Give it one (`rio edit-info`), or say how many times as large pixels are to be."
        )
    return ResampledScene(scene, (_snapped(metres / size.height), _snapped(metres / size.width)), method)


def _round(length: float) -> int:
    """Pixels whose centre lies inside: halves up, but for rounding errors."""
    return math.floor(length + 0.5 - 1e-9)


def _snapped(scale: float) -> float:
    """A whole number of pixels, or one over it, where it is that but for rounding errors."""
    for nearby in (float(round(scale)), 1 / max(1, round(1 / scale))):
        if abs(nearby - scale) < 1e-9 * scale:
            return nearby
    return scale
