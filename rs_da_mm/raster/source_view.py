"""What a scene is to those who map it, and a scene seen through something that changes its pixels."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.windows import Window, clip_window


class PlacedSource(Protocol):
    """Pixels with a place on the ground; :class:`~rs_da_mm.raster.Scene` is one, and so is every view of one."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def height(self) -> int:
        """Rows."""

    @property
    def width(self) -> int:
        """Columns."""

    @property
    def count(self) -> int:
        """Bands."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the pixels."""

    @property
    def descriptions(self) -> tuple[str | None, ...]:
        """A name per band, or ``None``."""

    def georeference(self) -> Georeference:
        """Where it lies."""

    def read_with_valid(self, window: Window) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Read ``(H, W, bands)`` and ``(H, W)``, 1 where there is data; a window may reach beyond the edge, where both are 0."""


class SourceView:
    """A source as it is. What a view changes, it says anew.

    Args:
        source: What is looked at.
    """

    def __init__(self, source: PlacedSource) -> None:
        self.source = source

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}, {self.height} x {self.width}, {self.count} x {self.dtype})"

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self.source.name

    @property
    def height(self) -> int:
        """Rows."""
        return self.source.height

    @property
    def width(self) -> int:
        """Columns."""
        return self.source.width

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def count(self) -> int:
        """Bands."""
        return self.source.count

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the pixels."""
        return self.source.dtype

    @property
    def descriptions(self) -> tuple[str | None, ...]:
        """A name per band, or ``None``."""
        return self.source.descriptions

    def georeference(self) -> Georeference:
        """Where it lies."""
        return self.source.georeference()

    def source_window(self, window: Window) -> Window:
        """Tell which pixels of the source a window depends on, so that what is known of them can be asked."""
        return window

    def read_with_valid(self, window: Window) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Read a window.

        Args:
            window: Where; it may reach beyond the edge.

        Returns:
            ``(H, W, bands)`` and ``(H, W)``, 1 where there is data; both are 0 beyond the edge.

        Raises:
            RasterError: When the source cannot be read there.
        """
        return self.source.read_with_valid(window)

    def _clipped(self, window: Window) -> Window:
        return clip_window(Window(*window), self.height, self.width)
