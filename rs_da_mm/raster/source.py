"""One file of a scene: what it says about itself, and its pixels by window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window as FileWindow

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.georeference import Georeference, read_georeference
from rs_da_mm.raster.handles import GDAL_ERRORS, forget_failure, open_raster, reason
from rs_da_mm.raster.locations import Location, local_file
from rs_da_mm.raster.valid import ValidRule, find_rule, is_nodata, is_number
from rs_da_mm.raster.windows import Window


@dataclass(frozen=True)
class Source:
    """One file of a scene, with the bands that are taken from it.

    It holds no open file, so it can be sent to another process.

    Attributes:
        path: The file, or another place that GDAL reads from.
        height: Rows.
        width: Columns.
        bands: Selected bands of one dtype, counted from 1 in this file, in the order they are read.
        places: Where each of them stands among the scene's selected bands, counted from 0.
        dtype: NumPy dtype of these bands.
        descriptions: The file's own name per selected band, or ``None``.
        colormap: Value to red, green, blue, alpha of the first selected band, or ``None``.
        rule: How the file tells which pixels hold data.
        georeference: Where it lies.
        block_shape: Rows and columns of the blocks that it is stored in.
    """

    path: Location
    height: int
    width: int
    bands: tuple[int, ...]
    places: tuple[int, ...]
    dtype: np.dtype[Any]
    descriptions: tuple[str | None, ...]
    colormap: dict[int, tuple[int, int, int, int]] | None
    rule: ValidRule
    georeference: Georeference
    block_shape: tuple[int, int]

    @property
    def holds_data_everywhere(self) -> bool:
        """Whether every pixel holds data, so that none needs to be looked at."""
        by_rule = self.rule.per_dataset or self.rule.alpha is not None or self.rule.reads_pixels
        return not by_rule and self.dtype.kind not in "fc"

    def read(self, window: Window, out: NDArray[Any]) -> None:
        """Read pixels as they are stored.

        Args:
            window: A window inside the file.
            out: ``(H, W, bands)`` of the window's size and the file's dtype, written in place.

        Raises:
            RasterError: When GDAL cannot read the window, as in a truncated file.
        """
        # GDAL fills the array through its strides: no copy, and for files stored pixel by pixel the faster way too.
        self._read(window, lambda dataset, part: dataset.read(self.bands, window=part, out=out.transpose(2, 0, 1)))

    def read_valid(self, window: Window, pixels: NDArray[Any] | None = None, by_rule: bool = True) -> NDArray[np.bool_]:
        """Read which pixels hold data.

        Args:
            window: A window inside the file.
            pixels: What :meth:`read` gave for it, when that is at hand.
            by_rule: Whether the file's own rule counts; without it, only values that are no numbers do.

        Returns:
            ``(H, W)``, true where there is data. A pixel with a value that is no number (NaN, infinite) never has.

        Raises:
            RasterError: When GDAL cannot read the window.
        """
        if pixels is None and (self.dtype.kind in "fc" or (by_rule and self.rule.reads_pixels)):
            pixels = np.empty((window.height, window.width, len(self.bands)), self.dtype)
            self.read(window, pixels)
        valid = np.ones((window.height, window.width), dtype=np.bool_)
        if by_rule:
            valid &= self._by_rule(window, pixels)
        numbers = None if pixels is None else is_number(pixels)
        return valid if numbers is None else valid & numbers.all(axis=2)

    def _by_rule(self, window: Window, pixels: NDArray[Any] | None) -> NDArray[np.bool_]:
        if self.rule.per_dataset:
            mask = self._read(window, lambda dataset, part: dataset.read_masks(1, window=part))
            return np.asarray(mask != 0)
        if self.rule.alpha is not None:
            opacity = self._read(window, lambda dataset, part: dataset.read(self.rule.alpha, window=part))
            return np.asarray(opacity != 0)
        if self.rule.reads_pixels and pixels is not None:
            return ~is_nodata(pixels, self.rule.nodata)
        return np.ones((window.height, window.width), dtype=np.bool_)

    def _read(self, window: Window, call: Callable[[Any, FileWindow], Any]) -> Any:
        dataset = open_raster(self.path)
        if (dataset.height, dataset.width) != (self.height, self.width) or dataset.count < max(self.bands):
            raise RasterError(
                f"{self.path} was replaced while in use: it had {self.height} x {self.width} pixels and band {max(self.bands)}, "
                f"and has {dataset.height} x {dataset.width} and {dataset.count} bands. Start again with the new file."
            )
        try:
            return call(dataset, FileWindow(window.col, window.row, window.width, window.height))
        except GDAL_ERRORS as error:
            forget_failure(self.path)
            raise unreadable(self.path, window, error) from error


def describe(
    dataset: Any, path: Location, bands: Sequence[tuple[int, int]], alpha: tuple[int, ...], nodata: float | None
) -> Source:
    """Look into a file.

    Args:
        dataset: The file, open in rasterio.
        path: Where it was opened.
        bands: Per band that is taken, all of one dtype: its number in the file, and its place in the scene.
        alpha: Numbers of the bands that say how opaque a pixel is.
        nodata: Value that means "no data", in place of the file's own.

    Returns:
        The file as a part of a scene.

    Raises:
        RasterError: When its values are of a kind that NumPy has not.
    """
    numbers = tuple(number for number, _ in bands)
    return Source(
        path=path,
        height=dataset.height,
        width=dataset.width,
        bands=numbers,
        places=tuple(place for _, place in bands),
        dtype=_dtype(dataset, path, numbers[0]),
        descriptions=tuple(dataset.descriptions[number - 1] for number in numbers),
        colormap=_colormap(dataset, numbers[0]),
        rule=find_rule(dataset, numbers, alpha, nodata),
        georeference=read_georeference(dataset),
        block_shape=dataset.block_shapes[numbers[0] - 1],
    )


def unreadable(path: Location, window: Window, error: BaseException) -> RasterError:
    """Say that a window of a file cannot be read, and why."""
    here = local_file(path) is not None
    advice = "The file is damaged or was cut off; copy it again." if here else "The connection broke, or the file is damaged."
    return RasterError(f"{path}: {window.spelled} cannot be read: {reason(error)} {advice}")


def _dtype(dataset: Any, path: Location, band: int) -> np.dtype[Any]:
    name = dataset.dtypes[band - 1]
    try:
        return np.dtype(name)
    except TypeError:
        raise RasterError(f"{path} holds {name}, which NumPy has not; convert it (`gdal_translate -ot CFloat32`).") from None


def _colormap(dataset: Any, band: int) -> dict[int, tuple[int, int, int, int]] | None:
    try:
        return dict(dataset.colormap(band))
    except ValueError:
        return None
