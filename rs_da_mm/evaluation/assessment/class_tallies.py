"""Pixels and area by class, or by the classes of two rasters on one grid, block by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import RasterError
from rs_da_mm.evaluation.assessment.class_raster import ClassRaster
from rs_da_mm.evaluation.assessment.legend import own_record

MOST_CLASSES = 1000
_TABLE = 1 << 16


class Tally(NamedTuple):
    """What there is of a class.

    Attributes:
        pixels: Number of pixels.
        area: Square metres; the number of pixels where the areas of pixels are not known.
    """

    pixels: int
    area: float


def tally_values(rasters: Sequence[ClassRaster]) -> dict[tuple[int, ...], Tally]:
    """Count the pixels of rasters on one grid.

    Args:
        rasters: One or more of one size; the first says how large a pixel is.

    Returns:
        What there is of each combination of class numbers that occurs, where all rasters have data.

    Raises:
        RasterError: When one cannot be read, or holds so many numbers that it is none of classes.
    """
    cells = rasters[0].cells
    per_row = np.ones(rasters[0].scene.height) if cells is None else cells.per_row
    pixels: dict[tuple[int, ...], int] = {}
    areas: dict[tuple[int, ...], float] = {}
    for window in rasters[0].windows():
        read = [raster.read(window) for raster in rasters]
        valid = np.logical_and.reduce([has for _, has in read])
        if not valid.any():
            continue
        codes, keys = _combined([values[valid] for values, _ in read])
        counts = np.bincount(codes)
        sizes = np.bincount(codes, weights=per_row[window.row + np.nonzero(valid)[0]])
        for key, number, size in zip(keys, counts.tolist(), sizes.tolist(), strict=True):
            pixels[key] = pixels.get(key, 0) + number
            areas[key] = areas.get(key, 0.0) + size
        for place, raster in enumerate(rasters):
            if len({key[place] for key in pixels}) > MOST_CLASSES:
                raise RasterError(
                    f"{raster.path} holds more than {MOST_CLASSES} different numbers; that is no raster of classes."
                )
    return {key: Tally(pixels[key], areas[key]) for key in sorted(pixels)}


def class_tally(raster: ClassRaster) -> Mapping[int, Tally]:
    """Count the pixels of each class of a map: from its own record where it has one, else by reading it.

    Args:
        raster: The map.

    Returns:
        What there is of each class number that occurs.

    Raises:
        RasterError: As for :func:`tally_values`, and when no pixel has data.
    """
    tally = _recorded(raster) or {values[0]: part for values, part in tally_values([raster]).items()}
    if not tally:
        raise RasterError(f"{raster.path} has no pixel with data; there is nothing to assess.")
    return tally


def compressed(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number values from 0 on, as ``numpy.unique`` does, without sorting them where they lie close together.

    Args:
        values: Integers, shape (n,), n > 0.

    Returns:
        The numbers that occur, ascending, and for each value its place among them.
    """
    low, high = int(values.min()), int(values.max())
    if high - low >= _TABLE:
        found, codes = np.unique(values, return_inverse=True)
        return found.astype(np.int64), codes.reshape(-1)
    shifted = values.astype(np.int64) - low
    present = np.bincount(shifted, minlength=high - low + 1) > 0
    return np.flatnonzero(present) + low, (np.cumsum(present) - 1)[shifted]


def _combined(columns: Sequence[NDArray[Any]]) -> tuple[NDArray[np.int64], list[tuple[int, ...]]]:
    """Number the combinations of values that occur, and say which numbers stand for which."""
    found, codes = compressed(columns[0])
    keys: list[tuple[int, ...]] = [(int(value),) for value in found]
    for column in columns[1:]:
        more, places = compressed(column)
        both, codes = compressed(codes * len(more) + places)
        keys = [(*keys[code // len(more)], int(more[code % len(more)])) for code in both.tolist()]
    return codes, keys


def _recorded(raster: ClassRaster) -> dict[int, Tally]:
    record = own_record(raster.path)
    if record is None or record.get("pixels", {}).get("total") != raster.scene.height * raster.scene.width:
        return {}
    entries = [entry for entry in record["classes"] if entry["pixels"]]
    if raster.cells is None:
        return {int(entry["index"]): Tally(int(entry["pixels"]), float(entry["pixels"])) for entry in entries}
    if any(entry.get("area_m2") is None for entry in entries):
        return {}
    return {int(entry["index"]): Tally(int(entry["pixels"]), float(entry["area_m2"])) for entry in entries}
