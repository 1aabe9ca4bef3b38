"""A raster seen on the grid of another: whatever the coordinate systems, pixel sizes and directions of the two are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.checks import check_alignment
from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.ground_box import Placed, lattice
from rs_da_mm.raster.interpolation import Resampling, require_method
from rs_da_mm.raster.locations import Location
from rs_da_mm.raster.pixel_map import NOWHERE, PixelMap
from rs_da_mm.raster.point_interpolation import needed_window, sample_at
from rs_da_mm.raster.resampled_scene import ResampledScene
from rs_da_mm.raster.same_ground import Extent, OutsideError, outside_message, require_grid, require_systems
from rs_da_mm.raster.scene import Scene
from rs_da_mm.raster.source_view import PlacedSource, SourceView
from rs_da_mm.raster.windows import Window, clip_window, window_slices

_PIXELS_AT_ONCE = 2**24


def laid_on(scene: Scene, grid: Scene, method: Resampling = "nearest") -> Scene | WarpedScene:
    """See a raster on the grid of another.

    Args:
        scene: The raster: labels, heights, a mask.
        grid: The image whose grid is wanted.
        method: How values between pixels are found: ``'nearest'`` for values that are names, such as classes and flags;
            ``'bilinear'`` for heights.

    Returns:
        ``scene`` itself where it lies on that grid (:func:`~rs_da_mm.raster.check_alignment` finds no difference), else a view
        of it.

    Raises:
        OutsideError: When the two share no place.
        RasterError: When one of them does not tell where it lies, or the method is unknown.
    """
    return WarpedScene(scene, grid, method) if check_alignment(grid, scene) else scene


class WarpedScene(SourceView):
    """A raster read on the grid of another; a pixel has the same bits in whichever window it is read.

    Every pixel is looked up by its own centre, carried through both coordinate systems. With ``'nearest'`` it gets the value of
    the pixel that its centre lies in, so no value appears that the raster has not. With the other methods pixels without data
    are never mixed into others, and where the raster's pixels are twice as fine as the grid's or more, they are brought near
    its size first, so that all of them count. A pixel holds data where the raster's nearest pixel does; outside the raster it
    is 0 and holds none.

    Args:
        scene: The raster.
        grid: What lies on the grid that is wanted.
        method: How values between pixels are found.

    Raises:
        OutsideError: When the two share no place.
        RasterError: When one of them does not tell where it lies, or the method is unknown.
    """

    def __init__(self, scene: Scene, grid: Placed, method: Resampling = "nearest") -> None:
        require_method(method, scene.name)
        self._georeference = grid.georeference()
        self._size = (grid.height, grid.width)
        _require_places(scene, grid)
        self._map = PixelMap.between(self._georeference, scene.georeference(), scene.shape)
        _require_touch(scene, grid, self._map)
        finer = _ratios(self._map, self._size)
        self._side = max(1, int(math.sqrt(_PIXELS_AT_ONCE / max(1.0, finer[0] * finer[1]))))
        source: PlacedSource = scene
        if method != "nearest" and max(finer) >= 2:
            source = ResampledScene(scene, (float(max(1, int(finer[0]))), float(max(1, int(finer[1])))), method)
            self._map = PixelMap.between(self._georeference, source.georeference(), (source.height, source.width))
        super().__init__(source)
        self.scene = scene
        self.method = method

    @property
    def height(self) -> int:
        """Rows of the grid."""
        return self._size[0]

    @property
    def width(self) -> int:
        """Columns of the grid."""
        return self._size[1]

    @property
    def paths(self) -> tuple[Location, ...]:
        """The files that are read."""
        return self.scene.paths

    @property
    def colormap(self) -> dict[int, tuple[int, int, int, int]] | None:
        """Value to (red, green, blue, alpha) of a palette image, else ``None``."""
        return self.scene.colormap

    def georeference(self) -> Georeference:
        """Where the grid lies."""
        return self._georeference

    def source_window(self, window: Window) -> Window:
        """Tell which pixels of the raster a window depends on; of no height or width where it lies outside."""
        inside = self._clipped(window)
        if not inside.height or not inside.width:
            return Window(0, 0, 0, 0)
        cols, rows = self._map.centres(inside)
        found = self._inside(cols, rows)
        if not found.any():
            return Window(0, 0, 0, 0)
        needed = needed_window(cols[found], rows[found], (self.source.height, self.source.width), self.method)
        return self.source.source_window(needed) if isinstance(self.source, SourceView) else needed

    def read(self, window: Window | None = None) -> NDArray[Any]:
        """Read pixels on the grid; see :meth:`read_with_valid`."""
        return self.read_with_valid(window)[0]

    def read_valid(self, window: Window | None = None) -> NDArray[np.uint8]:
        """Read which pixels of the grid hold data; see :meth:`read_with_valid`."""
        return self.read_with_valid(window)[1]

    def read_with_valid(self, window: Window | None = None) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Read a window of the grid.

        Args:
            window: Where; the whole grid when it is not given. It may reach beyond the edge.

        Returns:
            ``(H, W, bands)`` in the raster's dtype and ``(H, W)``, 1 where there is data; both are 0 outside the raster and the
            grid.

        Raises:
            RasterError: When the raster cannot be read there.
        """
        window = Window(0, 0, *self._size) if window is None else Window(*window)
        if window.height < 1 or window.width < 1:
            raise RasterError(f"{self.name}: a window of {window.height} x {window.width} pixels has nothing to read.")
        pixels = np.zeros((window.height, window.width, self.count), self.dtype)
        valid = np.zeros((window.height, window.width), np.uint8)
        inside = clip_window(window, *self._size)
        for row in range(inside.row, inside.row + inside.height, self._side):
            for col in range(inside.col, inside.col + inside.width, self._side):
                height = min(self._side, inside.row + inside.height - row)
                width = min(self._side, inside.col + inside.width - col)
                part = Window(row, col, height, width)
                place = window_slices(part, (window.row, window.col))
                self._read_part(part, pixels[place], valid[place])
        return pixels, valid

    def _read_part(self, part: Window, pixels: NDArray[Any], valid: NDArray[np.uint8]) -> None:
        cols, rows = self._map.centres(part)
        inside = self._inside(cols, rows)
        if not inside.any():
            return
        # Most windows lie inside as a whole, and are spared being taken apart.
        at = ... if inside.all() else inside
        cols, rows = cols[at], rows[at]
        needed = needed_window(cols, rows, (self.source.height, self.source.width), self.method)
        stored, known = self.source.read_with_valid(needed)
        cols, rows = cols - needed.col, rows - needed.row
        pixels[at] = sample_at(stored, known != 0, cols, rows, self.method)
        valid[at] = known[np.floor(rows).astype(np.int64), np.floor(cols).astype(np.int64)]

    def _inside(self, cols: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.bool_]:
        return (cols >= 0) & (cols < self.source.width) & (rows >= 0) & (rows < self.source.height)


