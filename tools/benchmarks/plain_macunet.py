"""MACU-Net written down as plainly as its table: three convolutions per block, every map concatenated, nothing rearranged.

The comparator of ``tools/benchmarks/macunet.py`` and the oracle of the tests. It shares no code with ``rs_da_mm``; its parameters
are declared in the order of the published network, so that weights pass between the two by position.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn


class PlainAsymmetricConv(nn.Module):
    """``ReLU(BN(conv3x3(x) + conv1x3(x) + conv3x1(x)))`` (Eq. 1 and 2 of the MACU-Net paper), as three convolutions."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.square = nn.Conv2d(in_channels, out_channels, (3, 3), padding=(1, 1))
        self.horizontal = nn.Conv2d(in_channels, out_channels, (1, 3), padding=(0, 1))
        self.vertical = nn.Conv2d(in_channels, out_channels, (3, 1), padding=(1, 0))
        self.norm = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in_channels, H, W)`` to ``(N, out_channels, H, W)``."""
        return self.relu(self.norm(self.square(x) + self.horizontal(x) + self.vertical(x)))


class PlainChannelAttention(nn.Module):
    """1×1 convolution, then a gate per channel from the average-pooled and the max-pooled map, each with its own small MLP."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        hidden = out_channels // 16
        self.reduce = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.average_down = nn.Conv2d(out_channels, hidden, 1, bias=False)
        self.average_up = nn.Conv2d(hidden, out_channels, 1, bias=False)
        self.maximum_down = nn.Conv2d(out_channels, hidden, 1, bias=False)
        self.maximum_up = nn.Conv2d(hidden, out_channels, 1, bias=False)
        self.average_pool = nn.AdaptiveAvgPool2d(1)
        self.maximum_pool = nn.AdaptiveMaxPool2d(1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in_channels, H, W)`` to ``(N, out_channels, H, W)``."""
        x = self.reduce(x)
        average = self.average_up(self.relu(self.average_down(self.average_pool(x))))
        maximum = self.maximum_up(self.relu(self.maximum_down(self.maximum_pool(x))))
        return torch.sigmoid(average + maximum) * x


def _blocks(in_channels: int, out_channels: int, count: int) -> nn.Sequential:
    widths = [in_channels] + [out_channels] * count
    return nn.Sequential(*(PlainAsymmetricConv(a, b) for a, b in itertools.pairwise(widths)))


class PlainMACUNet(nn.Module):
    """The published MACU-Net with classifier: ``(N, in_channels, H, W)`` to ``(N, classes, H, W)``, H and W multiples of 16."""

    def __init__(self, in_channels: int = 3, classes: int = 6) -> None:
        super().__init__()
        w1, w2, w3, w4, w5 = 16, 32, 64, 128, 256
        self.conv1 = _blocks(in_channels, w1, 2)
        self.conv12 = PlainAsymmetricConv(w1, w2)
        self.conv13 = PlainAsymmetricConv(w2, w3)
        self.conv14 = PlainAsymmetricConv(w3, w4)
        self.conv2 = _blocks(w1, w2, 2)
        self.conv23 = PlainAsymmetricConv(w2, w3)
        self.conv24 = PlainAsymmetricConv(w3, w4)
        self.conv3 = _blocks(w2, w3, 3)
        self.conv34 = PlainAsymmetricConv(w3, w4)
        self.conv4 = _blocks(w3, w4, 3)
        self.conv5 = _blocks(w4, w5, 3)
        self.attention4 = PlainChannelAttention(5 * w4, 2 * w4)
        self.attention3 = PlainChannelAttention(5 * w3, 2 * w3)
        self.attention2 = PlainChannelAttention(5 * w2, 2 * w2)
        self.attention1 = PlainChannelAttention(5 * w1, 2 * w1)
        self.up4 = nn.ConvTranspose2d(w5, w4, 2, stride=2)
        self.up43 = nn.ConvTranspose2d(w4, w3, 2, stride=2)
        self.up42 = nn.ConvTranspose2d(w3, w2, 2, stride=2)
        self.up41 = nn.ConvTranspose2d(w2, w1, 2, stride=2)
        self.conv6 = _blocks(2 * w4, w4, 2)
        self.up3 = nn.ConvTranspose2d(w4, w3, 2, stride=2)
        self.up32 = nn.ConvTranspose2d(w3, w2, 2, stride=2)
        self.up31 = nn.ConvTranspose2d(w2, w1, 2, stride=2)
        self.conv7 = _blocks(2 * w3, w3, 2)
        self.up2 = nn.ConvTranspose2d(w3, w2, 2, stride=2)
        self.up21 = nn.ConvTranspose2d(w2, w1, 2, stride=2)
        self.conv8 = _blocks(2 * w2, w2, 2)
        self.up1 = nn.ConvTranspose2d(w2, w1, 2, stride=2)
        self.conv9 = _blocks(2 * w1, w1, 2)
        self.out = nn.Conv2d(w1, classes, 1)
        self.pool = nn.MaxPool2d(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the class scores, ``(N, classes, H, W)``."""
        pool = self.pool
        en1 = self.conv1(x)
        en2 = self.conv2(pool(en1))
        en3 = self.conv3(pool(en2))
        en4 = self.conv4(pool(en3))
        de5 = self.conv5(pool(en4))
        from1_at2 = self.conv12(pool(en1))
        from1_at3 = self.conv13(pool(from1_at2))
        from1_at4 = self.conv14(pool(from1_at3))
        from2_at3 = self.conv23(pool(en2))
        from2_at4 = self.conv24(pool(from2_at3))
        from3_at4 = self.conv34(pool(en3))

        from5_at4 = self.up4(de5)
        from5_at3 = self.up43(from5_at4)
        from5_at2 = self.up42(from5_at3)
        from5_at1 = self.up41(from5_at2)
        de4 = self.conv6(self.attention4(torch.cat([from5_at4, en4, from3_at4, from2_at4, from1_at4], 1)))
        from4_at3 = self.up3(de4)
        from4_at2 = self.up32(from4_at3)
        from4_at1 = self.up31(from4_at2)
        de3 = self.conv7(self.attention3(torch.cat([from4_at3, from5_at3, en3, from2_at3, from1_at3], 1)))
        from3_at2 = self.up2(de3)
        from3_at1 = self.up21(from3_at2)
        de2 = self.conv8(self.attention2(torch.cat([from3_at2, from5_at2, from4_at2, en2, from1_at2], 1)))
        from2_at1 = self.up1(de2)
        de1 = self.conv9(self.attention1(torch.cat([from2_at1, from5_at1, from4_at1, from3_at1, en1], 1)))
        return self.out(de1)
