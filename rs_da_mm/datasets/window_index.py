"""How many pixels of each class every window has: counted once, then remembered.

It decides which windows are nearly all unknown, and lets a sampler find those with rare classes.
"""

from __future__ import annotations

import io
import json
import logging
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray

from rs_da_mm.datasets.label_code import LabelCode
from rs_da_mm.datasets.label_sources import PlainLabels, WarpedLabels, label_source
from rs_da_mm.datasets.provenance import Provenance
from rs_da_mm.datasets.window_counts import LabelledWindows, class_counts, count_windows
from rs_da_mm.datasets.window_scheme import PlacedScene
from rs_da_mm.errors import DatasetError
from rs_da_mm.files import atomic_write_bytes
from rs_da_mm.raster import Window

__all__ = ["WindowIndex", "class_counts", "count_classes", "load_or_count"]

_VERSION = 1


@dataclass(frozen=True)
class WindowIndex:
    """Class counts of windows.

    Attributes:
        counts: ``(windows, classes + 1)`` pixels of each class; the last column counts ignored ones, and what lies outside the
            scene. Windows come scene by scene, each scene's row by row.
    """

    counts: NDArray[np.int64]

    def keeps(self, max_ignored: float) -> NDArray[np.bool_]:
        """Find the windows that are not mostly unknown.

        Args:
            max_ignored: Largest share of ignored pixels, 0 to 1, read as the decimal fraction that it is written as: of a
                window of 100 pixels, 0.8 keeps 80 ignored ones and leaves out 81.

        Returns:
            ``(windows,)``, true where a window stays.
        """
        limit = Fraction(str(max_ignored))
        ignored, pixels = self.counts[:, -1], self.counts.sum(axis=1)
        return ignored * limit.denominator <= pixels * limit.numerator


def count_classes(scenes: Sequence[PlacedScene], code: LabelCode, classes: int) -> WindowIndex:
    """Count the classes of every window.

    Args:
        scenes: Scenes and their windows.
        code: What the labels' colours or values mean.
        classes: How many classes there are.

    Returns:
        The index.

    Raises:
        RasterError: When a label cannot be read.
        DatasetError: When a label has a colour or value that the code does not know.
    """
    windows = [LabelledWindows(_Labels(scene, code), scene.header.height, scene.header.width, scene.windows) for scene in scenes]
    counts = count_windows(windows, classes)
    return WindowIndex(np.concatenate(counts) if counts else np.zeros((0, classes + 1), dtype=np.int64))


class _Labels:
    """The labels of a scene, opened where they are read: a data set may have more scenes than a process may have files open."""

    def __init__(self, scene: PlacedScene, code: LabelCode) -> None:
        self._scene, self._code = scene, code

    def read(self, window: Window) -> NDArray[np.uint8]:
        return label_source(self._scene.files, self._code).read(window)

    def read_stored(self, window: Window) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        source = label_source(self._scene.files, self._code)
        return source.read_stored(window) if isinstance(source, (PlainLabels, WarpedLabels)) else None


def load_or_count(path: Path, scenes: Sequence[PlacedScene], code: LabelCode, classes: int, now: Provenance) -> WindowIndex:
    """Take the index from its file, or count and write it when the file is missing or no longer fits.

    Args:
        path: An ``.npz`` file, written without pickles.
        scenes: As for :func:`count_classes`.
        code: As for :func:`count_classes`.
        classes: As for :func:`count_classes`.
        now: What the index is made from.

    Returns:
        The index.

    Raises:
        DatasetError: When it cannot be written, or a label is unknown.
        RasterError: When a label cannot be read.
    """
    index = _read(path, now)
    if index is not None:
        return index
    index = count_classes(scenes, code, classes)
    origin = json.dumps({"version": _VERSION, **now.to_json()})
    content = io.BytesIO()
    smallest = np.min_scalar_type(int(index.counts.max(initial=0)))
    np.savez(content, counts=index.counts.astype(smallest), provenance=np.array(origin))  # packed, it would take a second
    try:
        atomic_write_bytes(path, content.getvalue())
    except OSError as error:
        raise DatasetError(
            f"The class counts of the windows cannot be written to '{path}' ({error.strerror}); "
            "give the data set a folder that can be written: cache_dir='…'."
        ) from error
    return index


def _read(path: Path, now: Provenance) -> WindowIndex | None:
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as content:
            origin: dict[str, Any] = json.loads(str(content["provenance"]))
            differences = Provenance.from_json(origin).differences(now)
            index = WindowIndex(content["counts"].astype(np.int64))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        differences = ["it cannot be read"]
    if differences:
        print_log(
            f"Counting the classes of all windows again, since '{path}' no longer fits: {differences[0]}.",
            "current",
            logging.INFO,
        )
        return None
    return index
