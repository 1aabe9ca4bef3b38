"""Any input size for networks that halve their maps several times."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Repeat the last row and column until height and width are multiples of ``multiple``.

    Edge pixels are repeated, not mirrored or set to zero: it works for an image of any size down to one pixel, and adds no value
    that the image does not have.

    Args:
        x: ``(N, C, H, W)``.
        multiple: What height and width must be divisible by.

    Returns:
        ``(N, C, H', W')``; ``x`` itself where nothing is missing.
    """
    height, width = x.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x


def crop_to(x: Tensor, height: int, width: int) -> Tensor:
    """Cut the first ``height`` rows and ``width`` columns out of ``(N, C, H, W)``; ``x`` itself where it has that size."""
    return x if x.shape[-2:] == (height, width) else x[..., :height, :width]
