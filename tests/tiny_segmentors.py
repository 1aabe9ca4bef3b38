"""Small segmentors with weights of their own, and checkpoints of them, for the tests of scene-sized mapping."""

from __future__ import annotations

import copy

import torch
from mmengine.config import Config

from rs_da_mm.inference.segmentors.load_segmentor import load_segmentor
from rs_da_mm.inference.segmentors.safe_build import build_model, model_settings
from rs_da_mm.inference.segmentors.segmentor_options import SegmentorOptions

FLOAT32 = SegmentorOptions(device="cpu", precision="float32", deploy=False)
META = {"dataset_meta": {"classes": ["water", "field", "town"], "palette": [[0, 0, 255], [0, 255, 0], [255, 0, 0]]}}


def head(channels, num_classes, **changes):
    return {
        **dict(type="FCNHead", in_channels=channels, channels=channels, in_index=0, num_convs=0, concat_input=False),
        **dict(dropout_ratio=0, num_classes=num_classes, align_corners=False, norm_cfg=None),
        **dict(loss_decode=dict(type="CrossEntropyLoss")),
        **changes,
    }


def macunet(bands=4, classes=3, preprocessor=None, **head_changes):
    """A config with the smallest MACU-Net, for scenes of 16 bit."""
    own = dict(type="RSDataPreprocessor", mean=[500.0] * bands, std=[200.0] * bands)
    model = dict(
        type="EncoderDecoder",
        data_preprocessor=own if preprocessor is None else preprocessor,
        backbone=dict(type="MACUNet", in_channels=bands, base_channels=4),
        decode_head=head(4, classes, **head_changes),
        train_cfg={},
        test_cfg=dict(mode="whole"),
    )
    return Config(dict(model=model, default_scope="mmseg"))


def stock():
    """A config as mmsegmentation ships them: an image of three colours, loaded by mmcv, at a quarter of its size."""
    preprocessor = dict(
        **dict(type="SegDataPreProcessor", mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 40.0], bgr_to_rgb=True),
        **dict(pad_val=0, seg_pad_val=255),
    )
    backbone = dict(type="ResNetV1c", depth=18, base_channels=8, strides=(1, 2, 1, 1), norm_cfg=dict(type="BN"))
    model = dict(
        type="EncoderDecoder",
        data_preprocessor=preprocessor,
        backbone=backbone,
        decode_head=head(64, 3, in_index=3, num_convs=1, norm_cfg=dict(type="BN")),
        auxiliary_head=head(32, 3, in_index=2),
        train_cfg={},
        test_cfg=dict(mode="whole"),
    )
    pipeline = [dict(type="LoadImageFromFile"), dict(type="PackSegInputs")]
    return Config(dict(model=model, default_scope="mmseg", test_pipeline=pipeline))


@torch.no_grad()
def trained(config, seed=0):
    """Build the config's model with weights and running statistics that are nowhere trivial, and classes that are all found."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    model = build_model(model_settings(config), config.get("default_scope")).eval()
    for name, tensor in model.state_dict().items():
        if name.endswith("running_var"):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
        elif tensor.is_floating_point() and tensor.dim() == 1:
            tensor.copy_(0.2 * torch.randn(tensor.shape, generator=generator) + name.endswith("weight"))
    bands = len(model.data_preprocessor.mean)
    images = torch.randn(2, bands, 32, 32, generator=generator)
    size = dict(img_shape=(32, 32), ori_shape=(32, 32), pad_shape=(32, 32))
    logits = model.encode_decode(images, [size, size])
    spread, middle = logits.std(dim=(0, 2, 3)), logits.mean(dim=(0, 2, 3))
    classifier = model.decode_head.conv_seg
    classifier.weight.mul_(2 / spread.view(-1, 1, 1, 1))
    classifier.bias.sub_(middle).mul_(2 / spread)
    return model


def save(model, path, meta=META):
    torch.save({"state_dict": model.state_dict(), "meta": copy.deepcopy(meta)}, path)
    return path


def segmentor(config, folder, options=FLOAT32, meta=META):
    """Save the config's model and load it as a user would; also the model itself."""
    model = trained(config)
    return load_segmentor(config, save(model, folder / "model.pth", meta), options), model
