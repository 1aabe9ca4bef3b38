"""A U-Net whose encoder is a residual network, which can start from weights for ImageNet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from rs_da_mm.models.macunet import crop_to, pad_to_multiple
from rs_da_mm.models.unets.folding import fold_norm
from rs_da_mm.models.unets.resnet_encoder import LAYERS, Depth, ResNetEncoder
from rs_da_mm.models.unets.squeeze_excitation import SpatialChannelAttention
from rs_da_mm.registry import MODELS

DECODER_CHANNELS: dict[int, tuple[int, ...]] = {
    18: (256, 128, 64, 32, 16),
    34: (256, 128, 64, 32, 16),
    50: (1024, 512, 256, 128, 64),
}
"""Widths of the decoder's blocks: the authors' for 50 layers, a quarter for 18 and 34, as the encoders' own widths are."""


class UpBlock(nn.Module):
    """Double the resolution, take a skip in, and apply two 3×3 convolutions with norm and ReLU.

    Args:
        in_channels: Channels of the map from below.
        skip_channels: Channels of the skip; 0 for none.
        out_channels: Channels of the output.
        attention: Whether scSE weights the concatenation (where there is a skip) and the output.

    Shapes:
        Input ``(N, in_channels, H, W)`` and skip ``(N, skip_channels, 2H, 2W)``; output ``(N, out_channels, 2H, 2W)``.
    """

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int, attention: bool) -> None:
        super().__init__()
        both = in_channels + skip_channels
        self.weigh_input: nn.Module = SpatialChannelAttention(both) if attention and skip_channels else nn.Identity()
        self.conv1 = nn.Conv2d(both, out_channels, 3, padding=1, bias=False)
        self.bn1: nn.Module = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2: nn.Module = nn.BatchNorm2d(out_channels)
        self.weigh_output: nn.Module = SpatialChannelAttention(out_channels) if attention else nn.Identity()

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        """Apply the block."""
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        x = self.weigh_input(x if skip is None else torch.cat([x, skip], 1))
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = F.relu(self.bn2(self.conv2(x)), inplace=True)
        return self.weigh_output(x)


@MODELS.register_module()
class ResNetUNet(BaseModule):
    """The U-Net with a ResNet encoder that the SS(DA)² paper segments with, up to its head.

    Five blocks go up from the encoder's lowest map, 1/32, to full resolution; the first four take in the encoder's maps at
    1/16, 1/8, 1/4 and 1/2. The paper names the kind of network and its ResNet-50 alone; the decoder's widths, nearest
    up-sampling and scSE attention are those of the authors' code. ``docs/methods/resnet_unet.md`` says what is chosen here.

    The encoder's weights have torchvision's names under ``encoder.``; ``init_cfg=dict(type='InflatedPretrained',
    checkpoint=FILE)`` loads a ResNet's weights, for any number of bands. Without it, the same random state gives the same
    weights.

    Source: F. Zhang et al., "Self-supervised Domain-agnostic Domain Adaptation for Satellite Images", section IV; O. Ronneberger
    et al., "U-Net" (2015); K. He et al. (2016); scSE: A. G. Roy et al. (2018).

    Args:
        in_channels: Bands of the input.
        depth: Layers of the ResNet: 18, 34 or 50.
        decoder_channels: Widths of the five blocks, from the lowest resolution on; the last one is the output's. ``None`` takes
            (1024, 512, 256, 128, 64) for depth 50 and (256, 128, 64, 32, 16) for the others.
        attention: Whether the decoder has scSE.
        channels_last: Whether maps lie in memory as pixels × channels, the faster format on CPUs and for tensor cores.
        init_cfg: mmengine's initialisation.

    Attributes:
        out_channels: Channels of the output.

    Raises:
        ValueError: If ``depth`` is another, or there are not five widths.

    Shapes:
        Input ``(N, in_channels, H, W)`` of any size (padded inside to multiples of 32 by repeating the edge pixels); output a
        tuple of one ``(N, out_channels, H, W)``.
    """

    def __init__(
        self,
        in_channels: int = 3,
        depth: Depth = 50,
        decoder_channels: Sequence[int] | None = None,
        attention: bool = True,
        channels_last: bool = True,
        init_cfg: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if depth not in LAYERS:
            raise ValueError(f"depth={depth!r}: expected one of {tuple(LAYERS)}")
        widths = tuple(DECODER_CHANNELS[depth] if decoder_channels is None else decoder_channels)
        if len(widths) != 5:
            raise ValueError(f"decoder_channels={widths}: expected five widths, one for each doubling of the resolution")
        self.channels_last = channels_last
        self.size_multiple = 32
        self.out_channels = widths[-1]
        self.encoder = ResNetEncoder(in_channels, depth)
        lowest, *skips = reversed(self.encoder.channels)
        ins, skips = (lowest, *widths[:-1]), [*skips, 0]
        self.decoder = nn.ModuleList(
            UpBlock(below, skip, width, attention) for below, skip, width in zip(ins, skips, widths, strict=True)
        )

    def encode(self, x: Tensor) -> list[Tensor]:
        """Return the encoder's five maps, highest resolution first.

        Args:
            x: ``(N, in_channels, H, W)``.

        Returns:
            ``(N, encoder.channels[k], H' / 2^(k+1), W' / 2^(k+1))`` for k = 0 … 4, where H' and W' are H and W padded to
            multiples of 32.
        """
        x = pad_to_multiple(x, self.size_multiple)
        if self.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        maps: list[Tensor] = self.encoder(x)
        return maps

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Return the full-resolution feature map of ``(N, in_channels, H, W)`` as a tuple of one."""
        out, *skips = reversed(self.encode(x))
        for block, skip in zip(self.decoder, [*skips, None], strict=True):
            out = block(out, skip)
        return (crop_to(out, *x.shape[-2:]),)

    def switch_to_deploy(self) -> None:
        """Fold every norm into its convolution, for good.

        Raises:
            RuntimeError: In training mode: the norms' running statistics are what is folded.
        """
        self.encoder.switch_to_deploy()
        for block in self.decoder:
            fold_norm(block, "conv1", "bn1")
            fold_norm(block, "conv2", "bn2")
