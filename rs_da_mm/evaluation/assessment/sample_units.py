"""Sample units on a map: the pixel below a point, the pixels in a polygon."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.class_raster import ClassRaster
from rs_da_mm.evaluation.assessment.placement import Placement
from rs_da_mm.evaluation.assessment.reference import Reference
from rs_da_mm.raster import Window, clip_window
from rs_da_mm.raster.vectors.libraries import shapely
from rs_da_mm.raster.vectors.mending import GeometryFaults, mend

_KINDS = {0: "points", 1: "lines", 2: "polygons"}
_COLLECTION = 7
_AT_ONCE = 1 << 20
_OUTSIDE, _NO_DATA = "outside the map", "where the map has no data"


@dataclass(frozen=True)
class Units:
    """Units with what a map says of their pixels.

    Attributes:
        kind: What a unit is.
        features: Which feature of the reference each unit is, shape (n,).
        unit: Unit of each entry below, shape (m,).
        values: A class number of the map, shape (m,).
        pixels: How many pixels of the unit have it, shape (m,).
        left_out: How many features are no units, by reason.
        notes: What else must be told, a sentence each.
    """

    kind: Literal["point", "polygon"]
    features: NDArray[np.int64]
    unit: NDArray[np.int64]
    values: NDArray[np.int64]
    pixels: NDArray[np.int64]
    left_out: Counter[str]
    notes: tuple[str, ...] = ()


def find_units(raster: ClassRaster, reference: Reference, labels: Sequence[str | None]) -> Units:
    """Look up what a map says where the features of a reference are.

    Args:
        raster: The map.
        reference: Points, or polygons.
        labels: Class of each feature; those without one are left out.

    Returns:
        Points whose pixel has data, or polygons of which some pixel has. A pixel is in a polygon when its centre is. A polygon
        between the centres counts with the one pixel below it.

    Raises:
        InputError: When the features are neither points nor polygons, or none is left.
    """
    library = shapely()
    is_labelled = np.array([label is not None for label in labels], bool)
    # What mending does not know of is left as it is: a collection has no kind.
    shapes = reference.shapes.copy()
    shapes[library.get_type_id(shapes) == _COLLECTION] = None
    mended, faulty = mend(shapes)
    is_shape = ~library.is_missing(mended)
    (usable,) = np.nonzero(is_shape & is_labelled)
    if not len(usable):
        raise InputError(
            f"{reference.path}: not one of its {len(is_labelled)} features has both a shape and a class "
            f"({int(is_labelled.sum())} have a class)."
        )
    left_out = Counter(
        {"without a usable shape": int((~is_shape).sum()), "without a class": int((is_shape & ~is_labelled).sum())}
    )
    kinds = set(library.get_dimensions(mended[usable]).tolist())
    if kinds not in ({0}, {2}):
        found = " and ".join(_KINDS.get(kind, "shapes") for kind in sorted(kinds))
        raise InputError(f"{reference.path} holds {found}; points or polygons are needed, and not both in one layer.")
    ids = np.array(reference.ids, np.int64)
    faults = GeometryFaults.of({kind: ids[found] for kind, found in faulty.items() if kind in ("mended", "unmendable")})
    notes = [f"Shapes: {faults.spelled}."] if faults else []
    look_up = _points if kinds == {0} else _polygons
    return look_up(Placement(raster, reference), raster, reference, mended, usable, left_out, notes)


def _points(
    placement: Placement,
    raster: ClassRaster,
    reference: Reference,
    shapes: NDArray[Any],
    usable: NDArray[np.int64],
    left_out: Counter[str],
    notes: list[str],
) -> Units:
    library = shapely()
    several = usable[library.get_num_coordinates(shapes[usable]) > 1]
    if len(several):
        raise InputError(
            f"{reference.path}: {len(several)} features hold several points, the first is {reference.ids[several[0]]}; one per "
            "feature is needed (QGIS: Multipart to singleparts)."
        )
    rows, cols = placement.pixels_of(library.get_coordinates(shapes[usable]))
    is_inside = (rows >= 0) & (cols >= 0) & (rows < raster.scene.height) & (cols < raster.scene.width)
    if not is_inside.any():
        raise placement.nowhere()
    values, known = raster.at(rows, cols)
    left_out[_OUTSIDE], left_out[_NO_DATA] = int((~is_inside).sum()), int((is_inside & ~known).sum())
    if not known.any():
        raise InputError(f"{reference.path}: all points on {raster.path} lie where it has no data.")
    shared = int(known.sum()) - len(np.unique(rows[known] * raster.scene.width + cols[known]))
    if shared:
        notes.append(f"{shared} points share their pixel with another one; each was counted.")
    count = int(known.sum())
    return Units("point", usable[known], np.arange(count), values[known], np.ones(count, np.int64), left_out, tuple(notes))


def _polygons(
    placement: Placement,
    raster: ClassRaster,
    reference: Reference,
    shapes: NDArray[Any],
    usable: NDArray[np.int64],
    left_out: Counter[str],
    notes: list[str],
) -> Units:
    placed = placement.place(shapes[usable])
    bounds = shapely().bounds(placed)
    features: list[int] = []
    entries: list[tuple[int, int, int]] = []
    small = 0
    for feature, shape, box in zip(usable.tolist(), placed, bounds, strict=True):
        window = _touched(box, raster)
        if window is None:
            left_out[_OUTSIDE] += 1
            continue
        centres, values = _inside(raster, shape, window)
        if not centres:
            small += 1
            values = _below(raster, shape)
        if values:
            entries += [(len(features), value, count) for value, count in values.items()]
            features.append(feature)
        else:
            left_out[_NO_DATA] += 1
    if left_out[_OUTSIDE] == len(usable):
        raise placement.nowhere()
    if not features:
        raise InputError(f"{reference.path}: all polygons on {raster.path} lie where it has no data.")
    if small:
        notes.append(f"{small} polygons hold the centre of no pixel; the pixel below each was counted.")
    unit, value, count = np.array(entries, np.int64).T
    return Units("polygon", np.array(features), unit, value, count, left_out, tuple(notes))


def _inside(raster: ClassRaster, shape: Any, box: Window) -> tuple[int, dict[int, int]]:
    """How many pixel centres of the raster lie in a polygon, and the pixels of each class number among those with data."""
    library = shapely()
    library.prepare(shape)
    centres, counts = 0, Counter[int]()
    for window in _strips(box):
        rows, cols = np.mgrid[window.row : window.row + window.height, window.col : window.col + window.width]
        is_in = library.contains_xy(shape, cols + 0.5, rows + 0.5)
        if not is_in.any():
            continue
        centres += int(is_in.sum())
        values, valid = raster.read(window)
        numbers, pixels = np.unique(values[is_in & valid], return_counts=True)
        counts.update(dict(zip(numbers.tolist(), pixels.tolist(), strict=True)))
    return centres, dict(counts)


def _below(raster: ClassRaster, shape: Any) -> dict[int, int]:
    """The pixel below a polygon that is smaller than one."""
    point = shapely().point_on_surface(shape)
    values, known = raster.at(np.array([int(np.floor(point.y))]), np.array([int(np.floor(point.x))]))
    return {int(values[0]): 1} if known[0] else {}


def _touched(bounds: NDArray[np.float64], raster: ClassRaster) -> Window | None:
    """The pixels that a box in columns and rows touches; ``None`` where it lies outside, or nowhere at all."""
    if not np.isfinite(bounds).all():
        return None
    left, top = (int(edge) for edge in np.floor(bounds[:2]))
    right, bottom = (int(edge) for edge in np.ceil(bounds[2:]))
    box = clip_window(Window(top, left, max(bottom - top, 1), max(right - left, 1)), raster.scene.height, raster.scene.width)
    return box if box.height and box.width else None


def _strips(box: Window) -> Iterator[Window]:
    """Part a window so that its pixels' coordinates fit into little memory."""
    step = max(1, _AT_ONCE // box.width)
    for row in range(box.row, box.row + box.height, step):
        yield Window(row, box.col, min(step, box.row + box.height - row), box.width)
