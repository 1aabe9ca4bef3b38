"""The backbone in mmseg's segmentor, as the configs build it."""

from __future__ import annotations

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope

import rs_da_mm  # noqa: F401  (what custom_imports does)
from rs_da_mm.models.macunet import MACUNet

HEAD = {
    "type": "FCNHead",
    "in_channels": 16,
    "in_index": 0,
    "channels": 16,
    "num_convs": 0,
    "concat_input": False,
    "dropout_ratio": 0,
    "num_classes": 6,
    "align_corners": False,
    "init_cfg": None,
    "loss_decode": {"type": "CrossEntropyLoss", "use_sigmoid": False},
}


def build(backbone):
    config = {"type": "EncoderDecoder", "backbone": backbone, "decode_head": HEAD, "test_cfg": {"mode": "whole"}}
    with DefaultScope.overwrite_default_scope("mmseg"):
        return MODELS.build(config)


@pytest.mark.parametrize("name", ["MACUNet", "rs_da_mm.MACUNet", MACUNet])
def test_published_network(name):
    model = build({"type": name})
    assert isinstance(model.backbone, MACUNet)
    assert sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad) == 5_151_734
    assert {key.split(".", 1)[1] for key in model.state_dict() if key.startswith("decode_head")} == {
        "conv_seg.weight",
        "conv_seg.bias",
    }
    assert len(model.state_dict()) == 339


def test_init_weights_changes_nothing():
    model = build({"type": "MACUNet", "base_channels": 16})
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.init_weights()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_scores_have_the_size_of_the_image_and_train():
    torch.manual_seed(0)
    model = build({"type": "rs_da_mm.MACUNet"})
    x = torch.rand(2, 3, 40, 52)
    assert model.encode_decode(x, [{"img_shape": (40, 52)}] * 2).shape == (2, 6, 40, 52)
    model.decode_head.forward(model.extract_feat(x)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
