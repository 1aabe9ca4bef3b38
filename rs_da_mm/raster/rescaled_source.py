"""A scene with its values on another scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.interpolation import to_dtype
from rs_da_mm.raster.source_view import PlacedSource, SourceView
from rs_da_mm.raster.windows import Window


class RescaledSource(SourceView):
    """A scene whose values are ``stored * gain + offset``, so that they mean what a model learned from.

    Args:
        source: The scene.
        gain: One number, or one per band.
        offset: One number, or one per band.
        dtype: Of the values; whole numbers are rounded, halves up, and kept within the dtype.

    Raises:
        RasterError: When gains or offsets are not numbers, or not one per band.
    """

    def __init__(
        self,
        source: PlacedSource,
        gain: float | Sequence[float],
        offset: float | Sequence[float] = 0.0,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(source)
        self.gain = _per_band(source, "gain", gain)
        self.offset = _per_band(source, "offset", offset)
        self._dtype = np.dtype(dtype)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return self._dtype

    def read_with_valid(self, window: Window) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Read a window on this scale; what holds no data is 0. See :meth:`SourceView.read_with_valid`."""
        stored, valid = self.source.read_with_valid(window)
        values = stored * np.array(self.gain) + np.array(self.offset)
        values[valid == 0] = 0
        return to_dtype(values, self._dtype), valid


def _per_band(source: PlacedSource, what: str, given: float | Sequence[float]) -> tuple[float, ...]:
    values = tuple(map(float, given)) if isinstance(given, Sequence) else (float(given),) * source.count
    if len(values) != source.count:
        raise RasterError(
            f"{source.name}: {len(values)} numbers were given as {what} for {source.count} bands; give one per band."
        )
    if not np.isfinite(values).all():
        raise RasterError(f"{source.name}: the {what} is {given}; a finite number was expected.")
    return values
