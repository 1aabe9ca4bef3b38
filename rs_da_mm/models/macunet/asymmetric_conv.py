"""The asymmetric convolution block: three kernels, one convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Kernel = Literal["square", "horizontal", "vertical"]
KERNELS: tuple[Kernel, ...] = ("square", "horizontal", "vertical")


class AsymmetricConv(nn.Module):
    """A 3×3, a 1×3 and a 3×1 convolution of one map, summed, normalised and rectified.

    The sum comes before the normalisation, and a convolution is linear in its kernel, so the three convolutions are computed as
    one with the summed kernel: the same function with the same gradients at 9 taps per pixel instead of 15, in training as in
    inference. The kernels stay parameters of their own, in the authors' order: 3×3, 1×3, 3×1, each with its bias, then the norm.

    Source: MACU-Net, Eq. (1) and (2). The equation prints the norm's ε outside the root; like the authors' code, this is
    PyTorch's BatchNorm with ε = 1e-5 inside it.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernels: The kernels to sum. ``'square'`` is always one of them; without the others this is an ordinary 3×3 block.
        norm: Whether a BatchNorm follows the sum.

    Raises:
        ValueError: If ``kernels`` names an unknown kernel, or lacks ``'square'``.

    Shapes:
        Input ``(N, in_channels, H, W)``, output ``(N, out_channels, H, W)``.
    """

    def __init__(self, in_channels: int, out_channels: int, kernels: Sequence[Kernel] = KERNELS, norm: bool = True) -> None:
        super().__init__()
        if "square" not in kernels or not set(kernels) <= set(KERNELS):
            raise ValueError(f"kernels={tuple(kernels)!r}: expected 'square', and beside it any of {KERNELS[1:]}")
        self.square = nn.Conv2d(in_channels, out_channels, (3, 3), padding=(1, 1))
        self.horizontal = nn.Conv2d(in_channels, out_channels, (1, 3), padding=(0, 1)) if "horizontal" in kernels else None
        self.vertical = nn.Conv2d(in_channels, out_channels, (3, 1), padding=(1, 0)) if "vertical" in kernels else None
        self.norm = nn.BatchNorm2d(out_channels) if norm else None
        self.fused: nn.Conv2d | None = None

    @property
    def deployed(self) -> bool:
        """Whether the block has been turned into one convolution."""
        return self.fused is not None

    def summed_kernel(self) -> tuple[Tensor, Tensor]:
        """Add the kernels up, in the precision that they are stored in.

        Returns:
            The kernel ``(out_channels, in_channels, 3, 3)`` and the bias ``(out_channels,)`` of the one equal convolution.
        """
        weight, bias = self.square.weight, _bias(self.square)
        if self.horizontal is not None:
            weight = weight + F.pad(self.horizontal.weight, (0, 0, 1, 1))
            bias = bias + _bias(self.horizontal)
        if self.vertical is not None:
            weight = weight + F.pad(self.vertical.weight, (1, 1, 0, 0))
            bias = bias + _bias(self.vertical)
        return weight, bias

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block to ``(N, in_channels, H, W)``."""
        if self.fused is not None:
            return F.relu(self.fused(x), inplace=True)
        weight, bias = self.summed_kernel()
        x = F.conv2d(x, weight, bias, padding=1)
        if self.norm is not None:
            x = self.norm(x)
        # In place: neither the norm's nor the convolution's backward needs its own output.
        return F.relu(x, inplace=True)

    @torch.no_grad()
    def switch_to_deploy(self) -> None:
        """Fold the kernels and the norm into one convolution with a bias, for good; calling it again changes nothing.

        The state dict then has ``fused.weight`` and ``fused.bias`` in place of everything else.

        Raises:
            RuntimeError: In training mode, where the norm uses the batch's statistics, which no fixed kernel can hold.
        """
        if self.fused is not None:
            return
        if self.training:
            raise RuntimeError(
                "switch_to_deploy() folds the BatchNorm's running statistics into the kernel, but in training mode those "
                "of the batch are used: call eval() first"
            )
        weight, bias = (tensor.double() for tensor in self.summed_kernel())
        if self.norm is not None:
            weight, bias = _fold_norm(weight, bias, self.norm)
        stored = self.square.weight
        fused = nn.Conv2d(stored.shape[1], stored.shape[0], 3, padding=1, device=stored.device, dtype=stored.dtype)
        fused.weight.copy_(weight)
        fused.bias.copy_(bias)  # type: ignore[union-attr]
        fused.requires_grad_(stored.requires_grad).train(self.training)
        self.fused = fused
        del self.square, self.horizontal, self.vertical, self.norm


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


def _fold_norm(weight: Tensor, bias: Tensor, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return kernel and bias of the convolution that equals convolution and norm, from the norm's running statistics."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return weight * scale.view(-1, 1, 1, 1), (bias - norm.running_mean.double()) * scale + norm.bias.double()
