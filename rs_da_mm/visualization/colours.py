"""What the eye gets to see of an image with any bands, and of class numbers."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.transforms.stretch import percentile_limits, stretch
from rs_da_mm.errors import InputError

_NATURAL = ({"red", "r"}, {"green", "g"}, {"blue", "b"})
_PERCENTILES = (2.0, 98.0)
_HATCH_LIGHT, _HATCH_DARK = 214, 172

RIGHT = (222, 236, 222)
WRONG = (206, 32, 41)


def choose_bands(count: int, names: Sequence[str | None] | None = None, wanted: Sequence[int | str] | None = None) -> list[int]:
    """Choose which bands are shown as red, green and blue.

    Args:
        count: How many bands the image has.
        names: What they are called, as far as that is known.
        wanted: Three bands (or one, for grey), as numbers counted from 1 or as names.

    Returns:
        Three indices counted from 0, or one: those wanted; else the bands named red, green and blue; else the first three; else
        the first.

    Raises:
        InputError: When a wanted band is not there.
    """
    folded = [(name or "").casefold() for name in names or []]
    if wanted is not None:
        return [_index(band, count, folded) for band in wanted]
    natural = [next((i for i, name in enumerate(folded) if name in colour), None) for colour in _NATURAL]
    if len(folded) == count and None not in natural:
        return [index for index in natural if index is not None]
    return [0, 1, 2] if count >= 3 else [0]


def _index(band: int | str, count: int, names: Sequence[str]) -> int:
    index = band - 1 if isinstance(band, int) else names.index(band.casefold()) if band.casefold() in names else -1
    if not 0 <= index < count:
        listed = f" named {', '.join(names)}" if any(names) else ""
        raise InputError(f"band {band!r} cannot be shown: the image has {count} bands{listed}, counted from 1")
    return index


def natural_colours(
    image: NDArray[Any],
    valid: NDArray[Any] | None = None,
    bands: Sequence[int] | None = None,
    limits: Sequence[tuple[float, float]] | None = None,
) -> NDArray[np.uint8]:
    """Turn an image into RGB for looking at.

    8-bit images are shown as they are. Everything else is stretched linearly, each shown band between its 2nd and 98th percentile
    over the valid pixels.

    Args:
        image: (H, W, bands) of any real dtype.
        valid: (H, W), 1 where there is data; the rest is hatched.
        bands: Three indices counted from 0, or one for grey; by default what :func:`choose_bands` chooses without names.
        limits: (low, high) per band of the image, in place of the percentiles.

    Returns:
        (H, W, 3) uint8.
    """
    chosen = list(choose_bands(image.shape[2]) if bands is None else bands)
    shown = image[..., chosen]
    is_data = np.isfinite(shown).all(axis=2) if valid is None else valid == 1
    if limits is not None:
        shown = stretch(shown, np.asarray(limits, np.float64).reshape(-1, 2)[chosen])
    elif shown.dtype != np.uint8:
        shown = stretch(shown, percentile_limits(shown, is_data, _PERCENTILES))
    colours = np.array(np.broadcast_to(shown, (*shown.shape[:2], 3)))
    colours[~is_data] = _hatching(*is_data.shape)[~is_data]
    return colours


def default_palette(count: int) -> list[tuple[int, int, int]]:
    """Colours for classes that have none: hues a golden angle apart, so that neighbours differ most."""
    colours = [colorsys.hsv_to_rgb((0.137 + 0.618034 * index) % 1, 0.62, (0.95, 0.72)[index % 2]) for index in range(count)]
    return [(round(255 * red), round(255 * green), round(255 * blue)) for red, green, blue in colours]


def paint_labels(labels: NDArray[Any], palette: Sequence[Sequence[int]]) -> NDArray[np.uint8]:
    """Paint class numbers in their colours; what is no class (255, say) is hatched.

    Args:
        labels: (H, W) integers.
        palette: (red, green, blue) of each class.

    Returns:
        (H, W, 3) uint8.
    """
    is_class = (labels >= 0) & (labels < len(palette))
    colours = _hatching(*labels.shape)
    colours[is_class] = np.asarray(palette, np.uint8).reshape(-1, 3)[labels[is_class]]
    return colours


def paint_errors(labels: NDArray[Any], prediction: NDArray[Any], ignore_index: int = 255) -> NDArray[np.uint8]:
    """Paint where a prediction is right (light grey-green) and wrong (red); what is ignored is hatched.

    Args:
        labels: (H, W) integers.
        prediction: (H, W) integers.
        ignore_index: The label that counts neither way.

    Returns:
        (H, W, 3) uint8.
    """
    colours = _hatching(*labels.shape)
    counts = labels != ignore_index
    colours[counts & (labels == prediction)] = RIGHT
    colours[counts & (labels != prediction)] = WRONG
    return colours


def _hatching(height: int, width: int) -> NDArray[np.uint8]:
    """Grey diagonal stripes, as wide as makes about thirty across."""
    period = max(4, max(height, width) // 32 * 2)
    rows, columns = np.indices((height, width), sparse=True)
    dark = (rows + columns) % period < period // 2
    return np.where(dark, _HATCH_DARK, _HATCH_LIGHT)[..., None].repeat(3, axis=2).astype(np.uint8)
