"""An assessment as JSON can hold it."""

from __future__ import annotations

import math
from typing import Any

from rs_da_mm.evaluation.area_adjusted import critical_value
from rs_da_mm.evaluation.assessment.assessment import Assessment

FORMAT = 1


def as_json(assessment: Assessment) -> dict[str, Any]:
    """Put the numbers of an assessment together, in full precision.

    Args:
        assessment: The numbers.

    Returns:
        Accuracies, shares and their errors from 0 to 1; areas in square metres, or in pixels where ``area_unit`` says so. Each
        estimate is a dict of ``estimate``, ``standard_error`` and ``half_width`` of the interval, which are null where they are
        not known or, for a comparison of all pixels, do not exist.
    """
    estimates = assessment.estimates
    z = critical_value(assessment.confidence) if estimates.sampled else math.nan

    def told(value: float, error: float, scale: float = 1.0) -> dict[str, float | None]:
        known = error if estimates.sampled else math.nan
        return {
            "estimate": _number(value * scale),
            "standard_error": _number(known * scale),
            "half_width": _number(z * known * scale),
        }

    return {
        "format": FORMAT,
        "map": assessment.map,
        "reference": assessment.reference,
        "source": assessment.source or None,
        "design": assessment.design,
        "strata": list(assessment.strata) or None,
        "confidence": assessment.confidence if estimates.sampled else None,
        "units": {"kind": assessment.kind, "count": assessment.units, "left_out": dict(assessment.left_out)},
        "overall_accuracy": told(estimates.overall, estimates.overall_error),
        "area_unit": "m²" if assessment.is_area else "pixels",
        "total_area": assessment.total,
        "classes": [
            {
                "name": name,
                "units": int(assessment.per_class[k]),
                "users_accuracy": told(estimates.users[k], estimates.users_error[k]),
                "producers_accuracy": told(estimates.producers[k], estimates.producers_error[k]),
                "mapped_share": float(assessment.mapped[k]),
                "mapped_area": float(assessment.mapped[k] * assessment.total),
                "share": told(estimates.areas[k], estimates.areas_error[k]),
                "area": told(estimates.areas[k], estimates.areas_error[k], assessment.total),
            }
            for k, name in enumerate(assessment.classes)
        ],
        "error_matrix": {
            "rows": "map",
            "columns": "reference",
            "counts": assessment.counts.tolist(),
            "counted": "points" if assessment.kind == "point" else "pixels",
            "proportions": estimates.proportions.tolist(),
        },
        "notes": list(assessment.notes),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
