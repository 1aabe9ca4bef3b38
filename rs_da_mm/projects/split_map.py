"""A picture of which windows went to which part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.footprints import footprints
from rs_da_mm.raster import Window
from rs_da_mm.raster.ground_plane import Placement

COLOURS: Mapping[str, tuple[int, int, int]] = {"train": (0, 114, 178), "val": (230, 159, 0), "test": (213, 94, 0)}
"""Blue, orange and vermillion of the colours by Okabe and Ito, which colour-blind people tell apart."""

_SIDE = 900
_MARGIN = 12
_PLACES = 48
_PAPER = (250, 250, 248)
_GROUND = (226, 226, 222)
_FRACTION = 4


class _Sheet(NamedTuple):
    """What is drawn on one plane, scenes first.

    Attributes:
        quads: ``(n, 4, 2)`` corners, x to the right and y up.
        colours: Of each.
    """

    quads: NDArray[np.float64]
    colours: list[tuple[int, int, int]]


def draw_split(
    sizes: Mapping[str, tuple[int, int]],
    parts: Mapping[str, Mapping[str, Sequence[Window]]],
    placements: Mapping[str, Placement] | None,
) -> tuple[NDArray[np.uint8], int]:
    """Draw the windows of each part, north up, places that lie far apart side by side.

    Args:
        sizes: Rows and columns of each scene.
        parts: Per part and scene, the windows.
        placements: Where each scene lies; ``None`` draws each scene for itself, in pixels.

    Returns:
        ``(H, W, 3)`` uint8, and how many places (or scenes) there are beyond those that are shown.
    """
    sheets = _in_pixels(sizes, parts) if placements is None else _on_ground(sizes, parts, placements)
    shown = sheets[:_PLACES]
    columns = int(np.ceil(np.sqrt(len(shown))))
    cell = (_SIDE - _MARGIN) // columns - _MARGIN
    drawn = [_draw(sheet, cell) for sheet in shown]
    rows = [drawn[start : start + columns] for start in range(0, len(drawn), columns)]
    heights = [max(one.shape[0] for one in row) for row in rows]
    canvas = np.full((sum(heights) + _MARGIN * (len(rows) + 1), _SIDE, 3), _PAPER, np.uint8)
    top = _MARGIN
    for row, height in zip(rows, heights, strict=True):
        for place, one in enumerate(row):
            left = _MARGIN + place * (cell + _MARGIN)
            canvas[top : top + one.shape[0], left : left + one.shape[1]] = one
        top += height + _MARGIN
    return canvas, len(sheets) - len(shown)


def _on_ground(
    sizes: Mapping[str, tuple[int, int]], parts: Mapping[str, Mapping[str, Sequence[Window]]], placements: Mapping[str, Placement]
) -> list[_Sheet]:
    """One sheet per place, the largest first."""
    names = sorted(sizes)
    windows: dict[str, list[Window]] = {}
    colours: list[tuple[int, int, int]] = []
    for name in names:
        windows[name] = [Window(0, 0, *sizes[name])]
        colours.append(_GROUND)
        for part, scenes in parts.items():
            windows[name] += scenes.get(name, [])
            colours += [COLOURS[part]] * len(scenes.get(name, []))
    prints = footprints(windows, placements)
    sheets = []
    for place in range(int(prints.place.max()) + 1):
        chosen = np.nonzero(prints.place == place)[0]
        scenes_first = chosen[np.argsort([colours[index] != _GROUND for index in chosen], kind="stable")]
        sheets.append(_Sheet(prints.quads[scenes_first], [colours[index] for index in scenes_first]))
    return sorted(sheets, key=lambda sheet: -len(sheet.colours))


def _in_pixels(sizes: Mapping[str, tuple[int, int]], parts: Mapping[str, Mapping[str, Sequence[Window]]]) -> list[_Sheet]:
    sheets = []
    for name, size in sorted(sizes.items()):
        windows, colours = [Window(0, 0, *size)], [_GROUND]
        for part, scenes in parts.items():
            windows += scenes.get(name, [])
            colours += [COLOURS[part]] * len(scenes.get(name, []))
        boxes = np.array(windows, np.float64)
        top, left = -boxes[:, 0], boxes[:, 1]
        bottom, right = top - boxes[:, 2], left + boxes[:, 3]
        quads = np.stack(
            [np.stack(corner, axis=-1) for corner in ((left, top), (right, top), (right, bottom), (left, bottom))], 1
        )
        sheets.append(_Sheet(quads, colours))
    return sheets


def _draw(sheet: _Sheet, cell: int) -> NDArray[np.uint8]:
    points = sheet.quads.reshape(-1, 2)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (cell - 1) / max(float((high - low).max()), 1e-9)
    height = max(2, round(float(high[1] - low[1]) * scale) + 1)
    picture = np.full((height, cell, 3), _PAPER, np.uint8)
    xs, ys = (sheet.quads[..., 0] - low[0]) * scale, (high[1] - sheet.quads[..., 1]) * scale
    corners = np.rint(np.stack([xs, ys], axis=-1) * (1 << _FRACTION)).astype(np.int32)
    for quad, colour in zip(corners, sheet.colours, strict=True):
        cv2.fillConvexPoly(picture, quad, colour, lineType=cv2.LINE_8, shift=_FRACTION)
        cv2.polylines(picture, [quad], True, tuple(round(0.75 * one) for one in colour), 1, cv2.LINE_AA, _FRACTION)
    return picture
