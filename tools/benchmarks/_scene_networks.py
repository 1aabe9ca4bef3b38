"""The networks that the ways through a scene share, with the same weights: three convolutions per block, and one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from _scene_task import Task
from plain_macunet import PlainMACUNet
from torch import Tensor, nn


def network_of(task: Task, network: str, precision: str) -> Callable[[Tensor], Tensor]:
    """Give a network as a function from images to scores."""
    weights = torch.load(task.inputs["plain"], weights_only=True)
    plain = PlainMACUNet(len(task.inputs["mean"]), len(weights["out.bias"]))
    plain.load_state_dict(weights)
    if network == "plain":
        return plain.eval()
    from macunet import Segmentor, inference

    fused = Segmentor(len(task.inputs["mean"]))
    fused.load_state_dict(dict(zip(fused.state_dict(), weights.values(), strict=True)))
    return inference(fused, torch.device("cpu"), "bf16 autocast" if precision == "bf16" else "fp32")


class PlainBackbone(PlainMACUNet):
    """The three-convolution network without its classifier, which is mmsegmentation's head."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(settings["in_channels"])
        self.out = nn.Identity()  # type: ignore[assignment]

    def forward(self, x: Tensor) -> tuple[Tensor]:  # type: ignore[override]
        """Return the last map, as a backbone does."""
        return (super().forward(x),)


def segmentor_of(task: Task, network: str) -> Any:
    """Build mmsegmentation's ``EncoderDecoder`` with either form of the network."""
    from mmengine.config import Config

    from rs_da_mm.engine.network_format import lay_out_channels_last
    from rs_da_mm.inference.segmentors.safe_build import build_model, model_settings
    from rs_da_mm.registry import MODELS

    MODELS.register_module(module=PlainBackbone, force=True)
    config = Config.fromfile(task.inputs["config"])
    config.model.test_cfg = {"mode": "slide", "crop_size": (task.window, task.window), "stride": (task.stride, task.stride)}
    state = torch.load(task.inputs["checkpoint"], weights_only=True)["state_dict"]
    if network == "plain":
        config.model.backbone.type = "PlainBackbone"
    model: Any = build_model(model_settings(config), config.default_scope).eval()
    model.load_state_dict(dict(zip(model.state_dict(), state.values(), strict=True)))
    if network == "fused":
        model.backbone.switch_to_deploy()
        lay_out_channels_last(model)
    return model
