"""A scene: one raster, or several that lie on one grid, read by window."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.composition import describe_files, describe_mask, require_same_grid
from rs_da_mm.raster.finest_grid import fitted, onto_finest
from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.interpolation import Resampling, require_method
from rs_da_mm.raster.locations import locate
from rs_da_mm.raster.source import Source
from rs_da_mm.raster.valid import is_number
from rs_da_mm.raster.windows import Window, clip_window, window_slices


class Scene:
    """A raster, opened to be read by window; several files of one size and place can be one scene.

    Nothing is read before it is asked for. A scene holds no open file: it can be pickled, and read in any process and thread.

    Args:
        source: A file that GDAL opens (GeoTIFF, JPEG, PNG, VRT, …), or several, whose bands are counted on from file to file.
            Also what GDAL or rasterio read beyond files, as a string that is kept to the letter: ``/vsizip/a.zip/b.tif``,
            ``zip://a.zip!b.tif``, ``https://…``, ``s3://…``, ``NETCDF:"a.nc":rain``.
        bands: Band numbers over all files, counted from 1: any subset in any order. Without it, all bands that are not alpha.
        mask: A single-band raster of the scene's size, 0 where there is no data. It takes the place of everything that the files
            themselves say about that.
        nodata: The value that means "no data", in place of the files' own.
        alpha: Whether a band that a file marks as alpha is one. ``False`` where the mark is wrong, as on the near infrared of
            ISPRS Potsdam's RGBIR files: the band is then an image band like any other. (An alpha band that ``bands`` names is an
            image band in any case, and decides nothing.)
        resample: How files of different pixel size are brought to the finest, which is then the scene's: ``'nearest'``,
            ``'bilinear'`` or ``'cubic'``; which pixels hold data, and the mask, go by the nearest. All must cover the same
            ground, to half a pixel of the coarser. A pixel has the same bits in whichever window it is read. Without it such
            files are refused.

    Raises:
        RasterError: When a file is missing or unreadable, a band does not exist, or the files (or the mask) differ in size, CRS
            or grid, and are not resampled, or do not cover the same ground.
    """

    def __init__(
        self,
        source: str | Path | Sequence[str | Path],
        bands: Sequence[int] | None = None,
        mask: str | Path | None = None,
        nodata: float | None = None,
        *,
        alpha: bool = True,
        resample: Resampling | None = None,
    ) -> None:
        paths = [source] if isinstance(source, (str, Path)) else source
        if not paths:
            raise RasterError("A scene needs a file; the list of files is empty.")
        self.paths = tuple(map(locate, paths))
        self._sources = describe_files(self.paths, bands, nodata, alpha)
        self._mask = None if mask is None else describe_mask(locate(mask))
        if resample is None:
            self._require_one_grid()
        else:
            require_method(resample, self.name)
            self._sources = onto_finest(self._sources, resample)
            self._mask = self._mask and fitted(self._sources[0], self._mask, "nearest")
        self._dtype = np.result_type(*(part.dtype for part in self._sources))

    def __repr__(self) -> str:
        return f"Scene({self.name}, {self.height} x {self.width}, {self.count} x {self.dtype})"

    @property
    def name(self) -> str:
        """The file, or the first of several, for messages."""
        more = f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else ""
        return f"{self.paths[0]}{more}"

    @property
    def height(self) -> int:
        """Rows."""
        return self._sources[0].height

    @property
    def width(self) -> int:
        """Columns."""
        return self._sources[0].width

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def count(self) -> int:
        """Number of selected bands."""
        return sum(len(source.bands) for source in self._sources)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The file's dtype; of several, the smallest that holds them all (``numpy.result_type``)."""
        return self._dtype

    @property
    def crs(self) -> Any:
        """Coordinate system of :attr:`transform` (rasterio's ``CRS``), ``None`` when the file names none."""
        return self.georeference().crs

    @property
    def transform(self) -> Affine:
        """Pixel (column, row) to map coordinates; the identity when the file has none."""
        return self.georeference().transform

    @property
    def gcps(self) -> tuple[list[Any], Any] | None:
        """Ground control points and their CRS, ``None`` when the file has none."""
        georeference = self.georeference()
        return (list(georeference.gcps), georeference.gcps_crs) if georeference.gcps else None

    @property
    def nodata(self) -> float | None:
        """The value that means "no data" in the first selected band, whether or not a mask or alpha band goes before it."""
        return self._per_band("nodata")[0]

    @property
    def descriptions(self) -> tuple[str | None, ...]:
        """The file's name of each selected band."""
        return self._per_band("descriptions")

    @property
    def res(self) -> tuple[float, float]:
        """Width and height of a pixel in units of the CRS (1, 1 without a grid)."""
        return self.georeference().res

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top in map coordinates; of a rotated grid, the box around it."""
        t = self.transform
        xs = [t.c + t.a * col + t.b * row for col in (0, self.width) for row in (0, self.height)]
        ys = [t.f + t.d * col + t.e * row for col in (0, self.width) for row in (0, self.height)]
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def block_shape(self) -> tuple[int, int]:
        """Rows and columns of the blocks that the first file is stored in, on this grid; windows that fit them read fastest."""
        return self._sources[0].block_shape

    @property
    def colormap(self) -> dict[int, tuple[int, int, int, int]] | None:
        """Value to (red, green, blue, alpha) of a palette image, else ``None``."""
        return next(source.colormap for source in self._sources if 0 in source.places)

    def georeference(self) -> Georeference:
        """Where the scene lies: CRS, grid and control points, to be handed to a writer."""
        return next((s.georeference for s in self._sources if not s.georeference.is_empty), self._sources[0].georeference)

    def profile_like(self) -> dict[str, Any]:
        """The keywords with which :class:`~rs_da_mm.raster.RasterWriter` writes a raster of this size, kind and place."""
        return {
            "height": self.height,
            "width": self.width,
            "count": self.count,
            "dtype": self.dtype,
            "georeference": self.georeference(),
            "nodata": self.nodata,
            "descriptions": self.descriptions,
        }

    def read(self, window: Window | None = None) -> NDArray[Any]:
        """Read pixels.

        Args:
            window: Where; the whole scene when it is not given. It may reach beyond the edge.

        Returns:
            ``(H, W, bands)``, C-contiguous, in :attr:`dtype`. What lies outside the scene is 0, and so is a value that is no
            number (NaN, infinite): none may reach a model. All else is as stored, nodata values too.

        Raises:
            RasterError: When the window cannot be read; the message names file and window.
        """
        return self._read(self._window(window), valid=None)

    def read_valid(self, window: Window | None = None) -> NDArray[np.uint8]:
        """Read which pixels hold data.

        The scene's ``mask`` decides when there is one. Otherwise each file speaks for itself, by the first of these that it has,
        and a pixel holds data where every file says so:

        1. its per-dataset mask, inside it or in a ``.msk`` file beside it,
        2. its alpha band: not 0,
        3. its nodata value: not in *all* of its selected bands at once, as in GDAL's dataset mask,
        4. everywhere.

        In any case a pixel with a value that is no number holds none.

        Args:
            window: Where; the whole scene when it is not given. It may reach beyond the edge.

        Returns:
            ``(H, W)``, 1 where there is data, 0 elsewhere and outside the scene.

        Raises:
            RasterError: When the window cannot be read; the message names file and window.
        """
        window = self._window(window)
        valid = np.zeros((window.height, window.width), dtype=np.uint8)
        inside = clip_window(window, self.height, self.width)
        if inside.height and inside.width:
            part = valid[window_slices(inside, (window.row, window.col))]
            part[...] = self._valid_inside(inside, [None] * len(self._sources))
        return valid

    def read_with_valid(self, window: Window | None = None) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Read pixels and which of them hold data in one go: what :meth:`read` and :meth:`read_valid` give, decoded once."""
        window = self._window(window)
        valid = np.zeros((window.height, window.width), dtype=np.uint8)
        return self._read(window, valid), valid

    def _require_one_grid(self) -> None:
        files_used = [*self._sources, *([self._mask] if self._mask else [])]
        placed = next((file for file in files_used if not file.georeference.is_empty), files_used[0])
        for other in files_used:
            require_same_grid(placed, other)

    def _window(self, window: Window | None) -> Window:
        if window is None:
            return Window(0, 0, self.height, self.width)
        window = Window(*window)  # a plain tuple will do
        if window.height < 1 or window.width < 1:
            raise RasterError(f"{self.name}: a window of {window.height} x {window.width} pixels has nothing to read.")
        return window

    def _read(self, window: Window, valid: NDArray[np.uint8] | None) -> NDArray[Any]:
        inside = clip_window(window, self.height, self.width)
        make = np.empty if inside == window else np.zeros
        pixels = make((window.height, window.width, self.count), dtype=self.dtype)
        if not inside.height or not inside.width:
            return pixels
        place = window_slices(inside, (window.row, window.col))
        parts = [self._read_source(source, inside, pixels[place]) for source in self._sources]
        if valid is not None:
            valid[place] = self._valid_inside(inside, parts)
        numbers = is_number(pixels)
        if numbers is not None:
            pixels[~numbers] = 0
        return pixels

    def _read_source(self, source: Source, inside: Window, pixels: NDArray[Any]) -> NDArray[Any]:
        """Read one file's bands to their places in ``pixels``; returns them in the file's own order and dtype."""
        if source.places == tuple(range(self.count)) and source.dtype == pixels.dtype:
            source.read(inside, pixels)
            return pixels
        part = np.empty((inside.height, inside.width, len(source.bands)), source.dtype)
        source.read(inside, part)
        pixels[:, :, source.places] = part
        return part

    def _valid_inside(self, inside: Window, parts: Sequence[NDArray[Any] | None]) -> NDArray[np.bool_] | np.bool_:
        if self._mask is None and all(source.holds_data_everywhere for source in self._sources):
            return np.True_
        if self._mask is not None:
            said = np.empty((inside.height, inside.width, 1), self._mask.dtype)
            self._mask.read(inside, said)
            valid = said[:, :, 0] != 0
        else:
            valid = np.ones((inside.height, inside.width), dtype=np.bool_)
        for source, part in zip(self._sources, parts, strict=True):
            valid &= source.read_valid(inside, part, by_rule=self._mask is None)
        return valid

    def _per_band(self, what: str) -> tuple[Any, ...]:
        """Put what the files say about their bands into the scene's order."""
        found: dict[int, Any] = {}
        for source in self._sources:
            values = source.rule.nodata if what == "nodata" else source.descriptions
            found.update(zip(source.places, values, strict=True))
        return tuple(found[place] for place in range(self.count))
