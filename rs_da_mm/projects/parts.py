"""Dividing the windows of a project, and what the training part is made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets import RasterFolderDataset
from rs_da_mm.datasets.splits import PARTS
from rs_da_mm.datasets.statistics import DatasetStatistics, compute_statistics
from rs_da_mm.errors import DatasetError
from rs_da_mm.projects.dataset_settings import SPLIT_FILE, dataset_settings
from rs_da_mm.projects.request import ProjectRequest
from rs_da_mm.projects.settings import RATIOS, split_attempts, window_sizes
from rs_da_mm.projects.survey import Survey

_FULL, _SOME = 0.5, 0.25
"""Shares of the windows that a part should have: from the first on it will do, below the second it is hardly a part."""
_SEEDS = 4
_FEW = 2000
"""Windows up to which other seeds are tried: of few windows, one arrangement can be much worse than another."""


@dataclass(frozen=True)
class Parts:
    """A project's windows, divided.

    Attributes:
        settings: Arguments of the data set, ``split`` among them.
        window: Side of a window.
        datasets: The data set of each part.
        pixels: Per part, pixels of each class, and of what is ignored.
        notes: What the split says about itself: distances, blocks, windows left out.
        statistics: Of the training part.
        remarks: What is to be known of how it was divided.
    """

    settings: dict[str, Any]
    window: int
    datasets: Mapping[str, RasterFolderDataset]
    pixels: Mapping[str, NDArray[np.int64]]
    notes: dict[str, Any]
    statistics: DatasetStatistics
    remarks: list[str]


def divide(request: ProjectRequest, found: Survey, folder: Path) -> Parts:
    """Lay windows, and divide them by the most honest split that works.

    A split will do when each part has at least half of the windows that it should have, and every class. Where none will (of few
    windows, other seeds are tried too), the one that comes nearest is taken.

    Args:
        request: What is asked for.
        found: What there is.
        folder: The project's folder, where the table of scenes lies; the split is written there.

    Raises:
        InputError: When labels or images cannot be used, or no split works.
    """
    refused: list[str] = []
    drawn: list[tuple[tuple[bool, int, float, int], _Drawn]] = []
    for window in window_sizes(request, found.scenes):
        settings = dataset_settings(request, found, window)
        everything = RasterFolderDataset(folder, **_arguments(settings), test_mode=True)
        _require_classes(everything)
        for split in _with_seeds(split_attempts(request, found.scenes, window), len(everything)):
            if split["type"] == "random" and drawn:
                continue  # only where nothing else works at all
            one = _Drawn({**settings, "split": split}, window)
            try:
                datasets = one.build(folder)
            except DatasetError as error:
                refused.append(f"{one.name}: {_reason(error, folder)}")
                continue
            missing, share = _judge(datasets, len(everything))
            drawn.append(((share < _SOME, missing, -min(share, _FULL), len(drawn)), one))
            if not missing and share >= _FULL:
                return _finished(one, datasets, folder, refused)
    if not drawn:
        raise DatasetError(
            "The windows cannot be divided into training, validation and test parts. Tried were: "
            + " ".join(dict.fromkeys(refused))
        )
    best = min(drawn, key=lambda pair: pair[0])[1]
    return _finished(best, best.build(folder), folder, refused)


def _with_seeds(splits: Iterable[dict[str, Any]], windows: int) -> Iterator[dict[str, Any]]:
    for split in splits:
        for further in range(_SEEDS if windows <= _FEW and split["type"] != "random" else 1):
            yield {**split, "seed": split["seed"] + further}


def _reason(error: DatasetError, folder: Path) -> str:
    """The first sentence of an error, without what belongs to the unfinished folder."""
    told = str(error).replace(f" of '{folder}'", "").partition(" (pixels")[0].partition(". ")[0]
    return f"{told.rstrip('.')}."


@dataclass(frozen=True)
class _Drawn:
    """A way to divide windows.

    Attributes:
        settings: Arguments of the data set.
        window: Side of a window.
    """

    settings: dict[str, Any]
    window: int

    @property
    def name(self) -> str:
        """What it is called in messages."""
        block = self.settings["split"].get("block")
        of = "" if block is None else f", block {block}"
        return f"{self.settings['split']['type']} (windows of {self.window}{of})"

    def build(self, folder: Path) -> dict[str, RasterFolderDataset]:
        """Draw the split anew, and give the data set of each part."""
        file = folder / SPLIT_FILE
        file.unlink(missing_ok=True)
        return {
            part: RasterFolderDataset(folder, **_arguments(self.settings), split_file=file, part=part, test_mode=part != PARTS[0])
            for part in PARTS
        }


def _judge(datasets: Mapping[str, RasterFolderDataset], windows: int) -> tuple[int, float]:
    """How often a class is missing in a part, and the smallest part as a share of what it should be."""
    missing = sum(int((dataset.class_counts().sum(axis=0)[:-1] == 0).sum()) for dataset in datasets.values())
    return missing, min(len(datasets[part]) / (ratio * windows) for part, ratio in zip(PARTS, RATIOS, strict=True))


def _finished(drawn: _Drawn, datasets: Mapping[str, RasterFolderDataset], folder: Path, refused: Sequence[str]) -> Parts:
    content = json.loads((folder / SPLIT_FILE).read_text(encoding="utf-8"))
    notes = {"dropped": content["counts"].get("dropped", 0), **content.get("notes", {})}
    pixels = {part: dataset.class_counts().sum(axis=0) for part, dataset in datasets.items()}
    remarks = _remarks(drawn.settings, datasets, pixels, refused)
    return Parts(drawn.settings, drawn.window, datasets, pixels, notes, compute_statistics(datasets[PARTS[0]]), remarks)


def _arguments(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key != "type"}


def _require_classes(dataset: RasterFolderDataset) -> None:
    pixels = dataset.class_counts().sum(axis=0)[:-1]
    missing = [name for name, count in zip(dataset.classes, pixels.tolist(), strict=True) if not count]
    if missing:
        raise DatasetError(
            f"No pixel of {', '.join(map(repr, missing))} lies on the images, so it cannot be learned. Leave the class out of "
            "--classes "
            "(code=ignore), or see whether its labels lie elsewhere."
        )


def _remarks(
    settings: Mapping[str, Any],
    datasets: Mapping[str, RasterFolderDataset],
    pixels: Mapping[str, NDArray[np.int64]],
    refused: Sequence[str],
) -> list[str]:
    said = []
    if settings["split"]["type"] == "random":
        why = f" Others did not work: {' '.join(dict.fromkeys(refused))}" if refused else ""
        said.append(
            "The split is random: neighbouring windows lie in different parts, and scores on the test part flatter the model. "
            "Do not "
            f"take them for what a new place would give.{why}"
        )
    elif refused:
        said.append(f"Tried before, without success: {' '.join(dict.fromkeys(refused))}")
    for part in PARTS[1:]:
        names = [name for name, count in zip(datasets[part].classes, pixels[part][:-1], strict=True) if not count]
        if names:
            said.append(f"No pixel of {', '.join(names)} is in the {part} part, so nothing is learned about its accuracy there.")
    return said
