"""An assessment as text: on the terminal, and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prettytable import PrettyTable

from rs_da_mm.evaluation.area_adjusted import critical_value
from rs_da_mm.evaluation.assessment.assessment import Assessment
from rs_da_mm.evaluation.assessment.shape_reference import spelled_left_out

_DESIGNS = {
    "stratified": "stratified random sample",
    "random": "simple random or systematic sample, weighted by the classes of the map",
    "polygons": "random sample of polygons, all pixels of each, weighted by the classes of the map",
    "wall-to-wall": "every pixel that both have: no sample, no sampling error",
}
_WIDTH = 110
_HECTARE, _SQUARE_KILOMETRE = 1e4, 1e6


@dataclass(frozen=True)
class Table:
    """A table to be laid out: its caption, its columns' heads, and its cells row by row."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def as_text(assessment: Assessment) -> str:
    """Lay an assessment out for the terminal."""
    parts = ["\n".join(f"{name:<10} {text}" for name, text in _facts(assessment))]
    for table in _tables(assessment):
        pretty = PrettyTable(list(table.head))
        pretty.align = "r"
        pretty.align[table.head[0]] = "l"
        pretty.add_rows([list(row) for row in table.rows])
        parts.append(f"{table.caption}\n{pretty.get_string()}")
    if assessment.notes:
        parts.append("\n".join(fill(f"- {note}", _WIDTH, subsequent_indent="  ") for note in assessment.notes))
    return "\n\n".join(parts)


def as_markdown(assessment: Assessment) -> str:
    """Lay an assessment out as Markdown."""
    parts = ["# Accuracy assessment", "\n".join(f"- **{name}**: {_escaped(text)}" for name, text in _facts(assessment))]
    for table in _tables(assessment):
        line = " | ".join(":--" if place == 0 else "--:" for place in range(len(table.head)))
        rows = [" | ".join(map(_escaped, row)) for row in (table.head, *table.rows)]
        parts.append(f"## {table.caption}")
        parts.append("\n".join(f"| {row} |" for row in (rows[0], line, *rows[1:])))
    if assessment.notes:
        parts.append("\n".join(f"- {_escaped(note)}" for note in assessment.notes))
    return "\n\n".join(parts) + "\n"


def design_in_words(assessment: Assessment) -> str:
    """Say how the reference was chosen, as it was taken."""
    said = _DESIGNS[assessment.design]
    if assessment.design != "stratified":
        return said
    if not assessment.strata:
        return f"{said}; strata: the classes of the map"
    return f"{said}; {len(assessment.strata)} strata: {', '.join(assessment.strata)}"


def _facts(assessment: Assessment) -> list[tuple[str, str]]:
    unit = assessment.kind + ("" if assessment.units == 1 else "s")
    pixels = f" with {assessment.counts.sum():,} pixels" if assessment.kind == "polygon" else ""
    source = f", {assessment.source}" if assessment.source else ""
    left_out = spelled_left_out(assessment.left_out)
    found = [
        ("map", f"{assessment.map}: {len(assessment.classes)} classes, {_total(assessment)}"),
        ("reference", f"{assessment.reference}{source}: {assessment.units:,} {unit}{pixels}"),
        ("left out", left_out),
        ("matched", assessment.matched),
        ("design", design_in_words(assessment)),
    ]
    return [(name, text) for name, text in found if text]


def _tables(assessment: Assessment) -> list[Table]:
    unit = "points" if assessment.kind == "point" else "pixels"
    shares = 100 * assessment.estimates.proportions
    z = critical_value(assessment.confidence) if assessment.estimates.sampled else None
    interval = "" if z is None else f", ± at {100 * assessment.confidence:g} % confidence"
    return [
        _matrix(f"Error matrix, {unit}", assessment.classes, assessment.counts, "{:,}"),
        _matrix("Error matrix, % of the area", assessment.classes, shares, "{:.2f}"),
        _accuracy(assessment, z, interval),
        _areas(assessment, z, interval),
    ]


def _matrix(caption: str, names: Sequence[str], values: NDArray[Any], form: str) -> Table:
    """A square matrix with its sums."""
    with_sums = np.block([[values, values.sum(1, keepdims=True)], [values.sum(0, keepdims=True), values.sum(keepdims=True)]])
    rows = [[name, *map(form.format, row)] for name, row in zip([*names, "total"], with_sums.tolist(), strict=True)]
    return Table(f"{caption} (rows: map, columns: reference)", ["", *names, "total"], rows)


def _accuracy(assessment: Assessment, z: float | None, interval: str) -> Table:
    """User's and producer's accuracy of each class, and of how many polygons they are, which no matrix of pixels shows."""
    estimates, is_grouped = assessment.estimates, assessment.kind == "polygon"
    rows = [
        [
            name,
            *([f"{assessment.per_class[k]:,}"] if is_grouped else []),
            _percent(estimates.users[k], estimates.users_error[k], z),
            _percent(estimates.producers[k], estimates.producers_error[k], z),
        ]
        for k, name in enumerate(assessment.classes)
    ]
    head = ["class", *(["polygons"] if is_grouped else []), "user's", "producer's"]
    return Table(f"Accuracy in %{interval}; overall {_percent(estimates.overall, estimates.overall_error, z)}", head, rows)


def _areas(assessment: Assessment, z: float | None, interval: str) -> Table:
    """Mapped and estimated area of each class."""
    units = [("ha", _HECTARE), ("km²", _SQUARE_KILOMETRE)] if assessment.is_area else [("pixels", 1.0)]
    estimates = assessment.estimates
    kinds = ("mapped", "estimated" if estimates.sampled else "reference")
    head = ["class", *(f"{kind} {name}" for name in ("%", *(name for name, _ in units)) for kind in kinds)]
    rows = []
    for k, name in enumerate(assessment.classes):
        row = [name, f"{100 * assessment.mapped[k]:.2f}", _percent(estimates.areas[k], estimates.areas_error[k], z)]
        for _, size in units:
            scale = assessment.total / size
            row.append(_amount(assessment.mapped[k] * scale, math.nan, None))
            row.append(_amount(estimates.areas[k] * scale, estimates.areas_error[k] * scale, z))
        rows.append(row)
    return Table(f"Area of the classes{interval}", head, rows)


def _total(assessment: Assessment) -> str:
    if assessment.is_area:
        hectares, square = assessment.total / _HECTARE, assessment.total / _SQUARE_KILOMETRE
        return f"{_amount(hectares, math.nan, None)} ha ({_amount(square, math.nan, None)} km²)"
    return f"{assessment.total:,.0f} pixels"


def _percent(share: float, error: float, z: float | None) -> str:
    if math.isnan(share):
        return "-"
    if z is None:
        return f"{100 * share:.2f}"
    return f"{100 * share:.2f} ± {'?' if math.isnan(error) else f'{100 * z * error:.2f}'}"


def _amount(value: float, error: float, z: float | None) -> str:
    """A number with as many digits as it deserves: none behind the point from 1000 on."""
    digits = max(0, 4 - len(f"{int(abs(value))}"))
    said = f"{value:,.{digits}f}"
    return said if z is None else f"{said} ± {z * error:,.{digits}f}"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
