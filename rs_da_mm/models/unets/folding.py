"""A convolution and the BatchNorm behind it, as one convolution."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


@torch.no_grad()
def fold_norm(parent: nn.Module, convolution: str, norm: str) -> None:
    """Fold a BatchNorm's running statistics into the convolution in front of it, for good; a second call changes nothing.

    The norm's place is taken by an identity, so that the parent's ``forward`` stays as it is.

    Args:
        parent: The module that has both.
        convolution: The convolution's name in it.
        norm: The BatchNorm's.

    Raises:
        RuntimeError: In training mode, where the batch's statistics are used, which no fixed kernel can hold.
    """
    conv, behind = parent.get_submodule(convolution), parent.get_submodule(norm)
    if isinstance(behind, nn.Identity):
        return
    if behind.training:
        raise RuntimeError(
            "switch_to_deploy() folds the BatchNorm's running statistics into the kernel, but in training mode those of the "
            "batch are used: call eval() first"
        )
    kept = cast(nn.Conv2d, conv).weight
    dtype = kept.dtype
    # In float64, so that what is rounded is the result alone.
    folded = fuse_conv_bn_eval(cast(nn.Conv2d, conv).double(), cast(nn.BatchNorm2d, behind).double())
    parent.add_module(convolution, folded.to(dtype).requires_grad_(kept.requires_grad).train(conv.training))
    parent.add_module(norm, nn.Identity())
