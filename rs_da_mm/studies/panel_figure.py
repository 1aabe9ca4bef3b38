"""Test windows side by side: image, label, and what every method made of it."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.files import atomic_write_bytes
from rs_da_mm.studies.panel_windows import ShownWindow
from rs_da_mm.visualization import choose_bands, natural_colours, paint_labels
from rs_da_mm.visualization.colours import default_palette

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI, _SIDE = 100, 240  # a window is shown with about so many dots, a whole multiple of its pixels
_GAP, _MARGIN, _TITLE, _HEAD, _CAPTION, _LEGEND = 0.08, 0.12, 0.42, 0.36, 0.24, 0.26
_CHARACTER = 0.073
_IGNORED = 255

Colour = tuple[int, int, int]


def draw_panels(
    windows: Sequence[ShownWindow], methods: Sequence[str], meta: Mapping[str, Any], title: str, subtitle: str, path: Path
) -> None:
    """Draw windows below one another and write them as a PNG, whole or not at all.

    Args:
        windows: The windows, a row each.
        methods: The methods, a column each, after image and label.
        meta: ``classes`` and ``palette`` of the data set; numbers and made-up colours without them.
        title: Above all.
        subtitle: Below the title, smaller.
        path: Where the file goes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = _figure(windows, methods, meta, title, subtitle)
    FigureCanvasAgg(figure)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_DPI)
    atomic_write_bytes(path, content.getvalue())


def _figure(windows: Sequence[ShownWindow], methods: Sequence[str], meta: Mapping[str, Any], title: str, subtitle: str) -> Figure:
    """Lay everything out in inches, from the top left."""
    from matplotlib.figure import Figure

    names, colours = _legend_of(windows, meta)
    has_label = any(window.label is not None for window in windows)
    headings = ["image", *(["label"] if has_label else []), *methods]
    sizes = [_size(window) for window in windows]
    cell = max(width for width, _ in sizes)
    wrapped = [textwrap.fill(heading, max(8, int(cell / _CHARACTER))) for heading in headings]
    head = _HEAD + 0.15 * max(text.count("\n") for text in wrapped)
    total_width = max(2 * _MARGIN + len(headings) * (cell + _GAP), 4.0)
    entries = [names[value] for value in _occurring(windows)] + ["no data or ignored"] * _has_hatching(windows)
    legend = _legend_rows(entries, total_width - 2 * _MARGIN)
    top = _MARGIN + _TITLE + head
    total_height = top + sum(height + _CAPTION for _, height in sizes) + len(legend) * _LEGEND + _MARGIN
    figure = Figure(figsize=(total_width, total_height), dpi=_DPI, facecolor="white")
    figure.text(_MARGIN / total_width, 1 - _MARGIN / total_height, title, va="top", fontsize=11, weight="bold")
    figure.text(_MARGIN / total_width, 1 - (_MARGIN + 0.24) / total_height, subtitle, va="top", fontsize=8, color="0.3")
    for column, text in enumerate(wrapped):
        centre = _MARGIN + column * (cell + _GAP) + cell / 2
        figure.text(centre / total_width, 1 - (top - 0.07) / total_height, text, ha="center", va="bottom", fontsize=9)
    for window, (width, height) in zip(windows, sizes, strict=True):
        for column, (picture, caption) in enumerate(_pictures(window, methods, colours, has_label)):
            left = _MARGIN + column * (cell + _GAP) + (cell - width) / 2
            place = (left / total_width, 1 - (top + height) / total_height, width / total_width, height / total_height)
            axes = figure.add_axes(place)
            if picture is None:
                axes.text(0.5, 0.5, caption, ha="center", va="center", fontsize=8, color="0.4")
                axes.set(xlim=(0, 1), ylim=(0, 1))
            else:
                axes.imshow(picture, interpolation="nearest", aspect="auto")
                axes.set_xlabel(caption, fontsize=7.5, labelpad=3, color="0.25")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_color("0.6")
        top += height + _CAPTION
    _draw_legend(figure, legend, {names[value]: colours[value] for value in _occurring(windows)}, top)
    return figure


