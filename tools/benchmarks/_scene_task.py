"""What the ways through a scene of ``_scene_methods.py`` have in common: what is to be done, the meter, windows, files."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Task:
    """What is to be done.

    Attributes:
        inputs: :class:`_scene_inputs.SceneInputs` as a dictionary.
        out: Where the map goes.
        window: Rows and columns of a window.
        stride: From one window to the next.
        threads: Cores that may be used.
    """

    inputs: dict[str, Any]
    out: str
    window: int
    stride: int
    threads: int


class Metered:
    """A model whose time and images are counted."""

    def __init__(self, model: Callable[..., Tensor]) -> None:
        self._model = model
        self.seconds, self.images = 0.0, 0

    def __call__(self, images: Tensor, *others: Any, **named: Any) -> Tensor:
        """Compute a batch, ``(N, bands, h, w)``."""
        start = time.perf_counter()
        scores = self._model(images, *others, **named)
        self.seconds += time.perf_counter() - start
        self.images += len(images)
        return scores

    def report(self) -> dict[str, Any]:
        """Give what was counted."""
        return {"model_seconds": self.seconds, "windows": self.images}


def kept_spans(length: int, window: int, stride: int) -> list[tuple[int, int, int]]:
    """Lay windows along an axis, the last one moved back to the edge.

    Returns:
        Of each window its start, and the first pixel and the one past the last that are kept of it: halfway into the overlaps.
    """
    starts = [*range(0, length - window, stride), length - window]
    cuts = [0, *((before + window + after) // 2 for before, after in itertools.pairwise(starts)), length]
    return list(zip(starts, cuts, cuts[1:], strict=False))


def statistics(task: Task) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, ``(bands, 1, 1)``."""
    mean, std = (torch.tensor(task.inputs[name])[:, None, None] for name in ("mean", "std"))
    return mean, std


def read_whole(task: Task) -> tuple[Tensor, dict[str, Any]]:
    """Read the scene as one image, ``(1, bands, height, width)``, normalised."""
    mean, std = statistics(task)
    with rasterio.open(task.inputs["scene"]) as source:
        profile = dict(source.profile)
        image = torch.from_numpy(source.read().astype(np.float32))
    return image.sub_(mean).div_(std)[None], profile


def open_map(path: str, profile: Any) -> Any:
    """Open a map for writing, on the scene's ground: tiled GeoTIFF, compressed with deflate."""
    return rasterio.open(path, "w", **{**profile, "count": 1, "dtype": "uint8", "nodata": None})


def save(scores: Tensor, profile: Any, path: str) -> None:
    """Write the most probable classes of ``(1, classes, height, width)``."""
    labels: NDArray[np.uint8] = scores.argmax(1)[0].to(torch.uint8).numpy()
    with open_map(path, profile) as target:
        target.write(labels, 1)
