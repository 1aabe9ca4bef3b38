"""One hop of an up-sampling chain, and the last hops of several chains together with the 1×1 convolution that reads them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rs_da_mm.models.macunet.asymmetric_conv import AsymmetricConv, Kernel
from rs_da_mm.models.macunet.pointwise import add_reduced


class UpSample(nn.Module):
    """A 2×2 transposed convolution with stride 2 and bias, without norm or activation; on request a block behind it.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        refine: The kernels of an :class:`AsymmetricConv` behind the transposed convolution (``A(U(x))`` in the paper's Eq. (3)),
            or ``None`` for none (the authors' code).
        norm: Whether that block has a BatchNorm.

    Shapes:
        Input ``(N, in_channels, H, W)``, output ``(N, out_channels, 2H, 2W)``.
    """

    def __init__(self, in_channels: int, out_channels: int, refine: Sequence[Kernel] | None = None, norm: bool = True) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_channels, out_channels, 2, stride=2)
        self.refine = AsymmetricConv(out_channels, out_channels, refine, norm) if refine is not None else None

    @property
    def bias(self) -> Tensor:
        """The bias of the transposed convolution, ``(out_channels,)``."""
        assert self.conv.bias is not None
        return self.conv.bias

    def forward(self, x: Tensor) -> Tensor:
        """Double height and width of ``(N, in_channels, H, W)``."""
        x = _double(x, self.conv.weight, self.bias)
        return x if self.refine is None else self.refine(x)


def up_sample_and_reduce(sources: Sequence[Tensor], hops: Sequence[UpSample], lateral: Tensor, weight: Tensor) -> Tensor:
    """Up-sample maps, concatenate them with a lateral map and apply a 1×1 convolution, mostly at the lower resolution.

    Equals ``conv2d(cat([hop(x) for hop, x in zip(hops, sources)] + [lateral], 1), weight)``. The hops are linear, so each of them
    followed by its slice of the 1×1 convolution is again one transposed convolution, and their sum is one over the concatenated
    sources: as many multiplications, and none of the maps at the higher resolution that would only be read once.

    Args:
        sources: ``(N, C_k, H, W)`` each.
        hops: One hop to ``width`` channels per source, without a block behind its transposed convolution.
        lateral: ``(N, width, 2H, 2W)``.
        weight: ``(out_channels, (len(hops) + 1) · width, 1, 1)``.

    Returns:
        ``(N, out_channels, 2H, 2W)``.
    """
    width = lateral.shape[1]
    slices = weight[:, :-width].unflatten(1, (len(hops), width)).flatten(2)  # (out_channels, hop, width)
    # Products and sums, not matrix products: autocast leaves them in the precision that the kernels are stored in.
    kernels = [(slices[:, k, :, None, None] * hop.conv.weight[:, None]).sum(2) for k, hop in enumerate(hops)]
    bias = (slices * torch.stack([hop.bias for hop in hops])).sum((1, 2))
    out = _double(torch.cat(list(sources), 1), torch.cat(kernels), bias)
    return add_reduced(out, lateral, weight[:, -width:])


def _double(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Apply the transposed convolution of stride 2 with a kernel ``(in_channels, out_channels, 2, 2)``."""
    if not torch.is_grad_enabled():
        return F.conv_transpose2d(x, weight, bias, stride=2)
    # The bias is added apart: oneDNN takes longer over its gradient than over the kernel's, a plain sum does not.
    x = F.conv_transpose2d(x, weight, stride=2)
    return x.add_(bias.to(x.dtype).view(-1, 1, 1))
