"""Rasters of class numbers, of whatever origin: the map, a reference, strata."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import CellAreas, Scene, Window, cell_areas, clip_window, window_grid

_BLOCK = 2048
_LARGEST = 2**53


class ClassRaster:
    """A raster with one band of class numbers.

    Args:
        path: A file that GDAL opens. Floats are taken where they are whole numbers.
        scene: How it is read, in place of the file itself: laid on another grid.

    Raises:
        RasterError: When it cannot be read, has several bands, or its pixels are complex numbers.
    """

    def __init__(self, path: str | Path, scene: Any = None) -> None:
        self.path = Path(path)
        self.scene = Scene(path) if scene is None else scene
        if self.scene.count != 1:
            raise RasterError(
                f"{path} has {self.scene.count} bands; a raster of classes has one, with a number for each class. A picture of a "
                "map in colours has to be turned into numbers first."
            )
        if self.scene.dtype.kind not in "iufb":
            raise RasterError(f"{path} holds {self.scene.dtype} values; a raster of classes holds whole numbers.")

    @property
    def cells(self) -> CellAreas | None:
        """Areas of the pixels; ``None`` where they are not known."""
        return cell_areas(self.scene.georeference(), self.scene.height, self.scene.width)

    def windows(self) -> Iterator[Window]:
        """Cover the raster with windows that are read one at a time, fitted to how it is stored."""
        rows, cols = (_multiple(side) for side in self.scene.block_shape)
        for window in window_grid(self.scene.height, self.scene.width, (rows, cols), edge="pad"):
            yield clip_window(window, self.scene.height, self.scene.width)

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Read class numbers.

        Args:
            window: Where.

        Returns:
            Numbers ``(h, w)`` of an integer type, and where there are any, ``(h, w)``.

        Raises:
            RasterError: When it cannot be read, or a value is no whole number.
        """
        pixels, has_data = self.scene.read_with_valid(window)
        values, valid = pixels[:, :, 0], has_data.astype(bool)
        if values.dtype.kind == "b":
            return values.astype(np.uint8), valid
        if values.dtype.kind != "f":
            return values, valid
        is_whole = (values == np.rint(values)) & (np.abs(values) < _LARGEST)
        if not is_whole[valid].all():
            example = values[valid & ~is_whole][0]
            raise RasterError(
                f"{self.path}, {window.spelled}: holds {example:g}, which is no class number. A raster of classes was expected, "
                "not one of scores, heights or indices."
            )
        return np.where(valid, values, 0).astype(np.int64), valid

    def at(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Read single pixels.

        Args:
            rows: Rows, shape (n,); they may lie outside.
            cols: Columns, shape (n,).

        Returns:
            Class numbers (n,), and which of them are any, (n,): pixels outside and without data are none.

        Raises:
            RasterError: As for :meth:`read`.
        """
        values, known = np.zeros(len(rows), np.int64), np.zeros(len(rows), bool)
        (inside,) = np.nonzero((rows >= 0) & (rows < self.scene.height) & (cols >= 0) & (cols < self.scene.width))
        height, width = self.scene.block_shape
        # Points of one stored block are read together.
        blocks = (rows[inside] // height) * (self.scene.width // width + 1) + cols[inside] // width
        order = np.argsort(blocks, kind="stable")
        for members in np.split(inside[order], np.flatnonzero(np.diff(blocks[order])) + 1):
            if not len(members):
                continue
            top, left = int(rows[members].min()), int(cols[members].min())
            window = Window(top, left, int(rows[members].max()) - top + 1, int(cols[members].max()) - left + 1)
            part, valid = self.read(window)
            place = rows[members] - top, cols[members] - left
            values[members], known[members] = part[place], valid[place]
        values[~known] = 0
        return values, known


def _multiple(side: int) -> int:
    """The largest multiple of a stored block's side up to 2048 pixels; 2048 where a block is larger."""
    return _BLOCK // side * side if side <= _BLOCK else _BLOCK
