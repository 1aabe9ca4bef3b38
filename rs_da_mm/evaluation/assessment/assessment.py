"""What an assessment of a map finds, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.evaluation.area_adjusted import AreaAdjusted

Design = Literal["stratified", "random", "polygons", "wall-to-wall"]
FEW_UNITS = 30
"""Fewer than these, and an interval from the normal distribution is only rough."""


@dataclass(frozen=True)
class Assessment:
    """A map compared with a reference.

    Attributes:
        map: The map's file.
        reference: The reference's file.
        source: Where in it the classes stand, as ``field 'class'``; empty for a raster.
        kind: What was compared: ``'point'``, ``'polygon'`` or ``'pixel'``.
        units: How many points, polygons or pixels.
        design: How they were chosen.
        strata: Names of the strata of a stratified sample that are not the classes of the map; empty where they are.
        confidence: Of the intervals, as 0.95.
        classes: Names, shape (K,).
        counts: Points, or pixels, by class in the map (rows) and in the reference (columns), shape (K, K).
        per_class: Points, polygons or pixels of each class in the reference, shape (K,).
        mapped: Share of each class in the map, shape (K,).
        estimates: Accuracy and areas.
        total: Area of the map, in square metres, or in pixels where their areas are not known.
        is_area: Whether ``total`` is in square metres.
        left_out: How many features (or pixels of a reference raster) were not compared, by reason.
        matched: Which value of the reference was taken for which class, where it is not its name.
        notes: What must be told beside the numbers, a sentence each.
    """

    map: str
    reference: str
    source: str
    kind: Literal["point", "polygon", "pixel"]
    units: int
    design: Design
    strata: tuple[str, ...]
    confidence: float
    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    per_class: NDArray[np.int64]
    mapped: NDArray[np.float64]
    estimates: AreaAdjusted
    total: float
    is_area: bool
    left_out: Mapping[str, int] = field(default_factory=dict)
    matched: str = ""
    notes: tuple[str, ...] = ()


def rough_intervals(counts: NDArray[np.int64], classes: tuple[str, ...], confidence: float) -> list[str]:
    """Say where the formula of the interval promises too much, for a sample of points.

    Args:
        counts: Points by class in the map and in the reference, shape (K, K).
        classes: Names, shape (K,).
        confidence: Of the intervals.

    Returns:
        A sentence on classes with few points, and one on those without an error among theirs, whose interval has no width. For
        these it gives the share of wrong pixels that would be found in none of n points with probability 1 - ``confidence``:
        1 - (1 - confidence)^(1/n).
    """
    sentences = []
    mapped = counts.sum(1)
    few = [f"{name} ({n})" for name, n in zip(classes, mapped.tolist(), strict=True) if 0 < n < FEW_UNITS]
    if few:
        sentences.append(f"Fewer than {FEW_UNITS} points, so that the interval is only rough: {', '.join(few)}.")
    certain = [
        f"{name} (up to {100 * (1 - (1 - confidence) ** (1 / n)):.0f} %)"
        for k, (name, n) in enumerate(zip(classes, mapped.tolist(), strict=True))
        if n > 0 and counts[k, k] == n
    ]
    if certain:
        sentences.append(
            f"No error among the points of these, which does not mean that there is none in the map: {', '.join(certain)} "
            "of its area could be wrong."
        )
    return sentences
