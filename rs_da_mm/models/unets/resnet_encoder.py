"""The residual networks of 18, 34 and 50 layers, as encoders: five maps, and torchvision's names of weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast

import torch.nn.functional as F
from torch import Tensor, nn

from rs_da_mm.models.unets.folding import fold_norm

Depth = Literal[18, 34, 50]
STAGE_WIDTHS = (64, 128, 256, 512)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with a shortcut around them.

    Source: He et al., "Deep Residual Learning for Image Recognition" (2016), Fig. 5 left.

    Args:
        in_channels: Channels of the input.
        width: Channels of the convolutions and of the output.
        stride: Of the first convolution, and of the shortcut.

    Shapes:
        Input ``(N, in_channels, H, W)``, output ``(N, width, H / stride, W / stride)``.
    """

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(in_channels, width, 3, stride)
        self.bn1: nn.Module = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3)
        self.bn2: nn.Module = nn.BatchNorm2d(width)
        self.downsample = _projection(in_channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)), inplace=True)


class Bottleneck(nn.Module):
    """A 1×1, a 3×3 and a 1×1 convolution with a shortcut around them; the 3×3 one has the stride, as in torchvision.

    Source: He et al. (2016), Fig. 5 right.

    Args:
        in_channels: Channels of the input.
        width: Channels of the 3×3 convolution; the output has four times as many.
        stride: Of the 3×3 convolution, and of the shortcut.

    Shapes:
        Input ``(N, in_channels, H, W)``, output ``(N, 4 · width, H / stride, W / stride)``.
    """

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(in_channels, width, 1)
        self.bn1: nn.Module = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, stride)
        self.bn2: nn.Module = nn.BatchNorm2d(width)
        self.conv3 = _conv(width, self.expansion * width, 1)
        self.bn3: nn.Module = nn.BatchNorm2d(self.expansion * width)
        self.downsample = _projection(in_channels, self.expansion * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block."""
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = F.relu(self.bn2(self.conv2(out)), inplace=True)
        out = self.bn3(self.conv3(out))
        return F.relu(out + (x if self.downsample is None else self.downsample(x)), inplace=True)


Block = type[BasicBlock] | type[Bottleneck]
LAYERS: dict[int, tuple[Block, tuple[int, int, int, int]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
}
"""Block and blocks per stage, by depth (He et al., Table 1)."""


class ResNetEncoder(nn.Module):
    """A residual network without its classifier, which gives the map of every resolution.

    Parameters and buffers have the names and shapes of ``torchvision.models.resnet18``, ``34`` and ``50`` without ``fc``, so
    that their weights load as they are (for three bands). Convolutions are drawn as there: normally, with the variance
    2 / fan-out.

    Args:
        in_channels: Bands of the input.
        depth: 18, 34 or 50.

    Attributes:
        channels: Channels of the five maps.

    Shapes:
        Input ``(N, in_channels, H, W)``; output five maps ``(N, channels[k], H / 2^(k+1), W / 2^(k+1))``, k = 0 … 4.
    """

    def __init__(self, in_channels: int, depth: Depth) -> None:
        super().__init__()
        block, counts = LAYERS[depth]
        self.channels = (STAGE_WIDTHS[0], *(block.expansion * width for width in STAGE_WIDTHS))
        self.conv1 = nn.Conv2d(in_channels, STAGE_WIDTHS[0], 7, stride=2, padding=3, bias=False)
        self.bn1: nn.Module = nn.BatchNorm2d(STAGE_WIDTHS[0])
        stages = zip(self.channels[:-1], STAGE_WIDTHS, counts, (1, 2, 2, 2), strict=True)
        self.layer1, self.layer2, self.layer3, self.layer4 = (_stage(block, *stage) for stage in stages)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the maps of ``(N, in_channels, H, W)``, highest resolution first."""
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        maps = [x]
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            maps.append(x)
        return maps

    def switch_to_deploy(self) -> None:
        """Fold every norm into its convolution, for good (:func:`~rs_da_mm.models.unets.folding.fold_norm`)."""
        fold_norm(self, "conv1", "bn1")
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            for block in cast("Iterable[BasicBlock | Bottleneck]", stage):
                for number in (1, 2, 3)[: 2 if isinstance(block, BasicBlock) else 3]:
                    fold_norm(block, f"conv{number}", f"bn{number}")
                if block.downsample is not None:
                    fold_norm(block.downsample, "0", "1")


def _conv(in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=False)


def _projection(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    """The shortcut where it cannot be the input itself."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(_conv(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels))


def _stage(block: Block, in_channels: int, width: int, count: int, stride: int) -> nn.Sequential:
    rest = (block(block.expansion * width, width, 1) for _ in range(count - 1))
    return nn.Sequential(block(in_channels, width, stride), *rest)
