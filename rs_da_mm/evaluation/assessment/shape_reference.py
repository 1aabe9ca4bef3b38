"""Assessing a map with reference points or polygons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.area_adjusted import AreaAdjusted
from rs_da_mm.evaluation.assessment.assessment import Assessment, rough_intervals
from rs_da_mm.evaluation.assessment.class_matching import match_classes
from rs_da_mm.evaluation.assessment.estimation import from_map_strata, from_polygons, from_random, from_strata
from rs_da_mm.evaluation.assessment.given_strata import Strata, find_strata
from rs_da_mm.evaluation.assessment.mapped_classes import MappedClasses
from rs_da_mm.evaluation.assessment.reference import Reference
from rs_da_mm.evaluation.assessment.request import Request
from rs_da_mm.evaluation.assessment.sample_units import Units, find_units

_TOLD = 0.01
_TAKEN_FOR_GRANTED = (
    "--design was not given: the points were taken for a random sample within each class of the map, as --sample draws them. For "
    "points that were drawn from the whole map, whatever it shows, say --design random. For points that were picked by hand, the "
    "intervals do not hold."
)


def assess_features(request: Request, mapped: MappedClasses, reference: Reference) -> Assessment:
    """Compare a map with points or polygons.

    Args:
        request: How.
        mapped: The map.
        reference: The points or polygons.

    Returns:
        Accuracy and areas.

    Raises:
        InputError: When the classes do not match, or the sample is too small for the design.
    """
    name = reference.field(request.field)
    labels = reference.columns[name]
    units = find_units(mapped.raster, reference, labels)
    design = request.design_for(units.kind)
    said = [str(labels[feature]) for feature in units.features]
    matching = match_classes(request.reference, Counter(said), mapped.legend, request.codes, request.extra_classes)
    truth = np.array([-1 if (place := matching.meanings[label]) is None else place for label in said], np.int64)
    left_out = units.left_out + Counter({"ignored by --codes": int((truth < 0).sum())})
    strata = None
    if request.strata is not None:
        strata = find_strata(request.strata, request.stratum_sizes, reference, units)
        left_out += Counter({"without a stratum": int(((strata.of_units < 0) & (truth >= 0)).sum())})
        truth = np.where(strata.of_units < 0, -1, truth)
    if (truth < 0).all():
        raise InputError(f"{request.reference}: nothing is left to compare with: {spelled_left_out(left_out)}.")
    table = _Table(mapped, units, truth, strata, len(matching.classes))
    sizes = mapped.sizes(len(matching.classes))
    notes = [*([_TAKEN_FOR_GRANTED] if units.kind == "point" and strata is None and request.design is None else []), *units.notes]
    estimates: AreaAdjusted
    if design == "polygons":
        estimates, more = from_polygons(table.by_unit(), sizes, matching.classes)
        notes += more
    elif strata is not None:
        estimates = from_strata(table.by_stratum(strata), strata.sizes, strata.names, f"stratum of {request.strata}")
        notes += _other_extent(strata, mapped)
    elif design == "random":
        estimates, more = from_random(table.counts, sizes, matching.classes)
        notes += more
    else:
        estimates = from_map_strata(table.counts, sizes, matching.classes)
    if units.kind == "point":
        notes += rough_intervals(table.counts, matching.classes, request.confidence)
    return Assessment(
        map=str(request.map),
        reference=str(request.reference),
        source=f"field {name!r}",
        kind=units.kind,
        units=table.units,
        design=design,
        strata=() if strata is None else tuple(strata.names),
        confidence=request.confidence,
        classes=matching.classes,
        counts=table.counts,
        per_class=np.bincount(truth[truth >= 0], minlength=len(matching.classes)),
        mapped=sizes / mapped.total,
        estimates=estimates,
        total=mapped.total,
        is_area=mapped.is_area,
        left_out=dict(left_out),
        matched=matching.spelled(),
        notes=(*notes, *mapped.notes()),
    )


def spelled_left_out(left_out: Mapping[str, int]) -> str:
    """Say what was not compared, and why."""
    return ", ".join(f"{count} {reason}" for reason, count in left_out.items() if count)


class _Table:
    """Counts of what is left of the units, by class in the map and in the reference."""

    def __init__(
        self, mapped: MappedClasses, units: Units, truth: NDArray[np.int64], strata: Strata | None, classes: int
    ) -> None:
        is_kept = truth[units.unit] >= 0
        self._classes = classes
        self._unit = units.unit[is_kept]
        self._cells = mapped.places(units.values[is_kept]), truth[self._unit]
        self._pixels = units.pixels[is_kept]
        # Units are numbered anew, without those that were left out.
        self._number = np.cumsum(truth >= 0) - 1
        self.units = int((truth >= 0).sum())
        self.counts = np.zeros((classes, classes), np.int64)
        np.add.at(self.counts, self._cells, self._pixels)

    def by_unit(self) -> NDArray[np.int64]:
        return self._along(self._number[self._unit], self.units)

    def by_stratum(self, strata: Strata) -> NDArray[np.int64]:
        return self._along(strata.of_units[self._unit], len(strata.names))

    def _along(self, first: NDArray[np.int64], length: int) -> NDArray[np.int64]:
        counts = np.zeros((length, self._classes, self._classes), np.int64)
        np.add.at(counts, (first, *self._cells), self._pixels)
        return counts


def _other_extent(strata: Strata, mapped: MappedClasses) -> list[str]:
    """Say when the strata cover another area than the map; the estimated shares are then those of the strata."""
    area = strata.sizes.sum()
    if not (strata.is_area and mapped.is_area) or abs(area / mapped.total - 1) <= _TOLD:
        return []
    return [
        f"The strata cover {area / 1e6:,.6g} km² and the map {mapped.total / 1e6:,.6g} km²: the shares are those of the strata, "
        "and the areas are wrong where the two are not the same region."
    ]
