"""Vectors as labels: a layer burnt on an image's grid, window by window."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.raster.ground_box import Placed
from rs_da_mm.raster.same_ground import Grid, require_grid
from rs_da_mm.raster.vectors.attributes import check_codes, class_numbers
from rs_da_mm.raster.vectors.layer import VectorLayer
from rs_da_mm.raster.vectors.shape_index import ShapeIndex, cache
from rs_da_mm.raster.vectors.widths import areas_of, reach_in_pixels
from rs_da_mm.raster.windows import Window, clip_window, window_slices

_OUTSIDE = 255


class BurntLayer:
    """The classes of a vector layer on an image's grid; every window is what burning the whole layer on the whole image gives
    there.

    A pixel belongs to a polygon that its centre lies in. Where features overlap, the later one wins, in the order of their ids,
    which is that of the layer. Nothing is read before a window is asked for; then the image's features are read once, and kept
    while there is room. It holds no open file, and can be pickled.

    Args:
        layer: The layer.
        grid: The image.
        field: Attribute that tells the class; ``None`` where all features are of one.
        codes: Class (0–255, 255 ignored) of each value of ``field``, numbers and their text being one. Without it the values
            themselves are the classes. Without ``field``, one class under any name, or class 0.
        line_width: Width of lines in metres on the ground, ends round; needed where there are lines.
        point_radius: Radius of points in metres on the ground; needed where there are points.
        all_touched: Whether every pixel that a polygon touches belongs to it.
        fill: Class of pixels of the image in no feature; 255 for "not labelled".

    Raises:
        InputError: When the layer has no such field, a class is no number from 0 to 255, a width is not above 0, the image has
            no affine grid, or one of the two names no coordinate system.
    """

    def __init__(
        self,
        layer: VectorLayer,
        grid: Placed,
        field: str | None = None,
        codes: Mapping[Any, int] | None = None,
        *,
        line_width: float | None = None,
        point_radius: float | None = None,
        all_touched: bool = False,
        fill: int = 255,
    ) -> None:
        if field is None:
            codes = _one_class(codes, layer.name)
        else:
            layer.require_field(field)
        check_codes(codes, layer.name)
        for keyword, metres in (("line_width", line_width), ("point_radius", point_radius)):
            if metres is not None and not (math.isfinite(metres) and metres > 0):
                raise InputError(f"{layer.name}: {keyword} is {metres}; give metres on the ground, above 0.")
        if not 0 <= fill <= 255:
            raise InputError(
                f"{layer.name}: fill is {fill}; give a class from 0 to 254, or 255 for pixels that are not labelled."
            )
        self.layer = layer
        self.field = field
        self.codes = None if codes is None else dict(codes)
        self.all_touched = all_touched
        self.fill = fill
        self._widths = (line_width, point_radius)
        where = require_grid(grid, layer.name)
        layer.require_systems(grid)
        self._grid = Grid.of(grid)
        self._place = (where.crs.to_wkt(), tuple(where.transform[:6]), self.shape)

    def __repr__(self) -> str:
        return f"BurntLayer({self.layer.name} on {self._grid.name}, {self.shape[0]} x {self.shape[1]})"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the image."""
        return self._grid.height, self._grid.width

    @property
    def is_empty(self) -> bool:
        """Whether no feature lies on the image or just beyond its edge; reads the image's features."""
        return not len(self._index().found(Window(0, 0, *self.shape)))

    def read(self, window: Window | None = None) -> NDArray[np.uint8]:
        """Read classes.

        Args:
            window: Where; the whole image when it is not given. It may reach beyond the edge.

        Returns:
            ``(H, W)``; 255 outside the image.

        Raises:
            InputError: When the layer cannot be read, holds a value without class, or lines or points of which the size is not
                known.
        """
        window = Window(0, 0, *self.shape) if window is None else Window(*window)
        if window.height < 1 or window.width < 1:
            raise InputError(f"{self.layer.name}: a window of {window.height} x {window.width} pixels has nothing to read.")
        here = clip_window(window, *self.shape)
        if here == window:
            return self._index().burn(window, self.fill, self.all_touched)
        burnt = np.full((window.height, window.width), _OUTSIDE, np.uint8)
        if here.height and here.width:
            place = window_slices(here, (window.row, window.col))
            burnt[place] = self._index().burn(here, self.fill, self.all_touched)
        return burnt

    def _index(self) -> ShapeIndex:
        return cache.get(self._key(), self._make_index)

    def _key(self) -> Hashable:
        codes = None if self.codes is None else tuple(self.codes.items())
        source = self.layer.source
        return source, source.stamp, self._place, self.field, codes, self._widths

    def _make_index(self) -> ShapeIndex:
        where = self._grid.where
        found = self.layer.shapes_on(self._grid, self.field, reach_in_pixels(where, self.shape, *self._widths))
        if found.values is None:
            classes = np.full(len(found.shapes), next(iter((self.codes or {}).values()), 0), np.uint8)
        else:
            classes = class_numbers(found.values, found.features, self.codes, f"{self.layer.name}, field {self.field!r},")
        polygons, owners = areas_of(found.shapes, found.features, where, self.shape, *self._widths, self.layer.name)
        return ShapeIndex(polygons, classes[owners])


def inside(layer: VectorLayer, grid: Placed, window: Window) -> NDArray[np.uint8]:
    """Tell which pixels lie in the polygons of a layer, as of an area of interest.

    Args:
        layer: The layer.
        grid: The image.
        window: A window of the image; it may reach beyond the edge.

    Returns:
        ``(H, W)``, 1 where a pixel's centre lies in a polygon, 0 elsewhere and outside the image.

    Raises:
        InputError: As :class:`BurntLayer`.
    """
    return (BurntLayer(layer, grid).read(window) == 0).astype(np.uint8)


def _one_class(codes: Mapping[Any, int] | None, name: str) -> Mapping[Any, int] | None:
    if codes is not None and len(set(codes.values())) != 1:
        raise InputError(f"{name}: {len(codes)} values are given classes, and no field that holds them; name it, field=….")
    return codes
