"""From counts to estimates: which strata, and what must be told of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.area_adjusted import AreaAdjusted, stratified_estimates
from rs_da_mm.evaluation.assessment.assessment import FEW_UNITS
from rs_da_mm.evaluation.assessment.clusters import cluster_estimates
from rs_da_mm.evaluation.assessment.joined_strata import joined_strata, summed

Counts = NDArray[np.int64]
Sizes = NDArray[np.float64]


def from_map_strata(counts: Counts, sizes: Sizes, classes: Sequence[str]) -> AreaAdjusted:
    """Estimate from a random sample within each class of the map.

    Args:
        counts: Units by class in the map and in the reference, shape (K, K).
        sizes: Area of each class in the map, shape (K,).
        classes: Names, for messages.

    Returns:
        The estimates.

    Raises:
        InputError: When a class of the map has fewer than two units.
    """
    strata = np.zeros((len(classes), *counts.shape), np.int64)
    strata[np.arange(len(classes)), np.arange(len(classes))] = counts
    return from_strata(strata, sizes, classes, "class of the map")


def from_strata(counts: Counts, sizes: Sizes, names: Sequence[str], what: str) -> AreaAdjusted:
    """Estimate from a random sample within each stratum.

    Args:
        counts: Units by stratum, class in the map and class in the reference, shape (H, K, K).
        sizes: Area of each stratum, shape (H,).
        names: Names of the strata, for messages.
        what: What a stratum is, for messages.

    Returns:
        The estimates.

    Raises:
        InputError: When a stratum has fewer than two units.
    """
    units = counts.sum((1, 2))
    thin = [
        f"{name} ({100 * size / sizes.sum():.2g} % of the area): {n}"
        for name, size, n in zip(names, sizes, units.tolist(), strict=True)
        if size > 0 and n < 2
    ]
    if thin:
        raise InputError(
            f"every {what} needs two points or more, and these have fewer: {', '.join(thin)}. Without points nothing can be told "
            "of that part of the map. Label more points there (--sample draws some), or, if the points were drawn from the whole "
            "map whatever it shows, say so with --design random."
        )
    return stratified_estimates(counts, sizes)


def from_random(counts: Counts, sizes: Sizes, classes: Sequence[str]) -> tuple[AreaAdjusted, list[str]]:
    """Estimate from a random sample of the whole map, stratified afterwards by its classes.

    Args:
        counts: Units by class in the map and in the reference, shape (K, K).
        sizes: Area of each class in the map, shape (K,).
        classes: Names, for messages.

    Returns:
        The estimates, and a sentence on classes that were joined because they have fewer than two units.

    Raises:
        InputError: When there are fewer than two units.
    """
    stratum = joined_strata(counts.sum(1), sizes)
    strata = np.zeros((stratum.max() + 1, *counts.shape), np.int64)
    strata[stratum, np.arange(len(counts))] = counts
    return stratified_estimates(strata, summed(sizes, stratum)), _joined(stratum, sizes, classes)


def from_polygons(counts: Counts, sizes: Sizes, classes: Sequence[str]) -> tuple[AreaAdjusted, list[str]]:
    """Estimate from the pixels of polygons, which were drawn from the whole map whatever it shows.

    Args:
        counts: Pixels by polygon, class in the map and class in the reference, shape (C, K, K).
        sizes: Area of each class in the map, shape (K,).
        classes: Names, for messages.

    Returns:
        The estimates, and what must be told of them.

    Raises:
        InputError: When there are fewer than two polygons.
    """
    if len(counts) < 2:
        raise InputError("one polygon lies on the map; two are the least that an error can be told from.")
    stratum = joined_strata(counts.sum((0, 2)), sizes)
    notes = _joined(stratum, sizes, classes)
    notes.append(
        "The intervals take the polygons for a random sample of the mapped area, and the pixels of one for as alike as they are. "
        "Polygons that were drawn where the class was plain to see flatter the map, and no formula mends that."
    )
    if len(counts) < FEW_UNITS:
        notes.append(f"{len(counts)} polygons are few: the intervals are only rough.")
    return cluster_estimates(counts, summed(sizes, stratum), stratum), notes


def _joined(stratum: Counts, sizes: Sizes, classes: Sequence[str]) -> list[str]:
    """Say which classes with an area were taken together."""
    groups = [[name for name, s, size in zip(classes, stratum, sizes, strict=True) if s == h and size > 0] for h in set(stratum)]
    return [
        f"Too little of the sample lies in one of these classes of the map, which were weighted as one: {', '.join(group)}."
        for group in groups
        if len(group) > 1
    ]
