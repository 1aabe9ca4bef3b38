"""The polygons of an image, found by window."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize

from rs_da_mm.raster.handles import quiet
from rs_da_mm.raster.vectors.libraries import shapely
from rs_da_mm.raster.windows import Window

_TILE = 256
_CORNERS = 2**22
_MANY = 200
"""Corners from which on leaving some out is quicker than burning them."""


class ShapeIndex:
    """Polygons in pixel coordinates and their classes.

    Args:
        polygons: ``(n,)`` single polygons; where they overlap, later ones win.
        classes: ``(n,)``.
    """

    def __init__(self, polygons: NDArray[Any], classes: NDArray[np.uint8]) -> None:
        library = shapely()
        self.polygons = polygons
        self.classes = classes
        self._tree = library.STRtree(polygons)
        rings, owners = library.get_rings(polygons, return_index=True)
        self._corners = library.get_coordinates(rings)
        self._ring_ends = np.concatenate([[0], np.cumsum(library.get_num_coordinates(rings))])
        self._first_rings = np.searchsorted(owners, np.arange(len(polygons) + 1))

    @property
    def corners(self) -> int:
        """How many corners the polygons have."""
        return len(self._corners)

    def found(self, window: Window) -> NDArray[np.int64]:
        """Find the polygons whose boxes touch a window or the pixels around it: their indices, in order."""
        around = (window.col - 1, window.row - 1, window.col + window.width + 1, window.row + window.height + 1)
        return np.sort(self._tree.query(shapely().box(*around)))

    def burn(self, window: Window, fill: int, all_touched: bool) -> NDArray[np.uint8]:
        """Burn the polygons of a window, by GDAL's rasterizer.

        Args:
            window: A window of the image.
            fill: The value of pixels in no polygon.
            all_touched: Whether a pixel that a polygon only touches is in it; otherwise its centre decides.

        Returns:
            ``(H, W)``, what burning all polygons on the whole image gives there.
        """
        if not all_touched:
            return self._burn(window, fill)
        # Where an outline runs through a corner of pixels, GDAL decides by rounding errors that depend on where the array begins.
        burnt = np.empty((window.height, window.width), np.uint8)
        for top in range(window.row // _TILE * _TILE, window.row + window.height, _TILE):
            for left in range(window.col // _TILE * _TILE, window.col + window.width, _TILE):
                rows = slice(max(top, window.row), min(top + _TILE, window.row + window.height))
                cols = slice(max(left, window.col), min(left + _TILE, window.col + window.width))
                tile = self._burn(Window(top, left, _TILE, _TILE), fill, all_touched=True)
                part = tile[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left]
                burnt[rows.start - window.row : rows.stop - window.row, cols.start - window.col : cols.stop - window.col] = part
        return burnt

    def _burn(self, window: Window, fill: int, all_touched: bool = False) -> NDArray[np.uint8]:
        burnt = np.full((window.height, window.width), fill, np.uint8)
        found = self.found(window)
        if len(found):
            shapes = [(self._polygon(number, window), int(self.classes[number])) for number in found]
            transform = Affine.translation(window.col, window.row)
            with quiet():
                rasterize([shape for shape in shapes if shape[0]], out=burnt, transform=transform, all_touched=all_touched)
        return burnt

    def _polygon(self, number: int, window: Window) -> dict[str, Any] | None:
        """A polygon as rasterio takes it, or ``None`` where nothing of it can be in the window."""
        rings = []
        for ring in range(self._first_rings[number], self._first_rings[number + 1]):
            corners = self._corners[self._ring_ends[ring] : self._ring_ends[ring + 1]]
            if len(corners) > _MANY:
                corners = pruned(corners, window)
            if len(corners) >= 4:
                rings.append(corners.tolist())
            elif not rings:
                return None
        return {"type": "Polygon", "coordinates": rings}


def pruned(ring: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    """Leave out corners of a ring that do not matter in a window.

    Where the ring runs above the window (or below, or to one side of it), nothing but where it leaves that side can matter: the
    way between is replaced by a straight line on the same side. No edge that comes near the window changes, and left and right
    of it every row is crossed as often as before, or an even number of times less; so burning gives the same to the bit.

    Args:
        ring: ``(n, 2)`` columns and rows of the corners, the first again at the end.
        window: The window.

    Returns:
        The ring with fewer corners; of fewer than 4 where it does not come near.
    """
    corners = ring[:-1]
    sides = (
        (0, np.less, window.col - 1),
        (0, np.greater, window.col + window.width + 1),
        (1, np.less, window.row - 1),
        (1, np.greater, window.row + window.height + 1),
    )
    for axis, is_beyond, edge in sides:
        beyond = is_beyond(corners[:, axis], edge)
        corners = corners[~(beyond & np.roll(beyond, 1) & np.roll(beyond, -1))]
    return np.concatenate([corners, corners[:1]])


class IndexCache:
    """The indices that were used last, kept in one process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, ShapeIndex] = OrderedDict()
        self.renew_lock()

    def renew_lock(self) -> None:
        """Begin with a free lock: in a process that was forked off, the lock's owner may not exist."""
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], ShapeIndex]) -> ShapeIndex:
        """Give an index, making it where it is not kept; those not used for longest go when too many corners are kept."""
        with self._lock:
            index = self._kept.pop(key, None)
            if index is not None:
                self._kept[key] = index
                return index
        index = make()
        with self._lock:
            self._kept[key] = index
            corners = sum(kept.corners for kept in self._kept.values())
            while corners > _CORNERS and len(self._kept) > 1:
                corners -= self._kept.popitem(last=False)[1].corners
        return index


cache = IndexCache()
"""The indices of this process."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=cache.renew_lock)
