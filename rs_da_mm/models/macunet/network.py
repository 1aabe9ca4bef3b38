"""MACU-Net and its ablations, as one backbone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from rs_da_mm.models.macunet.asymmetric_conv import KERNELS, AsymmetricConv, Kernel
from rs_da_mm.models.macunet.channel_attention import ChannelAttention
from rs_da_mm.models.macunet.padding import crop_to, pad_to_multiple
from rs_da_mm.models.macunet.up_sample import UpSample, up_sample_and_reduce
from rs_da_mm.registry import MODELS

BLOCKS_PER_LEVEL = (2, 2, 3, 3, 3)
ACB_AFTER_UPSAMPLE = {"reference": False, "paper": True}
"""The one point of the network where the presets differ."""


class Level(nn.Module):
    """The blocks of one resolution, and the hops of the chain of skips (or of up-sampling) that starts behind them."""

    def __init__(self, blocks: nn.Sequential, hops: Sequence[AsymmetricConv] | Sequence[UpSample]) -> None:
        super().__init__()
        self.blocks = blocks
        self.hops = nn.ModuleList(hops)


class Concatenation(nn.Module):
    """What fuses the maps of a level in a U-Net without multi-scale skips and attention."""

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Concatenate ``(N, C_k, H, W)`` to ``(N, ΣC_k, H, W)``."""
        return torch.cat(list(maps), 1)


