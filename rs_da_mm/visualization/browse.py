"""Samples as the model gets them: after the pipeline and the data preprocessor, drawn and summed up in a line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from numpy.typing import NDArray
from torch import Tensor

from rs_da_mm.errors import InputError
from rs_da_mm.registry import DATASETS, MODELS
from rs_da_mm.visualization.panel import draw_panel


@dataclass(frozen=True)
class BrowsedSample:
    """One sample, ready to be looked at.

    Attributes:
        index: Its place in the data set.
        panel: The picture, (height, width, 3) uint8.
        summary: What it holds, in one line.
    """

    index: int
    panel: NDArray[np.uint8]
    summary: str


def browse_samples(config: Config, part: str = "train", count: int = 8, seed: int = 0) -> Iterator[BrowsedSample]:
    """Load random samples through a config's pipeline and data preprocessor.

    Args:
        config: Has ``<part>_dataloader`` and ``model.data_preprocessor``.
        part: ``'train'``, ``'val'`` or ``'test'``.
        count: How many samples; all, when there are fewer.
        seed: Of the choice of samples and of the augmentation.

    Yields:
        The samples in the data set's order, image values turned back to what they were before normalisation.

    Raises:
        InputError: When the config lacks something, or a sample cannot be used.
    """
    loader, model = config.get(f"{part}_dataloader"), config.get("model") or {}
    preprocessor_cfg = model.get("data_preprocessor") or config.get("data_preprocessor")
    if loader is None or preprocessor_cfg is None:
        raise InputError(
            f"{config.filename}: browse needs {part}_dataloader and model.data_preprocessor, but one of them is missing. "
            "Choose another --part, or add it"
        )
    init_default_scope(config.get("default_scope") or "mmengine")
    dataset = DATASETS.build(loader["dataset"])
    preprocessor = MODELS.build(preprocessor_cfg)
    chosen = np.random.default_rng(seed).permutation(len(dataset))[:count]
    set_random_seed(seed)
    for index in sorted(map(int, chosen)):
        packed = dataset[index]
        batch = preprocessor(pseudo_collate([packed]), part == "train")
        yield _browse(index, packed["inputs"], batch, preprocessor, dataset.metainfo)


def _browse(index: int, packed: Tensor, batch: dict[str, Any], preprocessor: Any, meta: dict[str, Any]) -> BrowsedSample:
    normalised = batch["inputs"][0].permute(1, 2, 0).numpy()
    sample = batch["data_samples"][0]
    valid = sample.valid_mask.data[0].numpy() if "valid_mask" in sample else None
    if valid is not None:
        normalised = normalised[: valid.shape[0], : valid.shape[1]]  # at test time the mask is not padded
    label = sample.gt_sem_seg.data[0].numpy() if "gt_sem_seg" in sample else None
    if label is not None and label.shape != normalised.shape[:2]:
        label = None  # the pipeline resized the image alone, as mmseg does at test time
    bands = sample.metainfo.get("bands")
    title = _title(index, sample.metainfo)
    panel = draw_panel(
        _denormalised(normalised, preprocessor),
        label,
        classes=meta.get("classes"),
        palette=meta.get("palette"),
        title=title,
        valid=valid,
        band_names=bands,
        limits=[(0, 255)] * normalised.shape[2] if packed.element_size() == 1 else None,
    )
    parts = [title, _ranges(normalised, valid, bands), _shares(label, meta.get("classes") or ()), _invalid(valid)]
    return BrowsedSample(index, panel, " | ".join(part for part in parts if part))


def _title(index: int, meta: dict[str, Any]) -> str:
    """Which sample it is: its scene and window, or its file."""
    name = meta.get("scene") or meta.get("img_path") or "sample"
    window = meta.get("window")
    if window is None:
        return f"{index}: {name}"
    row, column, height, width = window
    return f"{index}: {name}, rows {row}–{row + height - 1}, columns {column}–{column + width - 1}"


def _denormalised(image: NDArray[np.float32], preprocessor: Any) -> NDArray[np.float32]:
    """(H, W, bands) in the units that the preprocessor found it in."""
    mean, std = getattr(preprocessor, "mean", None), getattr(preprocessor, "std", None)
    if mean is None or std is None:
        return image
    return image * std.flatten().numpy() + mean.flatten().numpy()


def _ranges(image: NDArray[np.float32], valid: NDArray[Any] | None, bands: Sequence[str] | None) -> str:
    """Least, largest and mean value of each band over the valid pixels, as the model gets them."""
    values = image.reshape(-1, image.shape[2]) if valid is None else image[valid == 1]
    if not len(values):
        return "no valid pixel"
    names = bands if bands is not None and len(bands) == image.shape[2] else [f"band {n + 1}" for n in range(image.shape[2])]
    return ", ".join(
        f"{name} {column.min():.2f}…{column.max():.2f} mean {column.mean():.2f}"
        for name, column in zip(names, values.T, strict=True)
    )


def _shares(label: NDArray[Any] | None, classes: Sequence[str]) -> str:
    """How much of the label each class takes, the largest first."""
    if label is None:
        return ""
    values, counts = np.unique(label, return_counts=True)
    shares = sorted(zip(100 * counts / label.size, values, strict=True), reverse=True)
    return ", ".join(
        f"{classes[value] if value < len(classes) else f'ignored ({value})'} {share:.1f} %" for share, value in shares
    )


def _invalid(valid: NDArray[Any] | None) -> str:
    return "" if valid is None else f"no data {100 * np.mean(valid != 1):.1f} %"
