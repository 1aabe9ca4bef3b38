"""A file of a scene that is read at the pixel size of another."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.raster.grid_map import GridMap
from rs_da_mm.raster.interpolation import Resampling, interpolate, make_stencil
from rs_da_mm.raster.source import Source
from rs_da_mm.raster.windows import Window


@dataclass(frozen=True)
class ResampledSource(Source):
    """A file whose size, grid and blocks are told, and whose pixels are read, as on another grid.

    Attributes:
        stored: The file as it is.
        grid: From the pixels that are read to those of the file.
        method: How values between the file's pixels are found.
    """

    stored: Source
    grid: GridMap
    method: Resampling

    def read(self, window: Window, out: NDArray[Any]) -> None:
        """Read resampled pixels. What the file itself marks as no data is never mixed into its neighbours.

        Args:
            window: A window inside the new grid.
            out: ``(H, W, bands)`` of the window's size and the file's dtype, written in place.

        Raises:
            RasterError: When GDAL cannot read the part of the file that is needed.
        """
        stencil = make_stencil(self.grid, window, (self.stored.height, self.stored.width), self.method)
        needed = stencil.window
        pixels = np.empty((needed.height, needed.width, len(self.bands)), self.dtype)
        self.stored.read(needed, pixels)
        out[...] = interpolate(pixels, self.stored.read_valid(needed, pixels), stencil)

    def read_valid(self, window: Window, pixels: NDArray[Any] | None = None, by_rule: bool = True) -> NDArray[np.bool_]:
        """Read which pixels hold data: those whose nearest pixel in the file does.

        Args:
            window: A window inside the new grid.
            pixels: Not used: resampled values do not tell.
            by_rule: As in :meth:`Source.read_valid`.

        Returns:
            ``(H, W)``, true where there is data.

        Raises:
            RasterError: When GDAL cannot read the part of the file that is needed.
        """
        stencil = make_stencil(self.grid, window, (self.stored.height, self.stored.width), "nearest")
        return self.stored.read_valid(stencil.window, None, by_rule)[np.ix_(*stencil.nearest)]


def resample_source(source: Source, grid: GridMap, like: Source, method: Resampling) -> ResampledSource:
    """Read a file at the pixel size of another.

    Args:
        source: The file.
        grid: From the other's pixels to those of the file.
        like: The other.
        method: How values between the file's pixels are found.

    Returns:
        The file, of the other's size and place.
    """
    told = {field.name: getattr(source, field.name) for field in fields(Source)}
    block = (max(1, round(source.block_shape[0] / grid.rows.scale)), max(1, round(source.block_shape[1] / grid.cols.scale)))
    told |= {"height": like.height, "width": like.width, "georeference": like.georeference, "block_shape": block}
    return ResampledSource(**told, stored=source, grid=grid, method=method)
