from __future__ import annotations

import copy
import os
import sys

import pytest
import torch
from mmengine.registry import MODELS
from mmengine.utils import get_object_from_string
from tiny_segmentors import macunet, stock
from torch import nn

from rs_da_mm.engine.checkpoints.plain_config import plain_config
from rs_da_mm.errors import InputError
from rs_da_mm.inference.segmentors.safe_build import build_harmless, build_model, model_settings, require_harmless

FILE = "model.safetensors"


def plain(config):
    return model_settings(plain_config(config))


def at(settings, place, value):
    """The settings with another value in one place, like 'backbone.type'."""
    changed = copy.deepcopy(settings)
    *path, last = place.split(".")
    inner = changed
    for key in path:
        inner = inner.setdefault(key, {})
    inner[last] = value
    return changed


@pytest.mark.parametrize("make", [macunet, stock])
def test_what_is_let_through_is_the_model_of_the_config(make):
    built = build_harmless(require_harmless(plain(make()), FILE), FILE)
    own = build_model(model_settings(make()), "mmseg")
    assert str(built) == str(own)
    assert {name: tensor.shape for name, tensor in built.state_dict().items()} == {
        name: tensor.shape for name, tensor in own.state_dict().items()
    }


@pytest.mark.parametrize("name", ["rs_da_mm.MACUNet", "rs_da_mm.models.macunet.network.MACUNet", "MACUNet"])
def test_a_registered_class_may_be_named_in_three_ways(name):
    settings = require_harmless(at(plain(macunet()), "backbone.type", name), FILE)
    assert type(build_harmless(settings, FILE).backbone).__name__ == "MACUNet"


def test_mmsegs_own_names_may_carry_its_scope():
    settings = require_harmless(at(plain(macunet()), "decode_head.type", "mmseg.FCNHead"), FILE)
    assert type(build_harmless(settings, FILE).decode_head).__name__ == "FCNHead"


@pytest.mark.parametrize(
    "name",
    [
        "os.mkdir",
        "torch.nn.Conv2d",
        "torch.nn.modules.conv.LazyConv2d",
        "mmengine.runner.load_checkpoint",
        "mmseg.apis.init_model",
        "rs_da_mm.files.atomic_write_text",
        "rs_da_mm.models.macunet.network.Concatenation",
        "builtins.eval",
        "mmseg.os.mkdir",
        "mmseg.MACUNet",
        "antigravity",
        "",
        ".",
        7,
        ["MACUNet"],
        {"type": "MACUNet"},
    ],
)
@pytest.mark.parametrize(
    "place", ["type", "backbone.type", "decode_head.loss_decode.type", "decode_head.norm_cfg.type", "backbone.norm_layer"]
)
def test_any_other_name_is_refused_wherever_it_stands(monkeypatch, place, name):
    if place == "decode_head.norm_cfg.type":
        settings = at(at(plain(macunet()), "decode_head.norm_cfg", {}), place, name)
    else:
        settings = at(plain(macunet()), place, name)
    monkeypatch.setattr(os, "mkdir", lambda *_: pytest.fail("it was called"))
    with pytest.raises(InputError) as caught:
        require_harmless(settings, FILE)
    assert str(caught.value).startswith(f"{FILE}: model.{place} in its config is {name!r}, which is no model")
    assert "antigravity" not in sys.modules


def test_a_name_inside_a_list_is_found():
    settings = at(plain(macunet()), "backbone.plugins", [{"cfg": {"type": "os.mkdir"}}])
    with pytest.raises(InputError, match=r"model\.backbone\.plugins\[0\]\.cfg\.type in its config is 'os\.mkdir'"):
        require_harmless(settings, FILE)


@pytest.mark.parametrize(
    "text", ["/etc/passwd", "https://example.org/a", "weights.pkl", "C:\\a", "s3:bucket", "os.mkdir", "<path>/vgg16.pth"]
)
@pytest.mark.parametrize("place", ["backbone.checkpoint_path", "decode_head.loss_decode.class_weight", "backbone.arch"])
def test_files_addresses_and_objects_are_not_followed(place, text):
    with pytest.raises(InputError, match=r"a file, an address or a Python object") as caught:
        require_harmless(at(plain(macunet()), place, text), FILE)
    assert f"model.{place}" in str(caught.value)


def test_pretrained_weights_are_left_out_at_any_depth():
    config = stock()
    config.model.pretrained = "https://example.org/resnet.pth"
    config.model.backbone.init_cfg = dict(type="Pretrained", checkpoint="torchvision://resnet18")
    config.model.decode_head.loss_decode = [dict(type="CrossEntropyLoss", init_cfg=dict(type="os.mkdir"))]
    for settings in (plain(config), model_settings(config)):
        assert "pretrained" not in str(settings)
        assert "init_cfg" not in str(settings)
    build_harmless(require_harmless(plain(config), FILE), FILE)


def test_a_data_preprocessor_beside_the_model_goes_in_and_is_looked_through():
    config = macunet()
    config.data_preprocessor = dict(config.model.pop("data_preprocessor"))
    assert build_harmless(require_harmless(plain(config), FILE), FILE).data_preprocessor.mean.flatten().tolist() == [500.0] * 4
    config.data_preprocessor["type"] = "os.mkdir"
    with pytest.raises(InputError, match=r"model\.data_preprocessor\.type in its config is 'os\.mkdir'"):
        require_harmless(plain(config), FILE)


def test_another_scope_is_refused():
    with pytest.raises(InputError, match=r"model\.backbone\._scope_ in its config is 'antigravity'"):
        require_harmless(at(plain(macunet()), "backbone._scope_", "antigravity"), FILE)
    settings = require_harmless(at(plain(macunet()), "decode_head._scope_", "mmseg"), FILE)
    assert type(build_harmless(settings, FILE).decode_head).__name__ == "FCNHead"


def test_a_class_that_looks_up_another_setting_imports_nothing(tmp_path, monkeypatch):
    (tmp_path / "beside_the_weights.py").write_text("raise SystemExit('it was imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(MODELS._module_dict, "LooksUp", raising=False)

    @MODELS.register_module()
    class LooksUp(nn.Module):
        def __init__(self, padding):
            super().__init__()
            self.pad = MODELS.build(dict(type=padding))

    try:
        with pytest.raises(InputError, match="cannot be built"):
            build_harmless({"type": "LooksUp", "padding": "beside_the_weights"}, FILE)
        with pytest.raises(SystemExit):  # what mmengine does by itself
            build_model({"type": "LooksUp", "padding": "beside_the_weights"})
    finally:
        MODELS._module_dict.pop("LooksUp")
    assert get_object_from_string("torch.nn.Conv2d") is nn.Conv2d  # the user's own configs are as before
    assert isinstance(MODELS.build(dict(type="torch.nn.Conv2d", in_channels=1, out_channels=1, kernel_size=1)), torch.nn.Conv2d)


def test_settings_that_make_no_model_are_told():
    settings = require_harmless(at(plain(macunet()), "backbone.bogus", 3), FILE)
    with pytest.raises(InputError, match=r"model\.safetensors: the model in its config cannot be built .*bogus"):
        build_harmless(settings, FILE)
