"""Keeping what a model predicted, as maps that lie where their image lies."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.samples import file_stem, plane
from rs_da_mm.files import atomic_write_bytes
from rs_da_mm.raster import Georeference, Scene, write_raster

UNKNOWN = 255
"""Class number of pixels without data, in a written map."""


class PredictionWriter:
    """Writes one map of classes per sample.

    A window of a scene becomes ``<scene>_<row>_<col>.tif`` with the window's own georeference; an image that is no window becomes
    ``<name>.png``. Both carry the palette of the classes. Pixels without data are 255.

    Args:
        folder: Where to; made when it is missing.
        palette: Colour of each class, (red, green, blue) from 0 to 255; without one the maps are grey.

    Raises:
        InputError: When two different samples would be written to one file.
    """

    def __init__(self, folder: str | Path, palette: Sequence[Sequence[int]] | None = None) -> None:
        self.folder = Path(folder)
        self.palette = palette
        self._georeferences: dict[str, Georeference] = {}
        self._written: dict[str, str] = {}

    def write(self, sample: Mapping[str, Any]) -> Path:
        """Write the prediction of one sample.

        Args:
            sample: A data sample as a dict with ``pred_sem_seg`` and, where it has them, ``img_path``, ``scene``, ``window``
                (row, col, height, width) and ``valid_mask``.

        Returns:
            The file.
        """
        classes = _classes(sample)
        window = sample.get("window")
        name = file_stem(sample)
        self._refuse_collision(name, sample)
        if window is None:
            path = self.folder / f"{name}.png"
            atomic_write_bytes(path, _png(classes, self.palette))
            return path
        row, col = int(window[0]), int(window[1])
        path = self.folder / f"{name}.tif"
        georeference = self._georeference(sample).window(row, col)
        write_raster(path, classes, georeference=georeference, nodata=UNKNOWN, palette=self.palette)
        return path

    def _georeference(self, sample: Mapping[str, Any]) -> Georeference:
        key = str(sample["img_path"])
        if key not in self._georeferences:
            self._georeferences[key] = Scene(sample["img_path"]).georeference()
        return self._georeferences[key]

    def _refuse_collision(self, name: str, sample: Mapping[str, Any]) -> None:
        source = str(sample.get("img_path"))
        if self._written.setdefault(name, source) != source:
            raise InputError(
                f"{self.folder / name}: would hold the predictions of both {self._written[name]} and {source}. Give the scenes "
                "different names, or write each part of the data into a folder of its own."
            )


def _classes(sample: Mapping[str, Any]) -> NDArray[np.uint8]:
    """The predicted classes (H, W), 255 where there is no data."""
    classes = plane(sample["pred_sem_seg"]["data"])
    if "valid_mask" in sample:
        valid = plane(sample["valid_mask"]["data"]).to(classes.device)
        classes = torch.where(valid > 0, classes, UNKNOWN)
    array: NDArray[np.uint8] = classes.to(torch.uint8).cpu().numpy()
    return array


def _png(classes: NDArray[np.uint8], palette: Sequence[Sequence[int]] | None) -> bytes:
    image = Image.fromarray(classes)
    if palette is not None:
        image.putpalette(np.asarray(palette, np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