def _pictures(
    window: ShownWindow, methods: Sequence[str], colours: Sequence[Colour], has_label: bool
) -> list[tuple[NDArray[np.uint8] | None, str]]:
    """The pictures of a row, each with what stands below it."""
    bands = choose_bands(window.image.shape[2], window.bands)
    short = window.name if len(window.name) <= 34 else f"…{window.name[-33:]}"
    row: list[tuple[NDArray[np.uint8] | None, str]] = [(natural_colours(window.image, window.valid, bands), short)]
    if has_label:
        row.append((None, "no label") if window.label is None else (paint_labels(window.label, colours), ""))
    for method in methods:
        predicted = window.predictions.get(method)
        if predicted is None:
            row.append((None, "no prediction"))
        else:
            row.append((paint_labels(predicted, colours), _accuracy(window, predicted)))
    return row


def _accuracy(window: ShownWindow, predicted: NDArray[Any]) -> str:
    """How much of the labelled pixels is right."""
    label = window.label
    if label is None or label.shape != predicted.shape:
        return ""
    counts = (label != _IGNORED) & (predicted != _IGNORED)
    return f"{100 * np.mean(label[counts] == predicted[counts]):.1f} % right" if counts.any() else ""


def _size(window: ShownWindow) -> tuple[float, float]:
    """Width and height of a picture in inches: whole dots per pixel, or whole pixels per dot."""
    rows, columns = window.image.shape[:2]
    side = max(rows, columns)
    zoom = max(1, round(_SIDE / side)) if side <= 2 * _SIDE else _SIDE / side
    return columns * zoom / _DPI, rows * zoom / _DPI


def _occurring(windows: Sequence[ShownWindow]) -> list[int]:
    """The classes in any label or prediction."""
    maps = [one for window in windows for one in (window.label, *window.predictions.values()) if one is not None]
    return sorted({int(value) for one in maps for value in np.unique(one)} - {_IGNORED})


def _has_hatching(windows: Sequence[ShownWindow]) -> bool:
    """Whether anything is ignored or without data."""
    maps = [one for window in windows for one in (window.label, *window.predictions.values()) if one is not None]
    masks = [window.valid for window in windows if window.valid is not None]
    return any(bool((one == _IGNORED).any()) for one in maps) or any(bool((mask != 1).any()) for mask in masks)


def _legend_of(windows: Sequence[ShownWindow], meta: Mapping[str, Any]) -> tuple[list[str], list[Colour]]:
    given, palette = list(map(str, meta.get("classes") or ())), meta.get("palette") or ()
    count = max([len(given), *(value + 1 for value in _occurring(windows))])
    names = [*given, *(f"class {index}" for index in range(len(given), count))]
    return names, [*((int(one[0]), int(one[1]), int(one[2])) for one in palette), *default_palette(count)[len(palette) :]]


def _legend_rows(names: Sequence[str], width: float) -> list[list[str]]:
    """Break the legend into rows that fit."""
    rows: list[list[str]] = [[]]
    used = 0.0
    for name in names:
        wide = 0.42 + _CHARACTER * len(name)
        if rows[-1] and used + wide > width:
            rows.append([])
            used = 0.0
        rows[-1].append(name)
        used += wide
    return rows


def _draw_legend(figure: Figure, rows: Sequence[Sequence[str]], colours: Mapping[str, Colour], top: float) -> None:
    from matplotlib.patches import Rectangle

    width, height = figure.get_size_inches()
    for down, row in enumerate(rows):
        left, y = _MARGIN, top + 0.04 + down * _LEGEND
        for name in row:
            ignored = name not in colours
            patch = Rectangle(
                (left / width, 1 - (y + 0.15) / height),
                0.2 / width,
                0.15 / height,
                facecolor="0.84" if ignored else [value / 255 for value in colours[name]],
                edgecolor="0.45",
                linewidth=0.6,
                hatch="////" if ignored else None,
            )
            figure.add_artist(patch)
            figure.text((left + 0.27) / width, 1 - (y + 0.075) / height, name, va="center", fontsize=8.5)
            left += 0.42 + _CHARACTER * len(name)
