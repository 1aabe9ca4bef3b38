"""Assessing a finished map as the field reports it: area-adjusted accuracy and areas with confidence intervals."""

from __future__ import annotations

from rs_da_mm.evaluation.assessment.assessment import Assessment
from rs_da_mm.evaluation.assessment.map_assessment import assess_map
from rs_da_mm.evaluation.assessment.point_sampling import DrawnSample, SampleRequest, draw_sample
from rs_da_mm.evaluation.assessment.report_json import as_json
from rs_da_mm.evaluation.assessment.report_tables import as_markdown, as_text
from rs_da_mm.evaluation.assessment.request import Request

__all__ = [
    "Assessment",
    "DrawnSample",
    "Request",
    "SampleRequest",
    "as_json",
    "as_markdown",
    "as_text",
    "assess_map",
    "draw_sample",
]
