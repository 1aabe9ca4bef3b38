"""Rasters that appear whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from rasterio.windows import Window as FileWindow

from rs_da_mm.errors import RasterError
from rs_da_mm.partial_files import begin_partial
from rs_da_mm.raster.checks import check_written
from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.geotiff import SUFFIXES, Storage, create_geotiff, keep_one_block
from rs_da_mm.raster.handles import GDAL_ERRORS, quiet, reason
from rs_da_mm.raster.images import DRIVERS, write_image
from rs_da_mm.raster.ledger import Ledger
from rs_da_mm.raster.partial import discard, publish
from rs_da_mm.raster.profile import make_profile, require_fit
from rs_da_mm.raster.windows import Window

_ROWS = 256


class RasterWriter:
    """Writes a GeoTIFF by window, atomically.

    Everything goes to a hidden file beside ``path``. When the ``with`` block ends, that file is closed, read again and compared
    with what was written, brought onto the disk, and only then takes the place of ``path`` in one step. When the block ends with
    an exception, the disk is full or the comparison fails, the hidden file is removed and an older file at ``path`` is as it was.
    A killed process leaves the hidden file; the next process of that host that writes to the folder removes it.

    Args:
        path: Where the raster goes, ``.tif`` or ``.tiff``; its folder is made when it is missing.
        height: Rows.
        width: Columns.
        count: Bands.
        dtype: NumPy dtype of the values. float16 is kept in 16 bits, and read as float32.
        georeference: Where the raster lies, as :meth:`Scene.georeference` gives it. A file holds a grid or control points; with
            both, the grid is kept.
        nodata: The value that means "no data".
        palette: Red, green, blue (0–255) of value 0, 1, …; for one uint8 band.
        descriptions: A name per band.
        compress: ``'deflate'``, ``'zstd'``, ``'lzw'`` or ``'none'``.
        tiled: Store square blocks rather than strips of rows. A raster smaller than a block is stored in strips.
        blocksize: Side of a block in pixels, a multiple of 16.
        bigtiff: ``'YES'``, ``'NO'``, ``'IF_NEEDED'`` or ``'IF_SAFER'``: the form for files beyond 4 GB.
        tags: Names and values to keep in the file.
        fill: The value of pixels that are never written. Without it, such a pixel is an error, whether or not there is a nodata
            value.
        threads: Threads that compress. More than 1 must not be followed by a fork in the same process.
        scale: What the stored values are to be multiplied by; readers that know of it (QGIS) do so, :class:`Scene` does not.
        sparse: Leave out blocks of nodata alone, and let pixels that are never written be nodata: what is not there takes neither
            time nor place.

    Raises:
        RasterError: When a raster cannot be like that, or the file cannot be made.
    """

    _HALF = True
    """Whether float16 is kept in 16 bits."""

    def __init__(
        self,
        path: str | Path,
        *,
        height: int,
        width: int,
        count: int,
        dtype: DTypeLike,
        georeference: Georeference | None = None,
        nodata: float | None = None,
        palette: Sequence[Sequence[int]] | None = None,
        descriptions: Sequence[str | None] | None = None,
        compress: str = "deflate",
        tiled: bool = True,
        blocksize: int = 256,
        bigtiff: str = "IF_SAFER",
        tags: Mapping[str, Any] | None = None,
        fill: float | None = None,
        threads: int = 1,
        scale: float | None = None,
        sparse: bool = False,
    ) -> None:
        self.profile = make_profile(path, height, width, count, dtype, georeference, nodata, palette, descriptions, tags, scale)
        self.path = self.profile.path
        if self.path.suffix.lower() not in SUFFIXES:
            raise RasterError(f"{self.path}: rasters are written by window as GeoTIFF; give it the suffix .tif.")
        if fill is not None:
            require_fit(self.path, self.profile.dtype, fill, "fill value")
        if sparse and nodata is None:
            raise RasterError(f"{self.path}: a sparse raster needs a nodata value, for the blocks that are left out.")
        self._fill = fill
        self._sparse = sparse
        self._ledger = Ledger(height, width)
        self._dataset: Any = None
        self._partial: Path | None = None
        try:
            self._partial = begin_partial(self.path)
            storage = Storage(compress, tiled, blocksize, bigtiff, threads, sparse, self._HALF)
            self._dataset = create_geotiff(self._partial, self.profile, storage)
        except GDAL_ERRORS as error:
            self.abort()
            raise _failed(self.path, error) from error

    def __enter__(self) -> RasterWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def write(self, data: NDArray[Any], row: int = 0, col: int = 0) -> None:
        """Write a window. Windows may overlap; the last one counts.

        Args:
            data: ``(h, w)`` for one band, or ``(h, w, bands)``, in the raster's dtype.
            row: Row of the raster at which it begins.
            col: Column of the raster at which it begins.

        Raises:
            RasterError: When the shape or dtype does not fit, the window reaches beyond the raster, the disk is full, or the
                writer is closed.
        """
        if self._dataset is None:
            raise RasterError(f"{self.path}: the writer is closed; nothing more can be written.")
        pixels = self._fitted(np.asarray(data))
        window = Window(row, col, pixels.shape[0], pixels.shape[1])
        if min(row, col) < 0 or row + window.height > self.profile.height or col + window.width > self.profile.width:
            raise RasterError(
                f"{self.path}: {window.spelled} reach beyond the raster's {self.profile.height} x {self.profile.width} pixels; "
                "cut the window to fit."
            )
        self._put(pixels, window)

    def close(self) -> None:
        """Finish the file and put it in its place.

        Raises:
            RasterError: When pixels were never written, or the file did not get onto the disk as it should.
        """
        if self._dataset is None or self._partial is None:
            return
        try:
            if not self._sparse:
                self._fill_gaps()
            with quiet():
                self._dataset.close()
                if self._sparse:
                    keep_one_block(self._partial)
                self._assemble(self._partial)
                check_written(self._partial, self.profile, self._ledger.entries, self._sparse)
            publish(self._partial, self.path)
        except GDAL_ERRORS as error:
            raise _failed(self.path, error) from error
        finally:
            self.abort()

    def abort(self) -> None:
        """Give up: remove what was written, leave ``path`` as it is. After :meth:`close` there is nothing left to remove."""
        dataset, self._dataset = self._dataset, None
        if dataset is not None:
            with contextlib.suppress(*GDAL_ERRORS), quiet():
                dataset.close()
        if self._partial is not None:
            discard(self._partial)

    def _assemble(self, partial: Path) -> None:
        """Make of the closed file what is to take its place; a plain GeoTIFF is that already."""

    def _fitted(self, data: NDArray[Any]) -> NDArray[Any]:
        """The data as ``(h, w, bands)``."""
        pixels = data[:, :, np.newaxis] if data.ndim == 2 else data
        if pixels.ndim != 3 or pixels.shape[2] != self.profile.count or 0 in pixels.shape:
            raise RasterError(
                f"{self.path}: an array of shape {data.shape} was given; (rows, columns, {self.profile.count}) was expected."
            )
        if data.dtype.newbyteorder("=") != self.profile.dtype:
            raise RasterError(
                f"{self.path}: {data.dtype} values were given for a raster of {self.profile.dtype}; convert them first."
            )
        return pixels.astype(self.profile.stored, copy=False)

    def _put(self, pixels: NDArray[Any], window: Window) -> None:
        part = FileWindow(window.col, window.row, window.width, window.height)
        try:
            with quiet():
                self._dataset.write(np.moveaxis(pixels, 2, 0), window=part)
        except GDAL_ERRORS as error:
            failure = _failed(self.path, error)
            self.abort()
            raise failure from error
        self._ledger.add(window, pixels)

    def _fill_gaps(self) -> None:
        for gap in list(self._ledger.gaps()):
            if self._fill is None:
                raise RasterError(
                    f"{self.path}: {gap.spelled} were never written. Nothing was put in place; write them, or say with fill= "
                    "which value they take."
                )
            for row in range(gap.row, gap.row + gap.height, _ROWS):
                rows = min(_ROWS, gap.row + gap.height - row)
                pixels = np.full((rows, gap.width, self.profile.count), self._fill, self.profile.dtype)
                self._put(self._fitted(pixels), Window(row, gap.col, rows, gap.width))


def write_raster(path: str | Path, data: NDArray[Any], *, quality: int = 95, **options: Any) -> None:
    """Write a whole raster, atomically: GeoTIFF, or by suffix PNG and JPEG.

    Args:
        path: Where it goes: ``.tif``, ``.tiff``, ``.png``, ``.jpg`` or ``.jpeg``.
        data: ``(H, W)`` or ``(H, W, bands)``.
        quality: Of a JPEG, 1 to 100.
        **options: What :class:`RasterWriter` takes, apart from size, bands and dtype. PNG takes ``palette`` and ``nodata`` and
            JPEG neither; what an image has no place for, such as a georeference, is refused rather than lost.

    Raises:
        RasterError: When it cannot be written; an older file at ``path`` is then as it was.
    """
    data = np.asarray(data)
    if data.ndim not in (2, 3):
        raise RasterError(
            f"{path}: an array of shape {data.shape} was given; (rows, columns) or (rows, columns, bands) was expected."
        )
    pixels = data[:, :, np.newaxis] if data.ndim == 2 else data
    height, width, count = pixels.shape
    if Path(path).suffix.lower() not in DRIVERS:
        with RasterWriter(path, height=height, width=width, count=count, dtype=data.dtype, **options) as writer:
            writer.write(data)
        return
    profile = make_profile(path, height, width, count, data.dtype, **options)
    try:
        write_image(profile, pixels.astype(profile.dtype, copy=False), quality)
    except GDAL_ERRORS as error:
        raise _failed(profile.path, error) from error


def _failed(path: Path, error: BaseException) -> RasterError:
    """Say that a file could not be written, why, and how much room there is."""
    folder = next((parent for parent in path.absolute().parents if parent.is_dir()), None)
    room = "" if folder is None else f" {shutil.disk_usage(folder).free / 1e6:.0f} MB are free in {folder}."
    return RasterError(
        f"{path} could not be written: {reason(error)}{room} Nothing was put in place; an older file is as it was."
    )
