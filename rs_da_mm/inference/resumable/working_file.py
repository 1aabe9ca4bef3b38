"""Rows of an array on the disk while they are computed, before they become files of their own formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.inference.resumable.raw_file import RawFile
from rs_da_mm.raster.windows import Window


@dataclass(frozen=True)
class Layer:
    """One array of an output.

    Attributes:
        name: Its name, part of a file's name.
        dtype: Its dtype, such as ``uint8`` or ``float16``.
        channels: Values per pixel; ``None`` for an array of rows and columns only.
        fill: The value where nothing is written.
    """

    name: str
    dtype: str
    channels: int | None = None
    fill: float = 0


class WorkingFile:
    """A layer in a flat file: row by row, and in each row channel by channel.

    What holds the fill value is stored as zeros and not written, so that it takes no place on file systems that know holes.

    Args:
        path: The file; made when it is missing.
        layer: What it holds.
        height: Rows.
        width: Columns.

    Raises:
        InputError: When the file cannot be opened. The methods raise the same when the disk refuses.
    """

    def __init__(self, path: Path, layer: Layer, height: int, width: int) -> None:
        self.layer = layer
        self.height = height
        self.width = width
        self._dtype = np.dtype(layer.dtype).newbyteorder("<")
        self._stored = np.dtype(f"<u{self._dtype.itemsize}")
        self._fill = np.asarray(layer.fill, self._dtype).view(self._stored)
        self._file = RawFile(path)

    def keep(self, rows: int) -> None:
        """Set all rows but the first ``rows`` to the fill value."""
        self._file.resize(rows * self._row_bytes)
        self._file.resize(self.height * self._row_bytes)

    def write(self, row: int, col: int, data: NDArray[Any]) -> NDArray[Any]:
        """Write a part, once after :meth:`keep`.

        Args:
            row: Its first row.
            col: Its first column.
            data: ``(rows, columns)``, or ``(channels, rows, columns)`` of a layer that has channels.

        Returns:
            What was stored, as :meth:`read_stored` gives it.

        Raises:
            ValueError: When shape or dtype are not the layer's, or the part is not inside.
        """
        self._check(row, col, data)
        parts = data[None] if self.layer.channels is None else data
        stored = np.ascontiguousarray(parts.transpose(1, 0, 2), self._dtype).view(self._stored) ^ self._fill
        for number, channel in np.argwhere(stored.any(axis=2)):
            self._file.write_at(self._place(row + int(number), int(channel), col), stored[number, channel].data)
        return stored

    def read_stored(self, window: Window) -> NDArray[Any] | None:
        """Read a part as it is stored: ``(rows, channels, columns)`` unsigned; ``None`` when the file is too short."""
        stored = np.empty((window.height, self.layer.channels or 1, window.width), self._stored)
        if window.width == self.width:
            return stored if self._file.read_at(self._place(window.row, 0, 0), stored.data) else None
        for number, channel in np.ndindex(stored.shape[:2]):
            if not self._file.read_at(self._place(window.row + number, channel, window.col), stored[number, channel].data):
                return None
        return stored

    def read(self, window: Window) -> NDArray[Any]:
        """Read a part.

        Args:
            window: Where, inside.

        Returns:
            ``(rows, columns)``, or ``(channels, rows, columns)`` of a layer that has channels.

        Raises:
            InputError: When the file is too short.
        """
        stored = self.read_stored(window)
        if stored is None:
            raise InputError(f"{self._file.path} is cut off: {window.spelled} are missing. Start again to compute them anew.")
        data = (stored ^ self._fill).view(self._dtype).transpose(1, 0, 2)
        return data[0] if self.layer.channels is None else data

    def sync(self) -> None:
        """Bring it onto the disk."""
        self._file.sync()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def _row_bytes(self) -> int:
        return self._place(1, 0, 0)

    def _place(self, row: int, channel: int, col: int) -> int:
        return ((row * (self.layer.channels or 1) + channel) * self.width + col) * self._dtype.itemsize

    def _check(self, row: int, col: int, data: NDArray[Any]) -> None:
        channels = () if self.layer.channels is None else (self.layer.channels,)
        if data.shape[:-2] != channels or data.dtype != self._dtype:
            raise ValueError(f"{self.layer} cannot hold {data.dtype} of shape {data.shape}")
        rows, cols = data.shape[-2:]
        if row < 0 or col < 0 or row + rows > self.height or col + cols > self.width:
            raise ValueError(f"{Window(row, col, rows, cols).spelled} is not inside {self.height} x {self.width}")
