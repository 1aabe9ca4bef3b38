"""One sample as a picture: image, label, prediction and errors side by side, with a legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.files import atomic_write_bytes
from rs_da_mm.visualization.colours import (
    RIGHT,
    WRONG,
    choose_bands,
    default_palette,
    natural_colours,
    paint_errors,
    paint_labels,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 100
_SIDE = 400  # about as many dots the longer side of a picture has, a whole multiple of its pixels
_LEGEND_CHARACTER, _LEGEND_PATCH = 0.075, 0.42
_TITLE_HEIGHT, _CAPTION_HEIGHT, _LEGEND_ROW, _MARGIN, _GAP = 0.20, 0.24, 0.24, 0.12, 0.10

_HATCHED = "no data or ignored"

Colour = Sequence[int]


def draw_panel(
    image: NDArray[Any],
    label: NDArray[Any] | None = None,
    prediction: NDArray[Any] | None = None,
    classes: Sequence[str] | None = None,
    palette: Sequence[Colour] | None = None,
    *,
    title: str = "",
    valid: NDArray[Any] | None = None,
    rgb_bands: Sequence[int | str] | None = None,
    band_names: Sequence[str | None] | None = None,
    limits: Sequence[tuple[float, float]] | None = None,
    errors: bool = False,
    ignore_index: int = 255,
) -> NDArray[np.uint8]:
    """Draw a sample as a row of pictures with a legend of the classes that occur.

    Args:
        image: (H, W, bands) of any real dtype; 8 bit is shown as it is, all else stretched (see
            :func:`~.colours.natural_colours`).
        label: (H, W) class numbers; what is no class is hatched.
        prediction: (H, W) class numbers.
        classes: Names, class 0 first; numbers without it.
        palette: (red, green, blue) of each class; made up without it.
        title: A line above the pictures.
        valid: (H, W), 1 where there is data; the rest of the image is hatched.
        rgb_bands: Which bands are shown as red, green and blue: numbers counted from 1, or names.
        band_names: Names of the bands; those named red, green and blue are shown as such.
        limits: (low, high) per band for the stretch.
        errors: Draw where prediction and label differ as well; needs both.
        ignore_index: The label that is neither right nor wrong.

    Returns:
        (height, width, 3) uint8, RGB.

    Raises:
        InputError: When label, prediction or mask has another size than the image, or a wanted band is not there.
    """
    _check_sizes(image, label=label, prediction=prediction, valid=valid)
    names, colours = _legend_of(classes, palette, [label, prediction], ignore_index)
    bands = choose_bands(image.shape[2], band_names, rgb_bands)
    pictures = [(_image_caption(bands, image.shape[2], band_names), natural_colours(image, valid, bands, limits))]
    if label is not None:
        pictures.append(("label", paint_labels(label, colours)))
    if prediction is not None:
        pictures.append(("prediction", paint_labels(prediction, colours)))
    entries = _entries([label, prediction], names, colours)
    if errors and label is not None and prediction is not None:
        pictures.append((_error_caption(label, prediction, ignore_index), paint_errors(label, prediction, ignore_index)))
        entries += [("right", RIGHT), ("wrong", WRONG)]
    hatched = (valid is not None and bool((valid != 1).any())) or ignore_index in _values([label])
    return _render(_compose(pictures, entries, hatched, title))


def save_panels(panels: Sequence[NDArray[np.uint8]], path: str | Path) -> None:
    """Write panels below one another into one PNG, which appears whole or not at all.

    Args:
        panels: (height, width, 3) uint8, as :func:`draw_panel` gives them; narrower ones are filled up with white.
        path: Where the file goes.
    """
    width = max(panel.shape[1] for panel in panels)
    rows = [np.pad(panel, ((0, 0), (0, width - panel.shape[1]), (0, 0)), constant_values=255) for panel in panels]
    encoded = cv2.imencode(".png", np.concatenate(rows)[..., ::-1])[1]
    atomic_write_bytes(path, encoded.tobytes())


def _check_sizes(image: NDArray[Any], **maps: NDArray[Any] | None) -> None:
    for name, array in maps.items():
        if array is not None and array.shape != image.shape[:2]:
            raise InputError(
                f"cannot draw a {name} of shape {array.shape} beside an image of {image.shape[0]} x {image.shape[1]} pixels"
            )


def _legend_of(
    classes: Sequence[str] | None, palette: Sequence[Colour] | None, maps: Sequence[NDArray[Any] | None], ignore_index: int
) -> tuple[list[str], list[tuple[int, int, int]]]:
    """Names and colours of all classes, made up where they were not given."""
    highest = max((value for value in _values(maps) if value != ignore_index), default=-1)
    count = max(highest + 1, len(classes or ()), len(palette or ()))
    names = [*map(str, classes or ()), *(f"class {index}" for index in range(len(classes or ()), count))]
    given = [(int(colour[0]), int(colour[1]), int(colour[2])) for colour in palette or ()]
    return names, [*given, *default_palette(count)[len(given) :]]


def _entries(
    maps: Sequence[NDArray[Any] | None], names: Sequence[str], colours: Sequence[tuple[int, int, int]]
) -> list[tuple[str, tuple[int, int, int]]]:
    """Name and colour of each class that occurs."""
    return [(names[value], colours[value]) for value in _values(maps) if 0 <= value < len(names)]


def _values(maps: Sequence[NDArray[Any] | None]) -> list[int]:
    """Every number that occurs, in rising order."""
    return sorted({int(value) for array in maps if array is not None for value in np.unique(array)})


def _image_caption(bands: Sequence[int], count: int, names: Sequence[str | None] | None) -> str:
    if names is None or len(names) != count:
        shown = ", ".join(str(band + 1) for band in bands)
        return "image" if count in (1, 3) else f"image (bands {shown} of {count})"
    return f"image ({', '.join(names[band] or str(band + 1) for band in bands)})"


def _error_caption(label: NDArray[Any], prediction: NDArray[Any], ignore_index: int) -> str:
    counts = label != ignore_index
    if not counts.any():
        return "errors (no labelled pixel)"
    return f"errors ({100 * np.mean(label[counts] != prediction[counts]):.1f} %)"


def _compose(
    pictures: Sequence[tuple[str, NDArray[np.uint8]]],
    entries: Sequence[tuple[str, tuple[int, int, int]]],
    hatched: bool,
    title: str,
) -> Figure:
    """Lay pictures, captions, title and legend out, in inches from the top left."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    rows, columns = pictures[0][1].shape[:2]
    zoom = _zoom(max(rows, columns))
    height, width = zoom * rows / _DPI, zoom * columns / _DPI
    width_of_cell = max(width, 1.6)  # so that captions fit above a narrow picture
    total_width = 2 * _MARGIN + len(pictures) * width_of_cell + (len(pictures) - 1) * _GAP
    names = [name for name, _ in entries] + [_HATCHED] * hatched
    per_row = max(1, _entries_per_row(names, total_width - _MARGIN))
    legend_height = math.ceil(len(names) / per_row) * _LEGEND_ROW + 0.1 if names else 0.0
    top = _MARGIN + (_TITLE_HEIGHT if title else 0.0) + _CAPTION_HEIGHT
    total_height = top + height + legend_height + _MARGIN
    figure = Figure(figsize=(total_width, total_height), dpi=_DPI, facecolor="white")
    if title:
        figure.text(_MARGIN / total_width, 1 - _MARGIN / total_height, title, ha="left", va="top", fontsize=10, weight="bold")
    for index, (caption, picture) in enumerate(pictures):
        left = _MARGIN + index * (width_of_cell + _GAP) + (width_of_cell - width) / 2
        axes = figure.add_axes(
            (left / total_width, 1 - (top + height) / total_height, width / total_width, height / total_height)
        )
        axes.imshow(picture, interpolation="nearest" if zoom >= 1 else "antialiased", aspect="auto")
        axes.set_title(caption, fontsize=9, pad=4)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color("0.6")
    if names:
        patches = [
            Patch(facecolor=[value / 255 for value in colour], edgecolor="0.4", linewidth=0.6, label=name)
            for name, colour in entries
        ]
        if hatched:
            patches.append(Patch(facecolor="0.84", edgecolor="0.62", linewidth=0.6, hatch="////", label=_HATCHED))
        figure.legend(
            handles=patches,
            loc="lower left",
            bbox_to_anchor=(_MARGIN / total_width / 2, 0),
            ncols=per_row,
            fontsize=9,
            frameon=False,
            handlelength=1.2,
            handleheight=1.0,
            columnspacing=1.2,
            borderpad=0.4,
        )
    return figure


def _entries_per_row(names: Sequence[str], width: float) -> int:
    """How many entries of a legend fit side by side: all of them, or as many of the longest."""
    widths = [_LEGEND_PATCH + _LEGEND_CHARACTER * len(name) for name in names]
    return len(names) if sum(widths) <= width else max(1, int(width / max(widths)))


def _zoom(side: int) -> float:
    """Dots per pixel: a whole number, so that pixels stay square and sharp, but for images too large to be shown whole."""
    return 2 * _SIDE / side if side > 2 * _SIDE else float(max(1, round(_SIDE / side)))


def _render(figure: Figure) -> NDArray[np.uint8]:
    """Draw a figure off screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
