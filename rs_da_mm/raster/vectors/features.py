"""Reading features from a vector file: those in a box, or all."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.raster.locations import Location, local_file
from rs_da_mm.raster.vectors.attributes import Value, plain_values
from rs_da_mm.raster.vectors.libraries import pyogrio, shapely

Box = tuple[float, float, float, float]
_KEPT_BYTES = 2**29
"""Up to this size, a file that finds nothing by place is read once and kept; a larger one is read through every time."""


class LayerSource(NamedTuple):
    """Where features are read from.

    Attributes:
        path: The file.
        layer: The layer.
        where: Condition on the attributes in SQL, or ``None``.
        finds_by_place: Whether the file has an index of places, so that a box is read without reading all.
    """

    path: Location
    layer: str
    where: str | None
    finds_by_place: bool

    @property
    def stamp(self) -> tuple[int, int] | None:
        """Tells the file from another that took its place; ``None`` for what is no local file."""
        file = local_file(self.path)
        if file is None:
            return None
        try:
            state = file.stat()
        except OSError as error:
            raise InputError(f"{self.path} cannot be reached: {error.strerror}.") from error
        return state.st_size, state.st_mtime_ns


class Features(NamedTuple):
    """Features of a layer, in its order.

    Attributes:
        ids: ``(n,)``, their ids.
        shapes: ``(n,)`` shapely geometries in the layer's coordinates; ``None`` where a feature has none.
        values: The attribute that was asked for; ``None`` where none was.
    """

    ids: NDArray[np.int64]
    shapes: NDArray[Any]
    values: list[Value] | None


def read_features(source: LayerSource, field: str | None, box: Box | None) -> Features:
    """Read features, in the order of their ids, which is that of the layer.

    Args:
        source: Where from.
        field: An attribute to read along, or ``None``.
        box: Left, bottom, right, top in the layer's coordinates; only features whose own box touches it. ``None`` for all.

    Returns:
        The features.

    Raises:
        InputError: When the file cannot be read.
    """
    if box is not None and not source.finds_by_place and _fits(source):
        ids, shapes, bounds = _all_shapes(source, source.stamp)
        values = None if field is None else read_values(source, field)[1]
        left, bottom, right, top = bounds.T  # NaN of a feature without geometry, which lies in no box
        (chosen,) = np.nonzero((left <= box[2]) & (right >= box[0]) & (bottom <= box[3]) & (top >= box[1]))
        return Features(ids[chosen], shapes[chosen], None if values is None else [values[index] for index in chosen])
    ids, wkb, columns = _read(source, [] if field is None else [field], box)
    order = np.argsort(ids, kind="stable")
    values = None if field is None else plain_values(columns[0][order])
    return Features(ids[order], _shapes(wkb[order]), values)


def read_values(source: LayerSource, field: str) -> tuple[NDArray[np.int64], list[Value]]:
    """Read one attribute of all features, without their geometries: ids and values, in the order of the ids."""
    return _column(source, source.stamp, field)


def _fits(source: LayerSource) -> bool:
    stamp = source.stamp
    return stamp is None or stamp[0] <= _KEPT_BYTES


@lru_cache(maxsize=4)
def _all_shapes(source: LayerSource, stamp: Any) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.float64]]:
    features = read_features(source, None, None)
    return features.ids, features.shapes, shapely().bounds(features.shapes).reshape(-1, 4)


@lru_cache(maxsize=8)
def _column(source: LayerSource, stamp: Any, field: str) -> tuple[NDArray[np.int64], list[Value]]:
    ids, _, columns = _read(source, [field], None, geometry=False)
    order = np.argsort(ids, kind="stable")
    return ids[order], plain_values(columns[0][order])


def _shapes(wkb: NDArray[Any]) -> NDArray[Any]:
    """Decode geometries; one whose bytes make none becomes an empty one, which is told apart from one that is missing."""
    library = shapely()
    shapes = library.from_wkb(wkb, on_invalid="ignore")
    broken = np.array([bytes_ is not None for bytes_ in wkb], np.bool_) & library.is_missing(shapes)
    shapes[broken] = library.GeometryCollection()
    return shapes


def _read(
    source: LayerSource, fields: list[str], box: Box | None, geometry: bool = True
) -> tuple[NDArray[np.int64], Any, list[Any]]:
    # A condition may name any field, and some drivers then want them all read.
    columns = fields if source.where is None else None
    try:
        meta, ids, wkb, data = pyogrio().raw.read(
            source.path,
            layer=source.layer,
            columns=columns,
            read_geometry=geometry,
            force_2d=True,
            where=source.where,
            bbox=box,
            return_fids=True,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{source.path}, layer {source.layer!r}, cannot be read: {error}") from error
    names = list(meta["fields"])
    return np.asarray(ids, np.int64), wkb, [data[names.index(field)] for field in fields]