def _require_places(scene: Scene, grid: Placed) -> None:
    if scene.georeference().is_empty and grid.georeference().is_empty:
        raise RasterError(
            f"{scene.name} has {scene.height} x {scene.width} pixels and {grid.name} {grid.height} x {grid.width}, and neither "
            "says where it lies: without a georeference both must be of one size."
        )
    one, other = require_grid(scene, grid.name), require_grid(grid, scene.name)
    require_systems((scene.name, one.crs), (grid.name, other.crs))


def _require_touch(scene: Scene, grid: Placed, pixel_map: PixelMap) -> None:
    cols, rows = pixel_map.places(*lattice(Affine.identity(), grid.height, grid.width))
    if not (_overlaps(cols, scene.width) and _overlaps(rows, scene.height)):
        raise OutsideError(outside_message(Extent.of(scene), Extent.of(grid)))


def _overlaps(places: NDArray[np.float64], length: int) -> bool:
    """Whether places reach into a raster; those that are nowhere lie to its left."""
    near = places[places > NOWHERE]
    return bool(near.size and near.min() < length and near.max() > 0)


def _ratios(pixel_map: PixelMap, size: tuple[int, int]) -> tuple[float, float]:
    """Rows and columns of the raster that a pixel in the middle of the grid reaches over."""
    cols = size[1] / 2 + np.array([-0.5, 0.5, 0.0, 0.0])
    rows = size[0] / 2 + np.array([0.0, 0.0, -0.5, 0.5])
    there_cols, there_rows = pixel_map.places(cols, rows)
    if min(there_cols.min(), there_rows.min()) <= NOWHERE:
        return 1.0, 1.0
    steps = [(places[1] - places[0], places[3] - places[2]) for places in (there_rows, there_cols)]
    row_ratio, col_ratio = (math.hypot(*step) for step in steps)
    return row_ratio, col_ratio
