"""Weights for the channels of a map, and weights for its pixels, at once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SpatialChannelAttention(nn.Module):
    """Concurrent spatial and channel squeeze and excitation (scSE).

    The map weighted by channel, from what each channel holds on average, plus the map weighted by pixel, from a 1×1
    convolution: ``x · sigmoid(W₂ ReLU(W₁ mean(x))) + x · sigmoid(w x)``.

    Source: Roy et al., "Concurrent Spatial and Channel Squeeze & Excitation in Fully Convolutional Networks" (2018), Eq. (2) to
    (5); summed, and with biases, as in the code of the SS(DA)² authors.

    Args:
        channels: Channels of the map.
        squeeze: How many times narrower the hidden layer is (at least one channel stays).

    Shapes:
        Input and output ``(N, channels, H, W)``.
    """

    def __init__(self, channels: int, squeeze: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // squeeze)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.expand = nn.Conv2d(hidden, channels, 1)
        self.pixel = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Weight a map."""
        by_channel = torch.sigmoid(self.expand(F.relu(self.reduce(F.adaptive_avg_pool2d(x, 1)), inplace=True)))
        return x * (by_channel + torch.sigmoid(self.pixel(x)))