@MODELS.register_module()
class MACUNet(BaseModule):
    """The multi-scale skip connected, asymmetric-convolution-based U-Net, up to its classifier.

    With its 1×1 classifier for 6 classes it has the published 5,151,734 parameters for 3 bands. Parameters are declared in the
    order of the authors' network, so their weights load by position; all of them keep PyTorch's default initialisation.

    The arguments also span the paper's ablations (Table III): U-NetH and U-NetV add one of the two narrow kernels to the U-Net,
    ACU-Net both, MU-Net the multi-scale skips and the channel attention, MACU-Net everything. The paper's U-Net itself is
    :class:`~rs_da_mm.models.unets.PlainUNet`.

    Source: R. Li et al., "MACU-Net for Semantic Segmentation of Fine-Resolution Remotely Sensed Images", Eq. (1) to (3), and the
    authors' code where the text is silent or differs (``docs/methods/macunet.md``).

    Args:
        in_channels: Bands of the input.
        base_channels: Channels at full resolution and of the output; each of the four lower levels doubles them.
        kernels: The kernels of each block, see :class:`AsymmetricConv`.
        multi_scale: Whether a level fuses the maps of all five levels, or only its own and the one from below, as a U-Net does.
        attention: Whether a :class:`ChannelAttention` weights the fused channels. Multi-scale fusion without it keeps the 1×1
            convolution that reduces five maps; the U-Net's fusion without it is a plain concatenation.
        norm: Whether the blocks have a BatchNorm.
        preset: ``'reference'`` is the authors' code; ``'paper'`` has a block behind each up-sampling hop, as Eq. (3) prints it.
        acb_after_upsample: The point that the presets differ in, on its own; ``None`` leaves it to the preset.
        channels_last: Whether maps lie in memory as pixels × channels. It is the faster format on CPUs and for the tensor cores
            of GPUs; the weights keep the usual one.
        init_cfg: mmengine's initialisation, such as ``dict(type='Pretrained', checkpoint=…)``.

    Raises:
        ValueError: If ``kernels`` or ``preset`` is unknown.

    Shapes:
        Input ``(N, in_channels, H, W)`` of any size (see :func:`pad_to_multiple`); output a tuple of one
        ``(N, base_channels, H, W)``.
    """

    def __init__(
        self,
        in_channels: int = 3,
        base_channels: int = 16,
        kernels: Sequence[Kernel] = KERNELS,
        multi_scale: bool = True,
        attention: bool = True,
        norm: bool = True,
        preset: Literal["reference", "paper"] = "reference",
        acb_after_upsample: bool | None = None,
        channels_last: bool = True,
        init_cfg: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if preset not in ACB_AFTER_UPSAMPLE:
            raise ValueError(f"preset={preset!r}: expected one of {tuple(ACB_AFTER_UPSAMPLE)}")
        self.multi_scale = multi_scale
        self.acb_after_upsample = ACB_AFTER_UPSAMPLE[preset] if acb_after_upsample is None else acb_after_upsample
        self.channels_last = channels_last
        self.size_multiple = 2 ** (len(BLOCKS_PER_LEVEL) - 1)

        widths = [base_channels * 2**level for level in range(len(BLOCKS_PER_LEVEL))]
        lowest = len(widths) - 1

        def blocks(in_width: int, out_width: int, count: int) -> nn.Sequential:
            ins = [in_width] + [out_width] * (count - 1)
            return nn.Sequential(*(AsymmetricConv(width, out_width, kernels, norm) for width in ins))

        def down(level: int) -> list[AsymmetricConv]:
            hops = range(level, lowest - 1) if multi_scale else ()
            return [AsymmetricConv(widths[j], widths[j + 1], kernels, norm) for j in hops]

        def up(level: int) -> list[UpSample]:
            ends = range(level, 0, -1)[: None if multi_scale else 1]
            refine = kernels if self.acb_after_upsample else None
            return [UpSample(widths[j], widths[j - 1], refine, norm) for j in ends]

        def fusion(level: int) -> nn.Module:
            if not (multi_scale or attention):
                return Concatenation()
            maps = len(widths) if multi_scale else 2
            return ChannelAttention(maps * widths[level], 2 * widths[level], attention)

        above = [in_channels, *widths]
        self.encoder = nn.ModuleList(
            Level(blocks(above[level], widths[level], count), down(level)) for level, count in enumerate(BLOCKS_PER_LEVEL)
        )
        # From here on in the order of computation, from the lowest resolution to the highest.
        upwards = range(lowest - 1, -1, -1)
        self.fusion = nn.ModuleList(fusion(level) for level in upwards)
        self.decoder = nn.ModuleList([Level(nn.Sequential(), up(lowest))])
        self.decoder.extend(Level(blocks(2 * widths[level], widths[level], 2), up(level)) for level in upwards)

    def encode(self, x: Tensor) -> list[Tensor]:
        """Return the encoder's five maps, highest resolution first.

        Args:
            x: ``(N, in_channels, H, W)``.

        Returns:
            ``(N, base_channels · 2^k, H' / 2^k, W' / 2^k)`` for k = 0 … 4, where H' and W' are H and W padded to multiples of 16.
        """
        return self._encode(x)[0]

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Return the full-resolution feature map of ``(N, in_channels, H, W)`` as a tuple of one."""
        encoded, pooled = self._encode(x)
        x_out = self._decode(encoded[-1], self._descend(encoded, pooled))
        return (crop_to(x_out, *x.shape[-2:]),)

    def switch_to_deploy(self) -> None:
        """Fold every block into one convolution with a bias (:meth:`AsymmetricConv.switch_to_deploy`).

        Raises:
            RuntimeError: In training mode, or where a block is: the BatchNorm's running statistics are what is folded.
        """
        if self.training:
            raise RuntimeError("MACUNet.switch_to_deploy() folds the BatchNorms' running statistics: call eval() first")
        for module in self.modules():
            if isinstance(module, AsymmetricConv):
                module.switch_to_deploy()

    def _encode(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return the encoder's maps, and all but the last also pooled for the next level."""
        x = pad_to_multiple(x, self.size_multiple)
        if self.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        encoded: list[Tensor] = []
        pooled: list[Tensor] = []
        for level in cast("Iterable[Level]", self.encoder):
            if encoded:
                x = F.max_pool2d(x, 2)
                pooled.append(x)
            x = level.blocks(x)
            encoded.append(x)
        return encoded, pooled

    def _descend(self, encoded: Sequence[Tensor], pooled: Sequence[Tensor]) -> list[list[Tensor]]:
        """Return what arrives at each level but the lowest from its own and the higher resolutions, nearest first."""
        levels = cast("Sequence[Level]", self.encoder)
        arrived = [[x] for x in encoded[:-1]]
        for start in reversed(range(len(arrived) - 1)):
            x = pooled[start]  # the encoder pooled this map already
            for hop, block in enumerate(levels[start].hops):
                x = block(x if hop == 0 else F.max_pool2d(x, 2))
                arrived[start + 1 + hop].append(x)
        return arrived

    def _decode(self, x: Tensor, arrived: Sequence[Sequence[Tensor]]) -> Tensor:
        """Fuse level by level, lowest resolution first, what climbed there with what arrived there from above."""
        levels = cast("Sequence[Level]", self.decoder)
        climbing: dict[int, Tensor] = {}  # the map of each up-sampling chain, by the step that started it
        for step, fusion in enumerate(self.fusion):
            climbing[step] = x
            # The authors' order: the chain that starts here, then the older ones from the lowest resolution on.
            starts = [step, *range(step)] if self.multi_scale else [step]
            hops = [cast("UpSample", levels[start].hops[step - start]) for start in starts]
            sources = [climbing[start] for start in starts]
            lateral = arrived[-1 - step]
            at_top = step == len(self.fusion) - 1
            if at_top and isinstance(fusion, ChannelAttention) and not self.acb_after_upsample:
                x = fusion.reweight(up_sample_and_reduce(sources, hops, lateral[0], fusion.reduce.weight))
            else:
                climbed = [hop(source) for hop, source in zip(hops, sources, strict=True)]
                climbing.update(zip(starts, climbed, strict=True))
                x = fusion([*climbed, *lateral])
            x = levels[step + 1].blocks(x)
        return x
