"""A map as a picture: its colours, a legend with shares and areas, and a scale bar."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.files import atomic_write_bytes
from rs_da_mm.inference.outputs.classes import Colour, MapClasses
from rs_da_mm.inference.outputs.scale_bar import ScaleBar, scale_bar
from rs_da_mm.raster import GroundSize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 150
_LONG, _SHORT = 7.0, 1.8  # inches: the longer side of the map, and what the shorter one is given at least
_MARGIN, _TITLE, _BAR, _ROW, _PATCH = 0.15, 0.28, 0.45, 0.21, 0.19
_CHARACTER = 0.078  # inches that a letter of the legend takes, on average
_INK = "0.15"
_NO_DATA = (242, 242, 242)

Entry = tuple[str, str, str, Colour]
"""A row of the legend: name, share, area and colour."""


def save_preview(
    path: str | Path,
    labels: NDArray[np.uint8],
    classes: MapClasses,
    *,
    width: int,
    pixels: Sequence[int],
    square_metres: Sequence[float] | None = None,
    ground: GroundSize | None = None,
    title: str = "",
) -> None:
    """Write a picture of a map, whole or not at all.

    Args:
        path: Where it goes, ``.png``.
        labels: ``(h, w)``, the map made small, as :class:`~.thumbnail.Thumbnail` does.
        classes: The classes.
        width: Columns of the map itself, for the scale bar.
        pixels: Pixels of each class in the map itself; classes that do not occur are left out of the legend.
        square_metres: Area of each class.
        ground: Size of a pixel on the ground: for the scale bar, and so that a grid in degrees is not shown stretched.
        title: A line above the map.
    """
    stretch = 1.0 if ground is None else ground.height / ground.width
    pixel_metres = None if ground is None else ground.width
    figure = _draw(labels, classes, width, pixel_metres, _legend(pixels, square_metres, classes), stretch, title)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    atomic_write_bytes(path, buffer.getvalue())


def spell_area(square_metres: float) -> str:
    """Spell an area with three digits or more, in km² from 1 km² on, in ha from 1 ha on, otherwise in m²."""
    for unit, size in (("km²", 1e6), ("ha", 1e4)):
        if square_metres >= size:
            return f"{_three_digits(square_metres / size)} {unit}"
    return f"{_three_digits(square_metres)} m²"


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{digits}f}"


def _legend(pixels: Sequence[int], square_metres: Sequence[float] | None, classes: MapClasses) -> list[Entry]:
    """Name, share, area and colour of each class that occurs, the largest first."""
    total = sum(pixels)
    rows = []
    for number in sorted(range(len(classes)), key=lambda index: -pixels[index]):
        if pixels[number]:
            share = 100 * pixels[number] / total
            area = "" if square_metres is None else spell_area(square_metres[number])
            spelled = f"{share:.1f} %" if share >= 0.05 else "< 0.1 %"
            rows.append((classes.names[number], spelled, area, classes.palette[number]))
    return rows


def _draw(
    labels: NDArray[np.uint8],
    classes: MapClasses,
    columns_of_map: int,
    pixel_metres: float | None,
    legend: Sequence[Entry],
    stretch: float,
    title: str,
) -> Figure:
    """Lay the map out, with the bar below and the legend at its right, in inches from the top left."""
    from matplotlib.figure import Figure

    rows, cols = labels.shape[0] * stretch, labels.shape[1]
    zoom = _LONG / max(rows, cols)
    height, width = max(zoom * rows, 0.05), max(zoom * cols, 0.05)
    room = max(width, _SHORT)  # for title and bar
    top = _MARGIN + (_TITLE if title else 0.0)
    has_gaps = bool((labels == classes.nodata).any())
    columns = _legend_columns(legend, has_gaps)
    legend_height = _ROW * (len(legend) + has_gaps)
    total_width = _MARGIN + room + _MARGIN * 1.5 + columns[-1] + _MARGIN
    total_height = top + max(height + _BAR, legend_height) + _MARGIN
    figure = Figure(figsize=(total_width, total_height), dpi=_DPI, facecolor="white")
    # One pair of axes for everything but the map: inches, y downwards.
    page = figure.add_axes((0, 0, 1, 1))
    page.set_xlim(0, total_width)
    page.set_ylim(total_height, 0)
    page.axis("off")
    if title:
        page.text(_MARGIN, _MARGIN + _TITLE / 3, title, ha="left", va="center", fontsize=11, weight="bold", color=_INK)
    axes = figure.add_axes((_MARGIN / total_width, 1 - (top + height) / total_height, width / total_width, height / total_height))
    axes.imshow(_paint(labels, classes), interpolation=_interpolation(labels, zoom), aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color("0.5")
    bar = scale_bar(columns_of_map * room / width, pixel_metres)
    _draw_bar(page, bar, _MARGIN, top + height + 0.12, room)
    _draw_legend(page, legend, has_gaps, _MARGIN + room + _MARGIN * 1.5, top, columns)
    return figure


def _paint(labels: NDArray[np.uint8], classes: MapClasses) -> NDArray[np.uint8]:
    """Class numbers in their colours, what is no class in the paper's grey: hatching would draw the eye to where nothing is."""
    colours = np.full((256, 3), _NO_DATA, np.uint8)
    colours[: len(classes)] = classes.palette
    return colours[labels]


