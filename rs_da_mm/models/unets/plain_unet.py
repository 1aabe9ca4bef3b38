"""The U-Net that the MACU-Net paper compares with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rs_da_mm.models.macunet import MACUNet
from rs_da_mm.registry import MODELS


@MODELS.register_module()
class PlainUNet(MACUNet):
    """A five-level U-Net of 3×3 convolutions with ReLU, max-pooling, 2×2 transposed convolutions and one skip per level.

    It is MACU-Net with everything that the paper adds taken away: one kernel, one skip, no attention. With its 1×1 classifier it
    has the 10,857,734 parameters of the paper's baseline for 3 bands and 6 classes, which has no norm.

    Source: MACU-Net, Table II and III ("U-Net"); the layout is the authors' earlier released network.

    Args:
        in_channels: Bands of the input.
        base_channels: Channels at full resolution and of the output; each of the four lower levels doubles them.
        norm: Whether a BatchNorm follows each convolution.
        channels_last: Whether maps lie in memory as pixels × channels.
        init_cfg: mmengine's initialisation.

    Shapes:
        Input ``(N, in_channels, H, W)`` of any size; output a tuple of one ``(N, base_channels, H, W)``.
    """

    def __init__(
        self,
        in_channels: int = 3,
        base_channels: int = 32,
        norm: bool = False,
        channels_last: bool = True,
        init_cfg: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            base_channels,
            kernels=("square",),
            multi_scale=False,
            attention=False,
            norm=norm,
            channels_last=channels_last,
            init_cfg=init_cfg,
        )
