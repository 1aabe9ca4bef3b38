"""1×1 convolutions of several maps.

Maps in the ``channels_last`` format are matrices of pixels × channels, and a 1×1 convolution is a product with such a matrix.
Without gradients, products of several maps are added up in place: nothing is concatenated, and no sum is a map of its own. With
gradients the plain form is as fast.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def is_channels_last(x: Tensor) -> bool:
    """Whether ``(N, C, H, W)`` lies in memory as pixels × channels."""
    return x.is_contiguous(memory_format=torch.channels_last)


def reduce_maps(maps: Sequence[Tensor], weight: Tensor) -> Tensor:
    """Apply a 1×1 convolution to the concatenation of maps: ``conv2d(cat(maps, 1), weight)``.

    Args:
        maps: ``(N, C_k, H, W)`` each.
        weight: ``(out_channels, ΣC_k, 1, 1)``.

    Returns:
        ``(N, out_channels, H, W)``.
    """
    if torch.is_grad_enabled() or not all(is_channels_last(x) for x in maps):
        return F.conv2d(torch.cat(list(maps), 1), weight)
    parts = weight.split([x.shape[1] for x in maps], dim=1)
    out = F.conv2d(maps[0], parts[0])
    for x, part in zip(maps[1:], parts[1:], strict=True):
        out = add_reduced(out, x, part)
    return out


def add_reduced(out: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Add a 1×1 convolution to a map in place: ``out + conv2d(x, weight)``.

    Args:
        out: ``(N, out_channels, H, W)``; it is overwritten by the result.
        x: ``(N, C, H, W)``.
        weight: ``(out_channels, C, 1, 1)``.

    Returns:
        The sum, in the memory of ``out``.
    """
    if torch.is_grad_enabled() or not (is_channels_last(out) and is_channels_last(x)):
        return out.add_(F.conv2d(x, weight))
    # Autocast does not act on products in place: the precision is that of `out`. What is returned follows from the product, not
    # from `out`, so that exporters that know no memory shared by views see it too.
    product = _pixels(out).addmm_(_pixels(x).to(out.dtype), weight.flatten(1).t().to(out.dtype))
    return product.view(out.permute(0, 2, 3, 1).shape).permute(0, 3, 1, 2)


def _pixels(x: Tensor) -> Tensor:
    """View ``(N, C, H, W)``, which is ``channels_last``, as ``(N·H·W, C)``."""
    return x.permute(0, 2, 3, 1).flatten(0, 2)
