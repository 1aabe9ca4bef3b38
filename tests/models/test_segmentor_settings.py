"""Every segmentor builds, learns and predicts with somebody's own bands and classes."""

from __future__ import annotations

import json

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

import rs_da_mm  # noqa: F401  (what custom_imports does)
from rs_da_mm.errors import InputError
from rs_da_mm.models.segmentor_settings import segmentor_settings

BANDS, CLASSES, CROP = 5, 4, 64
OWN = {"mean": [10.0, 20.0, 30.0, 40.0, 50.0], "std": [2.0] * 5, "crop": CROP, "class_weight": [1.0, 2.0, 0.5, 1.0]}
REFUSED = {
    "psanet_r50-d8": "compiled operation",  # told by the stand-in for mmcv's, when it is used
    "upernet_mae": "expected input",  # fits together only in the configs that inherit it
    "lraspp_m-v3-d8": "three bands and no others",
    "fpn_poolformer_s12": "mmpretrain",
    "upernet_convnext": "mmpretrain",
    "san_vit-b16": "learns from something else",
    "vpd_sd": "learns from something else",
}


def settings(name, **other):
    return segmentor_settings(name, BANDS, CLASSES, **{**OWN, **other})


def built(model):
    with DefaultScope.overwrite_default_scope("mmseg"):
        return MODELS.build(ConfigDict(model))  # as a config gives it


def batch(size=CROP, count=2):
    generator = torch.Generator().manual_seed(0)
    samples = []
    for _ in range(count):
        label = torch.randint(0, CLASSES, (1, size, size), generator=generator)
        label[:, :8] = 255
        samples.append(SegDataSample(gt_sem_seg=PixelData(data=label), metainfo={"img_path": "here", "ori_shape": (size, size)}))
    images = [torch.randint(0, 100, (BANDS, size, size), generator=generator, dtype=torch.int32) for _ in range(count)]
    return {"inputs": images, "data_samples": samples}


def learns_and_predicts(model, size=CROP):
    torch.manual_seed(0)
    network = built(model)
    data = network.data_preprocessor(batch(size), training=True)
    losses = network(**data, mode="loss")
    total = sum(value for name, value in losses.items() if "loss" in name)
    assert torch.isfinite(total)
    total.backward()
    unused = [name for name, parameter in network.named_parameters() if parameter.requires_grad and parameter.grad is None]
    network.eval()
    with torch.no_grad():
        data = network.data_preprocessor(batch(size, 1), training=False)
        (sample,) = network(**data, mode="predict")
    assert sample.seg_logits.data.shape == (CLASSES, size, size)
    assert sample.pred_sem_seg.data.max() < CLASSES
    return unused


@pytest.mark.parametrize("name", ["macunet", "resnet_unet_18", "segformer"])
def test_learns_and_predicts(name):
    assert learns_and_predicts(settings(name)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *("resnet_unet", "resnet_unet_34", "deeplabv3plus", "upernet"),
        "knet-s3_r50-d8_fcn_8xb2-adamw-80k_ade20k-512x512",
        "ddrnet_23-slim_in1k-pre_2xb6-120k_cityscapes-1024x1024",
    ],
)
def test_learns_and_predicts_also_when_large(name):
    assert learns_and_predicts(settings(name)) == []


def every_base_model():
    from rs_da_mm.models.segmentor_configs import _mmseg_configs

    return sorted(name for name, path in _mmseg_configs().items() if path.parent.name == "models")


@pytest.mark.slow
@pytest.mark.parametrize("name", every_base_model())
def test_every_base_model_of_mmseg_learns_and_predicts_or_is_refused(name):
    if name in REFUSED:
        with pytest.raises((InputError, RuntimeError), match=REFUSED[name]):
            learns_and_predicts(settings(name))
    else:
        learns_and_predicts(settings(name, crop=128), size=128)


def parts(node):
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list | tuple):
        for inner in node:
            yield from parts(inner)


@pytest.mark.parametrize("name", ["deeplabv3plus", "upernet", "pspnet_r50-d8", "icnet_r50-d8", "bisenetv1_r18-d32", "fast_scnn"])
def test_what_the_config_said_of_its_own_data_is_gone(name):
    model = settings(name)
    found = list(parts(model))
    assert not any(key in part for part in found for key in ("pretrained", "threshold"))
    assert not any(part.get("type") in ("SyncBN", "SegDataPreProcessor", "CrossEntropyLoss", "Pretrained") for part in found)
    assert {part["num_classes"] for part in found if "num_classes" in part} == {CLASSES}
    assert 3 not in [part.get("in_channels") for part in found]
    losses = [part for part in found if part.get("type") == "WeightedCrossEntropy"]
    assert losses
    assert all(loss["class_weight"] == OWN["class_weight"] for loss in losses)
    assert model["test_cfg"] == {"mode": "whole"}
    assert model["data_preprocessor"] == {
        "type": "RSDataPreprocessor",
        "mean": OWN["mean"],
        "std": OWN["std"],
        "bands": BANDS,
        "size": (CROP, CROP),
        "size_divisor": 32,
    }
    json.dumps(model)


