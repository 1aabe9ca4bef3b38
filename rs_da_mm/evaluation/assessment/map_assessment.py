"""Assessing a map: from two files to accuracy and areas."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment import reference_tables, reference_vectors
from rs_da_mm.evaluation.assessment.assessment import Assessment
from rs_da_mm.evaluation.assessment.mapped_classes import MappedClasses
from rs_da_mm.evaluation.assessment.raster_reference import assess_raster
from rs_da_mm.evaluation.assessment.reference import Reference, given_crs
from rs_da_mm.evaluation.assessment.request import Request
from rs_da_mm.evaluation.assessment.shape_reference import assess_features
from rs_da_mm.raster.reprojection import known_as_one


def assess_map(request: Request) -> Assessment:
    """Compare a map with a reference.

    Args:
        request: What, and how.

    Returns:
        Accuracy, areas and their errors, of the classes that occur in either.

    Raises:
        InputError: When a file cannot be read, classes do not match, the two do not touch, or the sample is too small for what
            is asked of it; the message says what to do.
    """
    suffix = request.reference.suffix.lower()
    if suffix in reference_tables.SUFFIXES:
        reference = reference_tables.read_table(request.reference, given_crs(request.crs))
        return _present(assess_features(request, MappedClasses(request.map), reference))
    if suffix in reference_vectors.SUFFIXES:
        reference = _with_crs(reference_vectors.read_vectors(request.reference, request.layer), request.crs)
        return _present(assess_features(request, MappedClasses(request.map), reference))
    return _present(assess_raster(request, MappedClasses(request.map)))


def _with_crs(reference: Reference, text: str | None) -> Reference:
    """Give a reference the CRS that it does not name."""
    crs = given_crs(text)
    if crs is None:
        return reference
    if reference.crs is not None and not known_as_one(reference.crs, crs):
        raise InputError(
            f"--crs {text}: {reference.path} says itself that it lies in {reference.crs.to_string()}; leave --crs out."
        )
    return replace(reference, crs=crs)


def _present(assessment: Assessment) -> Assessment:
    """Leave out the classes that are neither in the map nor in the sample."""
    counts, estimates = assessment.counts, assessment.estimates
    is_present = (assessment.mapped > 0) | (counts.sum(0) > 0) | (counts.sum(1) > 0)
    if is_present.all():
        return assessment
    square = np.ix_(is_present, is_present)
    return replace(
        assessment,
        classes=tuple(name for name, present in zip(assessment.classes, is_present, strict=True) if present),
        counts=counts[square],
        per_class=assessment.per_class[is_present],
        mapped=assessment.mapped[is_present],
        estimates=replace(
            estimates,
            proportions=estimates.proportions[square],
            users=estimates.users[is_present],
            producers=estimates.producers[is_present],
            areas=estimates.areas[is_present],
            users_error=estimates.users_error[is_present],
            producers_error=estimates.producers_error[is_present],
            areas_error=estimates.areas_error[is_present],
        ),
    )
