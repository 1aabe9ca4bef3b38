"""Windows of the training part as pictures: the image, and its labels over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets import RasterFolderDataset
from rs_da_mm.datasets.image_reading import image_source, open_scene
from rs_da_mm.datasets.label_sources import sample_labels
from rs_da_mm.datasets.statistics import DatasetStatistics
from rs_da_mm.raster import Window
from rs_da_mm.visualization import choose_bands, natural_colours

_SIDE = 280
_OVER = 0.55
_LOW, _HIGH = "2", "98"


class Example(NamedTuple):
    """A window.

    Attributes:
        scene: Its scene.
        window: Where in it.
        picture: ``(H, W, 3)`` uint8, the image on the left, and on the right with the labels over it.
        shares: Share of each class in its labelled pixels, 0 to 1.
    """

    scene: str
    window: Window
    picture: NDArray[np.uint8]
    shares: NDArray[np.float64]


def example_windows(dataset: RasterFolderDataset, statistics: DatasetStatistics, count: int = 6) -> list[Example]:
    """Draw windows in which every class is to be seen, the rarest first.

    Args:
        dataset: The training part.
        statistics: Of it; its percentiles say what is dark and bright.
        count: How many.
    """
    counts = dataset.class_counts()
    limits = [(band.percentiles[_LOW], max(band.percentiles[_HIGH], band.percentiles[_LOW] + 1e-6)) for band in statistics.bands]
    examples = []
    for place in _choose(counts[:, :-1], count):
        sample = dataset.get_data_info(place)
        window = Window(*sample["window"])
        image, valid = image_source(sample, open_scene(sample)).read_with_valid(window)
        labels = sample_labels(sample).read(window)
        shown = natural_colours(image, valid, choose_bands(image.shape[2], dataset.band_names), limits)
        pixels = counts[place, :-1]
        examples.append(
            Example(
                sample["scene"], window, _side_by_side(shown, labels, dataset.metainfo["palette"]), pixels / max(pixels.sum(), 1)
            )
        )
    return examples


def _choose(counts: NDArray[np.int64], most: int) -> list[int]:
    """For each class, the rarest first, a window with much of it; then further ones in turn."""
    order = np.argsort(counts.sum(axis=0), kind="stable")
    chosen: list[int] = []
    for turn in range(most):
        for kind in order:
            ranked = np.argsort(-counts[:, kind], kind="stable")
            left = [int(place) for place in ranked[: most + turn + 1] if int(place) not in chosen and counts[place, kind]]
            if left and len(chosen) < most:
                chosen.append(left[0])
    return sorted(chosen)


def _side_by_side(shown: NDArray[np.uint8], labels: NDArray[np.uint8], palette: Sequence[Any]) -> NDArray[np.uint8]:
    known = labels < len(palette)
    colours = np.asarray(palette, np.float64)[np.where(known, labels, 0)]
    over = np.where(known[..., None], _OVER * colours + (1 - _OVER) * shown, shown).astype(np.uint8)
    zoom = max(1, round(_SIDE / max(shown.shape[:2])))
    large = [np.repeat(np.repeat(one, zoom, 0), zoom, 1) for one in (shown, over)]
    if max(large[0].shape[:2]) > 2 * _SIDE:
        factor = 2 * _SIDE / max(large[0].shape[:2])
        large = [cv2.resize(one, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8) for one in large]
    gap = np.full((large[0].shape[0], 6, 3), 255, np.uint8)
    return np.concatenate([large[0], gap, large[1]], axis=1)
