"""How good a map is: confusion matrices, the scores that papers report, and the metric that the runner calls."""

from __future__ import annotations

from rs_da_mm.evaluation.confusion import confusion_matrices
from rs_da_mm.evaluation.land_cover import LandCoverMetric
from rs_da_mm.evaluation.predictions import PredictionWriter
from rs_da_mm.evaluation.report import score_table, write_report
from rs_da_mm.evaluation.scores import LandCoverScores, land_cover_scores

__all__ = [
    "LandCoverMetric",
    "LandCoverScores",
    "PredictionWriter",
    "confusion_matrices",
    "land_cover_scores",
    "score_table",
    "write_report",
]
