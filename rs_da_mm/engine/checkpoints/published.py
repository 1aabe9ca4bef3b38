"""Reading weights that ``tools/publish.py`` wrote, with everything that they say about themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from rs_da_mm.engine.checkpoints.weights_file import DATASET_META, WEIGHTS_HASH, read_metadata, read_weights_file
from rs_da_mm.errors import InputError
from rs_da_mm.raster import PixelSize

FORMAT_VERSION = 1
"""Of the metadata that this version of the package writes, and the newest that it reads."""


@dataclass(frozen=True)
class Bands:
    """What a model was trained to see.

    Attributes:
        count: How many bands.
        names: Their names in order; empty where nobody named them.
        choice: Which of a scene's bands they are, numbers counted from 1 or names; ``None`` for all image bands.
        dtype: NumPy dtype of the training scenes' files.
    """

    count: int | None
    names: tuple[str, ...]
    choice: tuple[int | str, ...] | None
    dtype: str | None


@dataclass(frozen=True)
class PublishedModel:
    """Weights, and what is needed to use them on scenes.

    Attributes:
        path: The file.
        weights: Tensors by name, on the CPU; they have the published hash.
        sha256: Hash of the weights, see :func:`rs_da_mm.engine.checkpoints.weights_file.weights_sha256`.
        config: The config as data. Reading runs nothing of it. Building from a stranger's is another matter: whatever a ``type``
            in it names is called.
        config_name: The config file's name, without ending.
        classes: Names of the classes, class 0 first; empty where unknown.
        palette: Colours of the classes, red, green, blue; empty where unknown.
        bands: The bands, ``None`` where unknown.
        pixel_size: Of the training scenes, in metres where their CRS is projected; ``None`` where unknown.
        pixel_size_range: The smallest and largest side of a pixel in the training scenes, in the same unit.
        normalisation: The data preprocessor's ``type``, ``mean`` and ``std`` (lists; ``None`` without), and other settings.
        averaged: Whether these are the averaged weights of mmengine's ``EMAHook``.
        epoch: Epochs that the weights were trained for, where known.
        iteration: Iterations, likewise.
        license: Under what terms the weights are given, where the publisher said so.
        training_data: One record per training data set, see :func:`rs_da_mm.engine.dataset_record.describe_datasets`; empty
            where the checkpoint had none.
        git: Commits that the training was run from, see :func:`rs_da_mm.engine.environment.git_states`.
        created_by: The package and version that wrote the file.
    """

    path: Path
    weights: Mapping[str, Tensor] = field(repr=False, compare=False)
    sha256: str
    config: Mapping[str, Any] = field(repr=False)
    config_name: str
    classes: tuple[str, ...]
    palette: tuple[tuple[int, ...], ...]
    bands: Bands | None
    pixel_size: PixelSize | None
    pixel_size_range: tuple[float, float] | None
    normalisation: Mapping[str, Any]
    averaged: bool
    epoch: int | None
    iteration: int | None
    license: str | None
    training_data: tuple[Mapping[str, Any], ...] = field(repr=False)
    git: Mapping[str, Mapping[str, Any]] = field(repr=False)
    created_by: str

    @property
    def from_miniature(self) -> bool:
        """Whether the training data is known to be synthetic."""
        return any(bool(record.get("miniature")) for record in self.training_data)


def read_published(path: str | Path) -> PublishedModel:
    """Read published weights; nothing in the file is executed.

    Args:
        path: A ``.safetensors`` file of ``tools/publish.py``.

    Raises:
        InputError: When the file is missing, is no such file, was damaged or changed, or was written by a later version.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise InputError(f"{path}: there is no such file. tools/publish.py writes one.")
    metadata = read_metadata(path)
    if "published_format" not in metadata:
        raise InputError(
            f"{path}: holds weights, and nothing that says what they are for. Make it with tools/publish.py from the checkpoint."
        )
    weights, _ = read_weights_file(path)
    try:
        version = int(metadata["published_format"])
        if version > FORMAT_VERSION:
            raise InputError(
                f"{path}: was written in format {version} by {metadata.get('created_by')}, and this version reads up to "
                f"{FORMAT_VERSION}: install a newer rs_da_mm."
            )
        return _parse(path, weights, metadata)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: its description is not as tools/publish.py writes it ({type(error).__name__}: {error}). Fetch it again."
        ) from error


def _parse(path: Path, weights: Mapping[str, Tensor], metadata: Mapping[str, str]) -> PublishedModel:
    content = {name: json.loads(metadata[name]) for name in ("config", DATASET_META, "normalisation", "training", "bands")}
    size = json.loads(metadata["pixel_size"])
    data, training = content[DATASET_META], content["training"]
    return PublishedModel(
        path=path,
        weights=weights,
        sha256=metadata[WEIGHTS_HASH],
        config=dict(content["config"]),
        config_name=metadata["config_name"],
        classes=tuple(map(str, data.get("classes", ()))),
        palette=tuple(tuple(map(int, colour)) for colour in data.get("palette", ())),
        bands=None if content["bands"] is None else _parse_bands(content["bands"]),
        pixel_size=None if size is None else PixelSize(float(size["width"]), float(size["height"]), str(size["unit"])),
        pixel_size_range=None if size is None else (float(size["range"][0]), float(size["range"][1])),
        normalisation=dict(content["normalisation"]),
        averaged=bool(training["averaged"]),
        epoch=training["epoch"],
        iteration=training["iteration"],
        license=metadata.get("license"),
        training_data=tuple(dict(record) for record in training["data"]),
        git=dict(training["git"]),
        created_by=metadata["created_by"],
    )


def _parse_bands(bands: Mapping[str, Any]) -> Bands:
    choice = bands["choice"]
    return Bands(bands["count"], tuple(map(str, bands["names"])), None if choice is None else tuple(choice), bands["dtype"])
