"""The table of a study: methods by columns, what was measured here beside what papers report, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rs_da_mm.studies.cells import Cell, best_of, make_cell
from rs_da_mm.studies.description import Evaluation, Metric, Paper, Place
from rs_da_mm.studies.results import Results, expected_seeds

_ARROWS = {"higher": " ↑", "lower": " ↓", None: ""}


@dataclass(frozen=True)
class Column:
    """A column of numbers.

    Attributes:
        group: The group's name.
        test: The test.
        metric: The metric.
        heading: What stands above it.
        paper: Who reported the numbers; None for those that were measured here.
    """

    group: str | None
    test: Evaluation
    metric: Metric
    heading: str
    paper: Paper | None = None


def make_columns(results: Results, groups: Sequence[str | None]) -> list[Column]:
    """List the columns of a table: first all that were measured here, then those of each paper.

    Args:
        results: What there is.
        groups: The groups of this table.

    Returns:
        The columns; of a paper only those in which it has a number.
    """
    study = results.study
    places = [(group, test, metric) for group in groups for test in study.tests for metric in study.metrics_of(test)]
    measured = [
        Column(group, test, metric, _heading(results, group, test, metric, results.is_miniature(group)) + _ARROWS[metric.better])
        for group, test, metric in places
    ]
    reported = [
        Column(group, test, metric, f"{_heading(results, group, test, metric, False)}, {paper.title}", paper)
        for paper in study.papers
        for group, test, metric in places
        if any((place.group, place.test, place.metric) == (group, test.name, metric.key) for place in paper.values)
    ]
    return measured + reported


def column_cells(results: Results, column: Column) -> list[Cell]:
    """The cells of a column that was measured here, one per method."""
    return [make_cell(results, method.name, column.group, column.test, column.metric) for method in results.study.methods]


def markdown_table(results: Results, groups: Sequence[str | None]) -> str:
    """Write a table as Markdown.

    Args:
        results: What there is.
        groups: The groups of this table.

    Returns:
        Lines of text: a row per method (or a column, where the study wants it so), the best mean of each column bold.
    """
    columns = make_columns(results, groups)
    headings = ["method", *_seed_headings(results, groups), *(column.heading for column in columns)]
    texts = [_texts(results, column) for column in columns]
    seeds = [_seeds(results, group) for group in groups]
    rows = [
        [method.name, *(column[index] for column in seeds), *(column[index] for column in texts)]
        for index, method in enumerate(results.study.methods)
    ]
    sections = [method.section for method in results.study.methods]
    if results.study.methods_as == "columns":
        body = [list(row) for row in zip(headings, *rows, strict=True)]
        if any(sections):
            body.insert(1, ["", *(section or "" for section in sections)])
        return markdown_grid(body)
    body = [headings]
    for index, row in enumerate(rows):
        if sections[index] and (index == 0 or sections[index] != sections[index - 1]):
            body.append([f"*{sections[index]}*", *[""] * (len(headings) - 1)])
        body.append(row)
    return markdown_grid(body)


def markdown_grid(rows: Sequence[Sequence[str]]) -> str:
    """Write rows as a Markdown table: the first is the heading, the first column stands left and the others right."""
    escaped = [[text.replace("|", "\\|").replace("\n", " ") for text in row] for row in rows]
    widths = [max(3, *(len(row[index]) for row in escaped)) for index in range(len(escaped[0]))]
    lines = ["| " + " | ".join(_aligned(text, widths[n], n == 0) for n, text in enumerate(row)) + " |" for row in escaped]
    rule = "|" + "|".join(("-" * (width + 2)) if n == 0 else ("-" * (width + 1) + ":") for n, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _aligned(text: str, width: int, left: bool) -> str:
    return text.ljust(width) if left else text.rjust(width)


def _heading(results: Results, group: str | None, test: Evaluation, metric: Metric, miniature: bool) -> str:
    found = results.study.group(group)
    title = "" if found is None else found.title + (" (miniature)" if miniature else "")
    several = len(results.study.tests) > 1
    return ": ".join(filter(None, [title, test.title if several else "", metric.title]))


def _texts(results: Results, column: Column) -> list[str]:
    methods = results.study.methods
    decimals = column.metric.decimals
    if column.paper is not None:
        places = [Place(method.name, column.group, column.test.name, column.metric.key) for method in methods]
        return [_reported(column.paper.values[place], decimals) if place in column.paper.values else "" for place in places]
    cells = column_cells(results, column)
    best = best_of(cells, column.metric)
    numbers = [cell.number(decimals) for cell in cells]
    return [
        " ".join(filter(None, [f"**{number}**" if index in best else number, cell.remark()]))
        for index, (number, cell) in enumerate(zip(numbers, cells, strict=True))
    ]


def _reported(value: float, decimals: int) -> str:
    """A paper's number with its own digits, and no less than are shown of what was measured."""
    digits = f"{value:.10g}".partition(".")[2]
    return f"{value:.{max(len(digits), decimals)}f}"


def _seed_headings(results: Results, groups: Sequence[str | None]) -> list[str]:
    titles = [found.title if (found := results.study.group(group)) is not None else "" for group in groups]
    return [f"{title}: seeds" if title and len(groups) > 1 else "seeds" for title in titles]


def _seeds(results: Results, group: str | None) -> list[str]:
    """How many seeds of each method are done, all tests of them."""
    texts = []
    for method in results.study.methods:
        wanted = expected_seeds(results.study, method, group)
        runs = [run for run in results.runs if (run.job.method, run.job.group) == (method.name, group)]
        done = [seed for seed in wanted if all(run.state == "done" for run in runs if run.job.seed == seed)]
        texts.append("–" if not wanted else str(len(done)) if len(done) == len(wanted) else f"{len(done)} of {len(wanted)}")
    return texts
