"""What reads the image computes in float32, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_segmentors import FLOAT32, macunet, segmentor, stock

from rs_da_mm.inference.segmentors.first_layers import keep_first_layers_in_float32

HALF = replace(FLOAT32, precision="bfloat16")


def computed_in_float32(dense):
    """Names of the convolutions that give float32 when a window is computed."""
    seen = {}

    def noted(name):
        def hook(module, inputs, output):
            seen.setdefault(name, output.dtype)

        return hook

    hooks = [
        module.register_forward_hook(noted(name))
        for name, module in dense.network.named_modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    bands = dense.network.data_preprocessor.mean.numel()
    dense(np.full((1, 64, 64, bands), 700, np.uint16), np.ones((1, 64, 64), np.uint8))
    for hook in hooks:
        hook.remove()
    assert len(seen) > 2
    return [name for name, dtype in seen.items() if dtype is torch.float32]


@pytest.mark.parametrize(
    ("config", "deploy", "names"),
    [
        (macunet(), True, [f"backbone.encoder.{level}.blocks.{block}.fused" for level in (0, 1) for block in (0, 1)]),
        (macunet(), False, []),  # its blocks combine the weights of their branches and call no convolution
        (stock(), False, ["backbone.stem.0", "backbone.stem.3", "backbone.stem.6"]),
    ],
    ids=["fused", "not fused", "stock"],
)
def test_the_convolutions_that_see_the_image_first(tmp_path, config, deploy, names):
    dense, _ = segmentor(config, tmp_path, replace(HALF, deploy=deploy))
    assert computed_in_float32(dense) == names


def test_weights_and_names_stay(tmp_path):
    half, _ = segmentor(macunet(), tmp_path, replace(HALF, deploy=True))
    exact, _ = segmentor(macunet(), tmp_path, replace(FLOAT32, deploy=True))
    own, other = half.network.state_dict(), exact.network.state_dict()
    assert list(own) == list(other)
    assert all(torch.equal(own[name], other[name]) for name in own)


def test_a_size_that_the_network_does_not_take_changes_nothing(tmp_path):
    dense, _ = segmentor(macunet(), tmp_path, FLOAT32)
    assert keep_first_layers_in_float32(dense.network, torch.rand(1, 7, 64, 64)) == []
