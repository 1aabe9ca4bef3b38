"""Bars with error bars: every metric of a study, method by method."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rs_da_mm.files import atomic_write_bytes
from rs_da_mm.studies.cells import Cell
from rs_da_mm.studies.results import Results
from rs_da_mm.studies.table import Column, column_cells, make_columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
"""Okabe and Ito's, which the colour-blind tell apart too; a ninth method begins anew, hatched."""

_ACROSS = 3
_WIDTH, _BAR, _HEAD, _TOP = 3.3, 0.30, 0.85, 0.48
_CHARACTER = 0.075  # inches of a letter of the methods' names


def draw_bars(results: Results, folder: Path) -> list[Path]:
    """Draw ``bars.png`` and ``bars.svg``: means as bars, sample standard deviations as error bars, every seed as a dot.

    Args:
        results: What there is.
        folder: Where to.

    Returns:
        The files; none where there is no number yet.
    """
    columns = [column for column in make_columns(results, results.study.group_names) if column.paper is None]
    cells = {id(column): column_cells(results, column) for column in columns}
    if not any(cell.count for found in cells.values() for cell in found):
        return []
    import matplotlib

    # Texts stay texts in an SVG, and the same numbers give the same file.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rs_da_mm"}):
        figure = _figure(results, [(column, cells[id(column)]) for column in columns])
        paths = []
        for kind, options in (("png", {"dpi": 150}), ("svg", {"metadata": {"Date": None}})):
            content = io.BytesIO()
            figure.savefig(content, format=kind, **options)
            paths.append(folder / f"bars.{kind}")
            atomic_write_bytes(paths[-1], content.getvalue())
    return paths


def _figure(results: Results, columns: Sequence[tuple[Column, list[Cell]]]) -> Figure:
    """Lay the axes out: a new row for every group and test, at most three metrics side by side."""
    from matplotlib.figure import Figure

    rows = _rows([column for column, _ in columns])
    across = max(len(row) for row in rows)
    names = [method.name for method in results.study.methods]
    margin = max(0.6, _CHARACTER * max(map(len, names)) + 0.25)
    height_of_row = _BAR * len(names) + _HEAD
    words = max(0.115 * len(results.study.title), 0.07 * len(_explanation(results))) + 0.3
    width, height = max(margin + across * _WIDTH, words), len(rows) * height_of_row + _TOP
    figure = Figure(figsize=(width, height), facecolor="white")
    figure.text(0.12 / width, 1 - 0.1 / height, results.study.title, va="top", fontsize=12, weight="bold")
    figure.text(0.12 / width, 1 - 0.36 / height, _explanation(results), va="top", fontsize=8, color="0.3")
    by_column = {id(column): cells for column, cells in columns}
    for down, row in enumerate(rows):
        bottom = height - _TOP - (down + 1) * height_of_row + 0.38
        for right, column in enumerate(row):
            place = (margin + right * _WIDTH, bottom, _WIDTH - 0.25, _BAR * len(names))
            axes = figure.add_axes((place[0] / width, place[1] / height, place[2] / width, place[3] / height))
            _draw(axes, column, by_column[id(column)], names if right == 0 else [""] * len(names))
    return figure


def _rows(columns: Sequence[Column]) -> list[list[Column]]:
    rows: list[list[Column]] = []
    for column in columns:
        same = rows and (rows[-1][0].group, rows[-1][0].test) == (column.group, column.test)
        if same and len(rows[-1]) < _ACROSS:
            rows[-1].append(column)
        else:
            rows.append([column])
    return rows


def _explanation(results: Results) -> str:
    seeds = len(results.study.seeds)
    what = f"mean and sample standard deviation of {seeds} seeds, dots are the runs" if seeds > 1 else "one run each"
    return what + (", on a synthetic miniature: says nothing about the real data" if results.on_miniatures else "")


def _draw(axes: Axes, column: Column, cells: Sequence[Cell], names: Sequence[str]) -> None:
    places = list(range(len(cells)))
    ends = [_end(cell) for cell in cells]
    low, high = min([0.0, *(-_end(cell, -1) for cell in cells)]), max([0.0, *ends])
    span = (high - low) or 1.0
    for place, cell in zip(places, cells, strict=True):
        if cell.mean is None:
            axes.text(low + 0.02 * span, place, _short(cell.remark()), va="center", fontsize=8, color="0.35", style="italic")
            continue
        hatch = "///" if place >= len(COLOURS) else None
        axes.barh(
            place, cell.mean, height=0.66, color=COLOURS[place % len(COLOURS)], hatch=hatch, edgecolor="0.25", linewidth=0.5
        )
        if cell.deviation is not None:
            axes.errorbar(cell.mean, place - 0.08, xerr=cell.deviation, color="0.05", capsize=3, linewidth=1.3)
            runs, level = list(cell.values.values()), [place + 0.19] * cell.count
            axes.plot(runs, level, "o", markersize=2.8, color="white", markeredgecolor="0.05", markeredgewidth=0.7)
        text = cell.number(column.metric.decimals) + ("*" if cell.count < cell.expected else "")
        axes.text(ends[place] + 0.03 * span, place, text, va="center", fontsize=8)
    axes.set_xlim(low, high + 0.52 * span)
    axes.set_ylim(len(cells) - 0.45, -0.55)
    axes.set_yticks(places, names, fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xticks(_ticks(axes, high))
    axes.set_title(column.heading, fontsize=9.5, loc="left", pad=5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines["left"].set_position(("data", 0.0))
    axes.grid(axis="x", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    if any(0 < cell.count < cell.expected for cell in cells):
        axes.text(1, 1.02, "* seeds missing", transform=axes.transAxes, ha="right", fontsize=7, color="0.35")


def _end(cell: Cell, sign: int = 1) -> float:
    """How far a bar reaches with its error bar and its dots."""
    if cell.mean is None:
        return 0.0
    return max(sign * (cell.mean + sign * (cell.deviation or 0.0)), *(sign * value for value in cell.values.values()))


def _ticks(axes: Any, high: float) -> list[float]:
    """Ticks below the bars alone, not below the numbers beside them."""
    return [tick for tick in axes.get_xticks() if tick <= high * 1.02 or high == 0]


def _short(text: str, longest: int = 34) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
