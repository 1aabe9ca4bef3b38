"""Assessing a map with a raster of the truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.area_adjusted import AreaAdjusted, whole_area
from rs_da_mm.evaluation.assessment.assessment import Assessment
from rs_da_mm.evaluation.assessment.class_matching import Matching, match_classes
from rs_da_mm.evaluation.assessment.class_raster import ClassRaster
from rs_da_mm.evaluation.assessment.class_tallies import Tally, tally_values
from rs_da_mm.evaluation.assessment.estimation import from_map_strata, from_random
from rs_da_mm.evaluation.assessment.legend import class_names
from rs_da_mm.evaluation.assessment.mapped_classes import MappedClasses
from rs_da_mm.evaluation.assessment.request import Request
from rs_da_mm.raster.warped_scene import laid_on

_WHOLE = 0.999


def assess_raster(request: Request, mapped: MappedClasses) -> Assessment:
    """Compare a map with a raster of classes, pixel by pixel; one on another grid is laid on that of the map by the nearest.

    Args:
        request: How.
        mapped: The map.

    Returns:
        Accuracy and areas: of the pixels that both have, without an error; or, when the design says that these are a sample,
        of the whole map.

    Raises:
        InputError: When the raster cannot be read, the two have no pixel in common, or the classes do not match.
    """
    _refuse_vector_options(request)
    design = request.design_for("pixel")
    own = ClassRaster(request.reference, laid_on(ClassRaster(request.reference).scene, mapped.raster.scene))
    pairs = tally_values([mapped.raster, own])
    if not pairs:
        raise InputError(f"{request.reference} and {request.map} have no pixel in common where both have data.")
    names = {str(value): name for value, name in class_names(request.reference).items()}
    found = {str(value): sum(part.pixels for (_, v), part in pairs.items() if v == value) for _, value in sorted(pairs)}
    matching = match_classes(request.reference, found, mapped.legend, request.codes, request.extra_classes, names)
    counts, areas, ignored = _tables(pairs, mapped, matching)
    if not counts.any():
        raise InputError(f"{request.reference}: all of its pixels on the map are ignored by --codes.")
    sizes = mapped.sizes(len(matching.classes))
    compared, notes = areas.sum() / mapped.total, list[str]()
    estimates: AreaAdjusted
    if design == "wall-to-wall":
        estimates = whole_area(areas)
        if compared < _WHOLE:
            notes.append(
                f"The reference covers {100 * compared:.3g} % of the map: accuracy and areas are those of that part, and say "
                "nothing of the rest. If its pixels are a random sample of the map, --design random tells how sure that is."
            )
    else:
        notes.append(
            "The pixels were taken for an independent sample each. Pixels of one field or roof are not: the intervals are then "
            "too narrow; draw the reference as polygons."
        )
        if design == "random":
            estimates, more = from_random(counts, sizes, matching.classes)
            notes += more
        else:
            estimates = from_map_strata(counts, sizes, matching.classes)
    is_whole = design == "wall-to-wall"
    return Assessment(
        map=str(request.map),
        reference=str(request.reference),
        source="",
        kind="pixel",
        units=int(counts.sum()),
        design=design,
        strata=(),
        confidence=request.confidence,
        classes=matching.classes,
        counts=counts,
        per_class=counts.sum(0),
        mapped=areas.sum(1) / areas.sum() if is_whole else sizes / mapped.total,
        estimates=estimates,
        total=float(areas.sum()) if is_whole else mapped.total,
        is_area=mapped.is_area,
        left_out={"ignored by --codes": ignored} if ignored else {},
        matched=matching.spelled(),
        notes=(*notes, *mapped.notes()),
    )


def _tables(pairs: dict[tuple[int, ...], Tally], mapped: MappedClasses, matching: Matching) -> tuple[Any, Any, int]:
    """Pixels and areas by class in map and reference, and the number of ignored pixels."""
    classes, ignored = len(matching.classes), 0
    counts, areas = np.zeros((classes, classes), np.int64), np.zeros((classes, classes))
    for (value, true), part in pairs.items():
        place = matching.meanings[str(true)]
        if place is None:
            ignored += part.pixels
            continue
        row = int(mapped.places(np.array([value]))[0])
        counts[row, place] += part.pixels
        areas[row, place] += part.area
    return counts, areas, ignored


def _refuse_vector_options(request: Request) -> None:
    given = {"--field": request.field, "--layer": request.layer, "--crs": request.crs}
    useless = [name for name, value in given.items() if value is not None]
    if useless:
        raise InputError(f"{useless[0]}: goes with points and polygons; {request.reference} was taken for a raster.")