@pytest.mark.parametrize(
    ("name", "bands"),
    [("swin-tiny-patch4-window7_upernet_1xb8-20k_levir-256x256", 5), ("segnext_mscan-t_1xb16-adamw-160k_ade20k-512x512", 3)],
)
def test_bands_of_stems_that_were_not_for_three_or_are_for_three_alone(name, bands):
    model = segmentor_settings(name, bands, CLASSES, mean=[0.0], std=[1.0], crop=CROP)
    assert model["backbone"].get("in_channels", 3) == bands


def test_auxiliary_heads_keep_their_place_in_the_sum():
    model = settings("upernet", class_weight=None)
    assert model["decode_head"]["loss_decode"] == {"type": "WeightedCrossEntropy", "loss_weight": 1.0}
    assert model["auxiliary_head"]["loss_decode"] == {"type": "WeightedCrossEntropy", "loss_weight": 0.4}


def test_one_logit_with_a_threshold_becomes_one_logit_per_class(tmp_path):
    file = tmp_path / "binary.py"
    file.write_text(
        """
model = dict(
    type='EncoderDecoder', pretrained=None, backbone=dict(type='UNet', base_channels=4, norm_cfg=dict(type='SyncBN')),
    decode_head=dict(type='FCNHead', in_channels=4, in_index=4, channels=4, num_convs=0, concat_input=False, num_classes=2,
        out_channels=1, threshold=0.3, ignore_index=0, loss_decode=[
            dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=1.0, class_weight=[1.0, 5.0]),
            dict(type='DiceLoss', loss_weight=3.0), dict(type='FocalLoss', gamma=1.5), dict(type='TverskyLoss')]),
    test_cfg=dict(mode='slide', crop_size=(64, 64), stride=(32, 32)))
""",
        encoding="utf-8",
    )
    model = settings(file)
    head = model["decode_head"]
    assert (head["num_classes"], head["ignore_index"]) == (CLASSES, 255)
    assert "out_channels" not in head
    assert head["loss_decode"] == [
        {"type": "WeightedCrossEntropy", "loss_weight": 1.0, "class_weight": OWN["class_weight"]},
        {"type": "SoftDiceLoss", "loss_weight": 3.0, "class_weight": OWN["class_weight"]},
        {"type": "SoftmaxFocalLoss", "gamma": 1.5, "class_weight": OWN["class_weight"]},
        {"type": "TverskyLoss"},
    ]
    assert model["backbone"]["norm_cfg"] == {"type": "BN"}
    assert model["test_cfg"] == {"mode": "whole"}
    head["loss_decode"].pop()
    learns_and_predicts(model, size=72)  # no multiple of 16, which mmseg's U-Net refuses


def test_heads_with_labels_of_their_own_keep_their_classes():
    heads = settings("stdc")["auxiliary_head"]
    assert [head["num_classes"] for head in heads] == [CLASSES, CLASSES, 2]
    assert [loss["type"] for loss in heads[2]["loss_decode"]] == ["CrossEntropyLoss", "DiceLoss"]


def test_a_transformers_positions_are_made_for_the_windows():
    model = settings("upernet_beit", crop=(100, 64))
    assert model["backbone"]["img_size"] == (128, 64)
    assert model["data_preprocessor"]["size"] == (128, 64)


def test_own_networks_take_windows_of_any_size():
    preprocessor = settings("macunet", crop=100)["data_preprocessor"]
    assert preprocessor["size"] == (100, 100)
    assert "size_divisor" not in preprocessor


def test_reading_twice_gives_the_same_and_nothing_is_shared():
    first = settings("upernet")
    first["decode_head"]["norm_cfg"]["type"] = "GN"
    assert settings("upernet")["auxiliary_head"]["norm_cfg"]["type"] == "BN"


@pytest.mark.parametrize(
    ("name", "other", "message"),
    [
        ("macunet", {"mean": [1.0, 2.0]}, "`mean` has 2 values for 5 bands"),
        ("macunet", {"std": [1.0] * 6}, "`std` has 6 values for 5 bands"),
        ("macunet", {"class_weight": [1.0]}, "`class_weight` has 1 values for 4 classes"),
        ("lraspp_m-v3-d8", {}, "MobileNetV3 sees three bands and no others"),
        ("segnext_mscan-t_1xb16-adamw-160k_ade20k-512x512", {}, "MSCAN sees three bands"),
        ("vpd_sd", {}, "is a DepthEstimator"),
        ("nothing-like-this", {}, "no segmentor called 'nothing-like-this'"),
    ],
)
def test_what_cannot_be(name, other, message):
    with pytest.raises(InputError, match=message):
        settings(name, **other)


def test_numbers_that_make_no_segmentor():
    for bands, classes in ((0, 4), (3, 1)):
        with pytest.raises(InputError, match="at least 1 band and 2 classes"):
            segmentor_settings("macunet", bands, classes, mean=[0.0], std=[1.0], crop=64)


def test_a_missing_package_is_named(tmp_path):
    file = tmp_path / "other.py"
    file.write_text(
        "model = dict(type='EncoderDecoder', backbone=dict(type='nowhere.Net', in_channels=3), decode_head=dict())\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match=r"uses nowhere\.Net, and the package 'nowhere' is not installed"):
        settings(file)
