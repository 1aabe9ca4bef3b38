"""Geometries as people draw them: broken ones are mended, and told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.raster.vectors.libraries import shapely

_KINDS = {
    "missing": "without geometry",
    "empty": "with an empty geometry",
    "mended": "self-crossing or otherwise invalid, mended",
    "unmendable": "broken beyond mending, left out",
    "unplaceable": "without a place in the image's coordinate system, left out",
}
_EXAMPLES = 5
_COLLECTION = 7


@dataclass(frozen=True)
class GeometryFaults:
    """What is wrong with geometries of a layer; nothing, when it is false.

    Attributes:
        counts: How many features are faulty, by kind: ``'missing'`` (no geometry), ``'empty'``, ``'mended'`` (self-crossing or
            otherwise invalid polygons, made valid), ``'unmendable'`` and ``'unplaceable'`` (left out).
        examples: Ids of the first five of each kind.
    """

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, faulty: Mapping[str, NDArray[np.int64]]) -> GeometryFaults:
        """Count the faulty features, given their ids by kind; a feature of several parts counts once."""
        ids = {kind: np.unique(found) for kind, found in faulty.items() if len(found)}
        return cls(
            {kind: len(found) for kind, found in ids.items()},
            {kind: tuple(int(number) for number in found[:_EXAMPLES]) for kind, found in ids.items()},
        )

    def __bool__(self) -> bool:
        return bool(self.counts)

    @property
    def spelled(self) -> str:
        """The faults in words, with the first features of each kind."""
        told = []
        for kind, count in self.counts.items():
            named = ", ".join(map(str, self.examples[kind]))
            more = ", …" if count > len(self.examples[kind]) else ""
            told.append(f"{count} {_KINDS[kind]} ({'feature' if count == 1 else 'features'} {named}{more})")
        return "; ".join(told)


def single_kinds(shapes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Take collections of points, lines and polygons apart.

    Args:
        shapes: ``(n,)`` geometries; ``None`` where there is none.

    Returns:
        The geometries, members in the place of their collections, and for each the index that it had.
    """
    library = shapely()
    owners = np.arange(len(shapes))
    while True:
        is_collection = (library.get_type_id(shapes) == _COLLECTION) & ~library.is_empty(shapes)
        if not is_collection.any():
            return shapes, owners
        members, which = library.get_parts(shapes[is_collection], return_index=True)
        everything = np.concatenate([shapes[~is_collection], members])
        everyone = np.concatenate([owners[~is_collection], owners[is_collection][which]])
        order = np.argsort(everyone, kind="stable")
        shapes, owners = everything[order], everyone[order]


def mend(shapes: NDArray[Any]) -> tuple[NDArray[Any], dict[str, NDArray[np.int64]]]:
    """Make geometries valid.

    Args:
        shapes: ``(n,)`` geometries, no collections but empty ones.

    Returns:
        The same, polygons that crossed themselves made valid (``shapely.make_valid``) and still polygons, and ``None`` in place
        of those that cannot be used; and by kind of fault the indices of the faulty ones.
    """
    library = shapely()
    shapes = shapes.copy()
    missing, empty = library.is_missing(shapes), library.is_empty(shapes)
    xy, owners = library.get_coordinates(shapes, return_index=True)
    unmendable = np.zeros(len(shapes), np.bool_)
    unmendable[owners[~np.isfinite(xy).all(axis=1)]] = True
    invalid = ~(missing | empty | unmendable | library.is_valid(shapes))
    for index in np.nonzero(invalid)[0]:
        shapes[index] = _mended(library, shapes[index])
        unmendable[index] = shapes[index] is None
    shapes[empty | unmendable] = None
    kinds = {"missing": missing, "empty": empty, "mended": invalid & ~unmendable, "unmendable": unmendable}
    return shapes, {kind: np.nonzero(found)[0] for kind, found in kinds.items()}


def of_one_dimension(shape: Any, dimension: int) -> Any:
    """Keep of a geometry what is of a dimension.

    Args:
        shape: A geometry.
        dimension: 0 for points, 1 for lines, 2 for polygons.

    Returns:
        What is left: polygons without the lines and points that cutting and mending leave behind; ``None`` where nothing is.
    """
    library = shapely()
    if library.get_type_id(shape) != _COLLECTION:
        return shape if library.get_dimensions(shape) == dimension and not library.is_empty(shape) else None
    parts, _ = single_kinds(library.get_parts(shape))
    kept = library.get_parts(parts[library.get_dimensions(parts) == dimension])
    makers = (library.multipoints, library.multilinestrings, library.multipolygons)
    return makers[dimension](kept) if len(kept) else None


def _mended(library: Any, shape: Any) -> Any:
    try:
        return of_one_dimension(library.make_valid(shape), int(library.get_dimensions(shape)))
    except library.errors.GEOSException:
        return None
