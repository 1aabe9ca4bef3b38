"""What of a sample lies on the pixel grid, and so moves when the image moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray


class SpatialField(NamedTuple):
    """How one array of a sample is moved.

    Attributes:
        interpolation: ``'linear'`` for quantities, ``'nearest'`` for numbers that name something, ``'all'`` for a mask that
            holds 1 only where everything that went into a pixel was 1.
        fill: What the array holds outside of the image.
    """

    interpolation: Literal["linear", "nearest", "all"]
    fill: float


SPATIAL_FIELDS: dict[str, SpatialField] = {
    "img": SpatialField("linear", 0),
    "gt_seg_map": SpatialField("nearest", 255),
    "valid_mask": SpatialField("all", 0),
    "gt_edge_map": SpatialField("nearest", 255),
    "gt_depth_map": SpatialField("linear", 0),
    "height": SpatialField("linear", 0),
    "height_valid": SpatialField("all", 0),
    "gt_height": SpatialField("linear", 0),
    "index_map": SpatialField("nearest", -1),
}
"""Every array that the geometric transforms move, by its key. A new one is moved everywhere once it stands here."""

_LISTED_BY_MMSEG = SpatialField("nearest", 255)


def fields_of(results: dict[str, Any]) -> Iterator[tuple[str, SpatialField]]:
    """Yield key and field of every array of a sample that lies on the pixel grid.

    These are the keys of :data:`SPATIAL_FIELDS`, and what mmseg lists under ``seg_fields``.
    """
    keys = dict.fromkeys([*SPATIAL_FIELDS, *results.get("seg_fields", [])])
    for key in keys:
        if results.get(key) is not None:
            yield key, SPATIAL_FIELDS.get(key, _LISTED_BY_MMSEG)


def add_seg_field(results: dict[str, Any], key: str, array: NDArray[Any]) -> None:
    """Put an array into a sample where mmseg's own geometric transforms find it too."""
    results[key] = array
    listed = results.setdefault("seg_fields", [])
    if key not in listed:
        listed.append(key)


def ensure_valid_mask(results: dict[str, Any]) -> None:
    """Give a sample without a valid mask one that is valid everywhere, before a transform adds pixels that are not."""
    if results.get("valid_mask") is None:
        add_seg_field(results, "valid_mask", np.ones(results["img"].shape[:2], np.uint8))
