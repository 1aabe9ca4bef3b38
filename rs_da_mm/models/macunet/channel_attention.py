"""The channel attention block: five maps in, one map with re-weighted channels out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rs_da_mm.models.macunet.pointwise import is_channels_last, reduce_maps


class ChannelAttention(nn.Module):
    """A 1×1 convolution over several maps, then one weight per channel from what the map holds on average and at most.

    Channels are weighted by ``sigmoid(MLP_avg(mean) + MLP_max(maximum))``. The two MLPs are separate (CBAM's are shared) and,
    like the 1×1 convolution, have no biases. Declared in the authors' order: 1×1 convolution, average MLP, maximum MLP.

    Source: MACU-Net, section II.C and Fig. 3.

    Args:
        in_channels: Channels of all input maps together.
        out_channels: Channels of the output.
        reweight: Whether channels are weighted; without, only the 1×1 convolution is left (the ablation).
        squeeze: How many times narrower the MLPs' hidden layers are than the output (at least one channel stays).

    Shapes:
        Input: maps ``(N, C_k, H, W)`` whose ``C_k`` add up to ``in_channels``; output ``(N, out_channels, H, W)``.
    """

    def __init__(self, in_channels: int, out_channels: int, reweight: bool = True, squeeze: int = 16) -> None:
        super().__init__()
        hidden = max(1, out_channels // squeeze)
        self.reduce = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.average = _mlp(out_channels, hidden) if reweight else None
        self.maximum = _mlp(out_channels, hidden) if reweight else None

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Reduce the maps, taken as concatenated in this order, to one and weight its channels."""
        return self.reweight(reduce_maps(maps, self.reduce.weight))

    def reweight(self, x: Tensor) -> Tensor:
        """Weight the channels of a reduced map ``(N, out_channels, H, W)``; without gradients, in place."""
        if self.average is None or self.maximum is None:
            return x
        weight = torch.sigmoid(self.average(_spatial_mean(x)) + self.maximum(F.adaptive_max_pool2d(x, 1)))
        return x * weight if torch.is_grad_enabled() else x.mul_(weight)


def _mlp(channels: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 1, bias=False), nn.ReLU(inplace=True), nn.Conv2d(hidden, channels, 1, bias=False)
    )


def _spatial_mean(x: Tensor) -> Tensor:
    """Return ``(N, C, 1, 1)``, the mean over all pixels, whose gradient comes in the memory format of ``x``."""
    if not is_channels_last(x):
        return F.adaptive_avg_pool2d(x, 1)
    pixels = x.permute(0, 2, 3, 1).flatten(1, 2)
    if x.dtype == torch.bfloat16:  # on a CPU, torch's own mean would make an fp32 copy of the map
        mean = pixels.new_ones(pixels.shape[0], 1, pixels.shape[1]) @ pixels / pixels.shape[1]
    else:
        mean = pixels.mean(1, keepdim=True)
    return mean.permute(0, 2, 1).unsqueeze(3)