def _interpolation(labels: NDArray[np.uint8], zoom: float) -> str:
    """Sharp pixels where they are larger than the picture's dots, blended ones where they are smaller."""
    return "nearest" if zoom * _DPI >= 2 else "antialiased"


def _draw_bar(page: Axes, bar: ScaleBar, left: float, top: float, width: float) -> None:
    from matplotlib.patches import Rectangle

    length, thickness = bar.part * width, 0.06
    for half, colour in enumerate((_INK, "white")):
        page.add_patch(
            Rectangle((left + half * length / 2, top), length / 2, thickness, facecolor=colour, edgecolor=_INK, linewidth=0.8)
        )
    start, middle, end = bar.labels
    below = top + thickness + 0.05
    text: dict[str, Any] = {"va": "top", "fontsize": 8, "color": _INK}
    page.text(left, below, start, ha="left", **text)
    if length > 0.8:
        page.text(left + length / 2, below, middle, ha="center", **text)
    number, unit = end.split(" ", 1)
    # The number stands below the end of the bar, its unit behind it.
    page.text(left + length + _CHARACTER * len(number) / 2, below, number, ha="right", **text)
    page.text(left + length + _CHARACTER * (len(number) / 2 + 0.4), below, unit, ha="left", **text)


def _legend_columns(legend: Sequence[Entry], has_gaps: bool) -> tuple[float, float, float]:
    """Where the shares and the areas end, and the whole legend, in inches from its left edge."""
    names = [row[0] for row in legend] + ["no data"] * has_gaps
    text = _PATCH + 0.1 + _CHARACTER * max((len(name) for name in names), default=0)
    shares = text + (0.62 if legend else 0.0)
    areas = shares + 0.2 + _CHARACTER * max((len(row[2]) for row in legend), default=0)
    return shares, areas, areas if any(row[2] for row in legend) else shares


def _draw_legend(
    page: Axes,
    legend: Sequence[Entry],
    has_gaps: bool,
    left: float,
    top: float,
    columns: tuple[float, float, float],
) -> None:
    from matplotlib.patches import Rectangle

    text: dict[str, Any] = {"va": "center", "fontsize": 9, "color": _INK}
    line: dict[str, Any] = {"edgecolor": "0.4", "linewidth": 0.6}
    for index, (name, share, area, colour) in enumerate(legend):
        middle = top + (index + 0.5) * _ROW
        face = [value / 255 for value in colour]
        page.add_patch(Rectangle((left, middle - 0.065), _PATCH, 0.13, facecolor=face, **line))
        page.text(left + _PATCH + 0.08, middle, name, ha="left", **text)
        page.text(left + columns[0], middle, share, ha="right", **text)
        page.text(left + columns[1], middle, area, ha="right", **text)
    if has_gaps:
        middle = top + (len(legend) + 0.5) * _ROW
        page.add_patch(Rectangle((left, middle - 0.065), _PATCH, 0.13, facecolor=[value / 255 for value in _NO_DATA], **line))
        page.text(left + _PATCH + 0.08, middle, "no data", ha="left", **text)
