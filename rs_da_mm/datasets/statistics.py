"""What a part of a data set is made of: pixels per class, and the distribution of each band.

Computed over the windows of the part, as training sees them: a pixel in two windows counts twice, one in none does not count.
"""

from __future__ import annotations

import json
from collections.abc import Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.band_histogram import BandHistogram, make_histogram
from rs_da_mm.datasets.base import SceneWindowDataset
from rs_da_mm.datasets.class_weights import inverse_root_weights, median_frequency_weights
from rs_da_mm.datasets.image_reading import image_source, open_scene
from rs_da_mm.datasets.label_code import IGNORED
from rs_da_mm.datasets.label_sources import sample_labels
from rs_da_mm.datasets.progress_bar import track
from rs_da_mm.datasets.provenance import Provenance
from rs_da_mm.datasets.window_index import class_counts
from rs_da_mm.errors import DatasetError
from rs_da_mm.files import atomic_write_json
from rs_da_mm.raster import Window

PERCENTS = (1, 2, 50, 98, 99)
_FORMAT = "rs_da_mm statistics"
_VERSION = 1


@dataclass(frozen=True)
class ClassStatistics:
    """One class.

    Attributes:
        name: Its name.
        pixels: How many pixels it has.
        share: Its share of all labelled pixels, 0 to 1.
        median_frequency_weight: See :func:`~rs_da_mm.datasets.class_weights.median_frequency_weights`.
        inverse_root_weight: See :func:`~rs_da_mm.datasets.class_weights.inverse_root_weights`.
    """

    name: str
    pixels: int
    share: float
    median_frequency_weight: float
    inverse_root_weight: float


@dataclass(frozen=True)
class BandStatistics:
    """One band, over the pixels that hold data; in units of the file.

    Attributes:
        name: Its name, or its number.
        pixels: How many pixels hold data.
        mean: Mean.
        std: Standard deviation.
        minimum: Smallest value.
        maximum: Largest value.
        percentiles: Value at each of ``PERCENTS``, by the percent as text.
    """

    name: str
    pixels: int
    mean: float
    std: float
    minimum: float
    maximum: float
    percentiles: dict[str, float]


@dataclass(frozen=True)
class DatasetStatistics:
    """A part of a data set.

    Attributes:
        windows: How many windows it has.
        ignored: How many of their pixels are ignored: by their label, for want of data, or because they lie outside the scene.
        classes: Per class.
        bands: Per band.
        origin: The settings and files that the numbers belong to.
    """

    windows: int
    ignored: int
    classes: tuple[ClassStatistics, ...]
    bands: tuple[BandStatistics, ...]
    origin: Provenance


def compute_statistics(dataset: SceneWindowDataset, skip: Set[str] = frozenset()) -> DatasetStatistics:
    """Go through all windows of a data set's part once.

    Args:
        dataset: The data set; its ``part`` is what is described, so take the training part for numbers that go into training.
        skip: Scenes to leave out.

    Returns:
        The statistics.

    Raises:
        DatasetError: When no window is left, or a label is unknown.
        RasterError: When a window cannot be read.
    """
    dataset.full_init()
    scenes = [scene for scene in _scenes(dataset) if scene[0]["scene"] not in skip]
    if not scenes:
        raise DatasetError(f"No window of '{dataset.root}' is left to make statistics of.")
    counts: list[NDArray[np.int64]] = []
    histograms: list[BandHistogram] = []
    for sample, windows in track(scenes, "Statistics"):
        image = image_source(sample, open_scene(sample))
        source = sample_labels(sample)
        histograms = histograms or [make_histogram(image.dtype) for _ in range(image.count)]
        for window in windows:
            pixels, valid = image.read_with_valid(window)
            labels = source.read(window)
            labels[valid == 0] = IGNORED  # as the loss sees them
            counts.append(class_counts(labels, len(dataset.classes)))
            _add_window(histograms, pixels, valid)
    all_counts = np.stack(counts)
    return DatasetStatistics(
        len(counts),
        int(all_counts[:, -1].sum()),
        _describe_classes(dataset.classes, all_counts[:, :-1]),
        tuple(_describe_band(name, histogram) for name, histogram in zip(dataset.band_names, histograms, strict=True)),
        dataset.provenance,
    )


def save_statistics(statistics: DatasetStatistics, path: str | Path) -> None:
    """Write statistics as JSON, with the settings and the fingerprint of the files that they belong to.

    Raises:
        OSError: When the file cannot be written.
    """
    content = {"format": _FORMAT, "version": _VERSION, **asdict(statistics)}
    del content["origin"]
    atomic_write_json(path, {**content, **statistics.origin.to_json()})


def load_statistics(path: str | Path, dataset: SceneWindowDataset) -> DatasetStatistics:
    """Read statistics, and see that they are those of a data set.

    Args:
        path: The file.
        dataset: The data set whose statistics are wanted.

    Returns:
        The statistics.

    Raises:
        DatasetError: When the file is missing, is something else, or belongs to other files or settings; it names the file, what
            differs, and what to do.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if (content["format"], content["version"]) != (_FORMAT, _VERSION):
            raise ValueError("another format or version")
        statistics = DatasetStatistics(
            content["windows"],
            content["ignored"],
            tuple(ClassStatistics(**one) for one in content["classes"]),
            tuple(BandStatistics(**one) for one in content["bands"]),
            Provenance.from_json(content),
        )
    except FileNotFoundError:
        raise DatasetError(f"There are no statistics at '{path}'; tools/check_dataset.py writes them.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path} holds no statistics that this version can read ({error}). Delete it and make them anew."
        ) from error
    dataset.full_init()
    statistics.origin.require(dataset.provenance, path, "statistics")
    return statistics


def _scenes(dataset: SceneWindowDataset) -> list[tuple[dict[str, Any], list[Window]]]:
    """One sample of each scene, and the windows of all."""
    scenes: dict[str, tuple[dict[str, Any], list[Window]]] = {}
    for place in range(len(dataset)):
        sample = dataset.get_data_info(place)
        scenes.setdefault(sample["scene"], (sample, []))[1].append(Window(*sample["window"]))
    return list(scenes.values())


def _add_window(histograms: list[BandHistogram], image: NDArray[Any], valid: NDArray[np.uint8]) -> None:
    pixels = image.reshape(-1, image.shape[2]) if valid.all() else image[valid == 1]
    for band, histogram in enumerate(histograms):
        histogram.add(pixels[:, band])


def _describe_classes(names: tuple[str, ...], counts: NDArray[np.int64]) -> tuple[ClassStatistics, ...]:
    pixels = counts.sum(axis=0)
    shares = pixels / max(int(pixels.sum()), 1)
    columns = (pixels, shares, median_frequency_weights(counts), inverse_root_weights(counts))
    rows = zip(names, *(column.tolist() for column in columns), strict=True)
    return tuple(ClassStatistics(*row) for row in rows)


def _describe_band(name: str, histogram: BandHistogram) -> BandStatistics:
    percentiles = {str(percent): histogram.percentile(percent) for percent in PERCENTS}
    return BandStatistics(name, histogram.count, *histogram.moments(), *histogram.extremes(), percentiles)
