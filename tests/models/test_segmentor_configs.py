from __future__ import annotations

import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.models.segmentor_configs import OWN, SHORT_NAMES, read_segmentor, segmentor_names


@pytest.mark.parametrize("name", OWN)
def test_own_names(name):
    model = read_segmentor(name)
    assert model["type"] == "EncoderDecoder"
    assert model["backbone"]["type"] == {"m": "MACUNet", "r": "ResNetUNet"}[name[0]]
    depths = {"macunet": None, "resnet_unet": 50, "resnet_unet_18": 18, "resnet_unet_34": 34}
    assert model["backbone"].get("depth") == depths[name]


@pytest.mark.parametrize(
    ("name", "backbone", "head"),
    [
        ("deeplabv3plus", "ResNetV1c", "DepthwiseSeparableASPPHead"),
        ("segformer", "MixVisionTransformer", "SegformerHead"),
        ("upernet", "ResNetV1c", "UPerHead"),
        ("pspnet_unet_s5-d16", "UNet", "PSPHead"),
        ("segformer_mit-b2_8xb2-160k_ade20k-512x512", "MixVisionTransformer", "SegformerHead"),
    ],
)
def test_mmsegs_names(name, backbone, head):
    model = read_segmentor(name)
    assert (model["backbone"]["type"], model["decode_head"]["type"]) == (backbone, head)


def test_every_name_is_listed():
    names = segmentor_names()
    assert {*OWN, *SHORT_NAMES, *SHORT_NAMES.values(), "pspnet_r50-d8"} <= set(names)
    assert len(names) > 500


def test_a_file_of_ones_own(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("model = dict(type='EncoderDecoder', backbone=dict(type='Any'))\n", encoding="utf-8")
    assert read_segmentor(file) == {"type": "EncoderDecoder", "backbone": {"type": "Any"}}
    file.write_text("work_dir = 'elsewhere'\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.py: has no `model`"):
        read_segmentor(file)
    with pytest.raises(InputError, match="there is no such config file"):
        read_segmentor(tmp_path / "other.py")


@pytest.mark.parametrize(("wrong", "near"), [("macu-net", "macunet"), ("SegFormer_b2", "segformer"), ("deeplab", "deeplab")])
def test_a_name_that_there_is_not_is_told_with_those_near_it(wrong, near):
    with pytest.raises(InputError, match=f"no segmentor called '{wrong}'. Near it are: .*{near}"):
        read_segmentor(wrong)


def test_a_name_near_nothing():
    with pytest.raises(InputError, match=r"no segmentor called 'qqqqqq'\. Names are macunet, resnet_unet"):
        read_segmentor("qqqqqq")
