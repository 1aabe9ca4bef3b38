"""Showing and keeping land-cover scores."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prettytable import PrettyTable

from rs_da_mm.evaluation.scores import LandCoverScores
from rs_da_mm.files import atomic_write_json, atomic_write_text


def score_table(scores: LandCoverScores, classes: Sequence[str]) -> str:
    """Lay the scores out as plain text: a row per class, then the six summary scores, then what was left out and why.

    Args:
        scores: What to show.
        classes: Class names, in the order of the matrix.

    Returns:
        Lines of text, numbers in percent with two digits, ``-`` where a score is undefined.
    """
    columns = scores.per_class()
    per_class = PrettyTable(["class", "share of truth", *columns])
    per_class.align = "r"
    per_class.align["class"] = "l"
    for k, name in enumerate(classes):
        per_class.add_row([name, _shown(scores.share[k]), *(_shown(column[k]) for column in columns.values())])
    summary = PrettyTable(list(scores.summary()))
    summary.add_row([_shown(value) for value in scores.summary().values()])
    return "\n".join([per_class.get_string(), summary.get_string(), *exclusions(scores, classes)])


def exclusions(scores: LandCoverScores, classes: Sequence[str]) -> list[str]:
    """Say which classes do not enter which mean.

    Returns:
        One sentence per reason; none when every class is in the truth.
    """
    sentences = []
    if scores.absent:
        names = ", ".join(classes[k] for k in scores.absent)
        sentences.append(f"In neither truth nor prediction, so left out of AA, mIoU and mF1: {names}.")
    if scores.only_predicted:
        names = ", ".join(classes[k] for k in scores.only_predicted)
        sentences.append(f"Predicted but nowhere in the truth, so IoU and F1 are 0 and AA leaves out: {names}.")
    if math.isnan(scores.kappa):
        sentences.append("Kappa is undefined: truth and prediction are one and the same single class.")
    return sentences


def write_report(folder: str | Path, scores: LandCoverScores, classes: Sequence[str]) -> None:
    """Write ``scores.json`` (summary, per class, matrix) and ``confusion_matrix.csv`` (rows truth, columns prediction).

    Args:
        folder: Where to; made when it is missing. Earlier files of these names are replaced, each in one step.
        scores: What to write, in percent and full precision; an undefined score is ``null``.
        classes: Class names, in the order of the matrix.
    """
    content: dict[str, Any] = {
        "unit": "percent",
        "summary": {name: _defined(value) for name, value in scores.summary().items()},
        "per_class": {
            label: {
                "share": _defined(scores.share[k]),
                **{name: _defined(column[k]) for name, column in scores.per_class().items()},
            }
            for k, label in enumerate(classes)
        },
        "notes": exclusions(scores, classes),
        "confusion_matrix": {
            "rows": "truth",
            "columns": "prediction",
            "classes": list(classes),
            "pixels": scores.matrix.tolist(),
        },
    }
    atomic_write_json(Path(folder) / "scores.json", content)
    atomic_write_text(Path(folder) / "confusion_matrix.csv", _csv(scores, classes))


def _csv(scores: LandCoverScores, classes: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["truth \\ prediction", *classes])
    writer.writerows([name, *row] for name, row in zip(classes, scores.matrix.tolist(), strict=True))
    return text.getvalue()


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
