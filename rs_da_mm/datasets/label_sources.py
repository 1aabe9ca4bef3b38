"""Classes on an image's grid, window by window, whatever the labels are: rasters on that grid or another, or shapes.

Everything that looks at labels (loading, class counts, statistics, checks) reads them through :func:`label_source`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.area_of_interest import AreaOfInterest
from rs_da_mm.datasets.label_code import IGNORED, LabelCode, UnknownLabel
from rs_da_mm.datasets.label_reading import read_label
from rs_da_mm.datasets.scene_files import SceneFiles
from rs_da_mm.datasets.vector_labels import burn
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Scene, Window, clip_window, laid_on, window_slices

_SOURCES = 256


class LabelSource(Protocol):
    """Gives classes on an image's grid by window; can be pickled, and read in any process and thread."""

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Read a window.

        Args:
            window: Where on the image; it may reach beyond the edge.

        Returns:
            ``(H, W)`` class indices; 255 where nothing is labelled, and outside the scene.

        Raises:
            InputError: When the labels cannot be read, or hold something that the legend does not name.
        """


def label_source(files: SceneFiles, code: LabelCode) -> LabelSource:
    """Open the labels of a scene.

    Args:
        files: The scene.
        code: What its labels' colours, values or names mean.

    Returns:
        Its classes by window; what was opened before is kept, as long as no file of the scene changes.

    Raises:
        InputError: When a file cannot be opened, or the labels cannot be brought onto the image.
    """
    return _open(files, code, files.stamps())


def sample_labels(sample: Mapping[str, Any]) -> LabelSource:
    """Open the labels of a sample.

    Args:
        sample: ``label_source``; or ``seg_map_path`` and ``label_code``.

    Returns:
        Its classes by window.

    Raises:
        InputError: When the label cannot be opened.
    """
    source: LabelSource | None = sample.get("label_source")
    return PlainLabels(sample["seg_map_path"], sample["label_code"]) if source is None else source


@lru_cache(maxsize=_SOURCES)
def _open(files: SceneFiles, code: LabelCode, stamps: tuple[tuple[int, int], ...]) -> LabelSource:
    reading = files.reading
    if reading.vectors is not None:
        source: LabelSource = burn(files.label, reading.vectors, files.image(), code)
    elif reading.warps:
        source = WarpedLabels(files, code)
    else:
        source = PlainLabels(files.label, code)
    return source if reading.area is None else LabelsInArea(source, reading.area, files.image())


class PlainLabels:
    """A label raster on its image's grid, as the data sets of publishers have them.

    Args:
        path: The label.
        code: The legend.

    Raises:
        RasterError: When it cannot be opened.
    """

    def __init__(self, path: str | Path, code: LabelCode) -> None:
        self._label, self._code = Scene(path), code

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Read a window; see :class:`LabelSource`."""
        return read_label(self._label, self._code, Window(*window))

    def read_stored(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        """Read a window inside the scene as it is stored, for those who count: ``(H, W)``, and the class of each of 256 values.

        Returns:
            Values and classes, 254 for a value that the legend does not have; ``None`` where labels are not stored so.
        """
        one_byte = self._label.count == 1 and self._label.dtype == np.uint8
        table = self._code.byte_table(self._label.colormap) if one_byte else None
        return None if table is None else (self._label.read(window)[:, :, 0], table)


class WarpedLabels:
    """A label raster of any grid and coordinate system, by its nearest pixel; where it holds no data, nothing is labelled.

    Values may be stored as floating-point numbers, as long as they are whole.

    Args:
        files: The scene.
        code: The legend. A value that it names is a label, also where the file calls it nodata.
    """

    def __init__(self, files: SceneFiles, code: LabelCode) -> None:
        label = open_label_raster(files, code)
        self._path, self._colormap, self._code = str(files.label), label.colormap, code
        self._source = laid_on(label, files.image())

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Read a window; see :class:`LabelSource`."""
        window = Window(*window)
        labels = np.full((window.height, window.width), IGNORED, np.uint8)
        inside = clip_window(window, self._source.height, self._source.width)
        if inside.height and inside.width:
            raw, valid = self._raw(inside)
            place = window_slices(inside, (window.row, window.col))
            labels[place] = self._code.decode(
                raw, self._path, colormap=self._colormap, origin=(inside.row, inside.col), valid=valid
            )
        return labels

    def read_stored(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        """As :meth:`PlainLabels.read_stored`; where there is no data, that of the file's nodata value counts as ignored."""
        one_byte = self._source.count == 1 and self._source.dtype == np.uint8
        table = self._code.byte_table(self._colormap) if one_byte else None
        if table is None:
            return None
        raw, valid = self._source.read_with_valid(window)
        raw = raw[:, :, 0]
        if valid.all():
            return raw, table
        nodata = self._source.nodata if isinstance(self._source, Scene) else None
        if nodata is None or not (valid != (raw == nodata)).all():
            return None
        table = table.copy()
        table[int(nodata)] = IGNORED
        return raw, table

    def find_unknown(self, window: Window) -> list[UnknownLabel]:
        """List what the legend does not name in a window inside the scene, the most frequent first."""
        raw, valid = self._raw(window)
        origin = (window.row, window.col)
        return self._code.find_unknown(raw, self._path, colormap=self._colormap, origin=origin, valid=valid)

    def _raw(self, window: Window) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        raw, valid = self._source.read_with_valid(window)
        return (_whole_numbers(raw, valid, self._path, window) if raw.dtype.kind == "f" else raw), valid


class LabelsInArea:
    """Labels of which only those in an area count.

    Args:
        source: The labels.
        area: The area.
        grid: The image.
    """

    def __init__(self, source: LabelSource, area: AreaOfInterest, grid: Scene) -> None:
        self.source = source
        self._area, self._grid = area, grid

    def read(self, window: Window) -> NDArray[np.uint8]:
        """Read a window; see :class:`LabelSource`."""
        window = Window(*window)
        labels = self.source.read(window)
        labels[~self._area.inside(self._grid, window)] = IGNORED
        return labels


def open_label_raster(files: SceneFiles, code: LabelCode) -> Scene:
    """Open a scene's label raster, so that what the legend names is a label, also where the file calls it nodata.

    Args:
        files: The scene.
        code: The legend.

    Raises:
        RasterError: When it cannot be opened.
    """
    bands = None if files.reading.label_band is None else (files.reading.label_band,)
    label = Scene(files.label, bands)
    if label.nodata is None:
        return label
    named = label.nodata in code.values if label.count == 1 else (label.nodata,) * label.count in code.colours
    return Scene(files.label, bands, nodata=float("nan")) if named else label


def _whole_numbers(raw: NDArray[Any], valid: NDArray[np.uint8], path: str, window: Window) -> NDArray[np.int64]:
    """Take floating-point labels for the whole numbers that they are."""
    data = np.where(valid[..., None] != 0, raw, 0)
    whole = np.rint(data)
    broken = (whole != data) | (np.abs(whole) > 2**31)
    if broken.any():
        row, col, _ = np.argwhere(broken)[0]
        raise DatasetError(
            f"{path}: the label holds {data[row, col].max():g} at row {row + window.row}, column {col + window.col}; labels are "
            "whole numbers. Is it the right file (labels=…), or band (labels=dict(path=…, band=…))?"
        )
    return whole.astype(np.int64)
