"""Reading what mmengine hands to a metric: data samples as dicts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rs_da_mm.errors import InputError


def plane(data: Any) -> Tensor:
    """Take a map of shape (1, H, W) or (H, W), tensor or array, as a tensor of shape (H, W)."""
    tensor = torch.as_tensor(data)
    return tensor.squeeze(0) if tensor.ndim == 3 else tensor


def place(sample: Mapping[str, Any]) -> str:
    """Say where a sample comes from, for an error: its file, and its window where it has one."""
    window = sample.get("window")
    where = "" if window is None else f", window at row {window[0]}, column {window[1]}"
    return f"{sample.get('img_path', 'a sample without img_path')}{where}"


def file_stem(sample: Mapping[str, Any]) -> str:
    """Name a file after a sample: ``<scene>_<row>_<col>`` for a window of a scene, the image's own name otherwise."""
    source = sample.get("img_path") or "sample"
    first = source if isinstance(source, str | Path) else source[0]
    scene = str(sample.get("scene") or Path(first).stem)
    window = sample.get("window")
    return scene if window is None else f"{scene}_{int(window[0])}_{int(window[1])}"


def truth(sample: Mapping[str, Any], ignore_index: int) -> Tensor:
    """Take the label of a sample, with ``ignore_index`` where the sample has no data.

    Args:
        sample: A dict with ``gt_sem_seg`` and, where there is one, ``valid_mask`` (1 where there is data).
        ignore_index: Label of pixels that do not count.

    Returns:
        True classes, shape (H, W).

    Raises:
        InputError: When there is no label, or the valid mask has another shape.
    """
    if "gt_sem_seg" not in sample:
        raise InputError(
            f"{place(sample)}: there is no label to compare with. Check that the test pipeline loads labels, or only write "
            "predictions, with format_only=True and output_dir."
        )
    label = plane(sample["gt_sem_seg"]["data"])
    if "valid_mask" not in sample:
        return label
    valid = plane(sample["valid_mask"]["data"]).to(label.device)
    if valid.shape != label.shape:
        raise InputError(
            f"{place(sample)}: the valid mask has shape {tuple(valid.shape)} and the label {tuple(label.shape)}; expected one. "
            "Check that every geometric transform of the test pipeline moves both."
        )
    # A label of uint8 cannot hold every ignore_index.
    return torch.where(valid > 0, label.to(torch.int32), ignore_index)
