"""A checkpoint that mmengine's own hook and loop wrote of an mmseg model loads wherever one is taken, on both stacks."""

from __future__ import annotations

import pytest
import torch
from mmengine.logging import HistoryBuffer

from rs_da_mm.engine.checkpoints import load_checkpoint_file

UNET = {
    "type": "mmseg.UNet",
    "base_channels": 2,
    "num_stages": 2,
    "strides": (1, 1),
    "enc_num_convs": (1, 1),
    "dec_num_convs": (1,),
    "downsamples": (True,),
    "enc_dilations": (1, 1),
    "dec_dilations": (1,),
    "_delete_": True,
}
PIPELINE = [{"type": "LoadRaster"}, {"type": "LoadRasterLabel"}, {"type": "PackSegInputs"}]
STOCK = {
    **{f"{part}_dataloader.dataset.pipeline": PIPELINE for part in ("train", "val", "test")},
    "model.backbone": UNET,
    "model.decode_head.in_channels": 2,
    "model.decode_head.in_index": 1,
    "model.decode_head.loss_decode": {"type": "CrossEntropyLoss", "_delete_": True},
    "model.data_preprocessor": {
        "type": "SegDataPreProcessor",
        "mean": [100.0] * 3,
        "std": [50.0] * 3,
        "size": (256, 256),
        "_delete_": True,
    },
    "default_hooks.checkpoint": {"type": "CheckpointHook", "interval": 1, "save_best": "mIoU", "_delete_": True},
    **{f"default_hooks.{ours}": None for ours in ("preemption", "nonfinite", "record")},
    "train_cfg": {"type": "EpochBasedTrainLoop", "max_epochs": 1, "val_interval": 1, "_delete_": True},
}


@pytest.fixture
def stock(tool, small_config, tmp_path):
    """A config of mmseg's and mmengine's own classes, and the checkpoint of one epoch."""
    config = small_config(**STOCK)
    status, _, text = tool("train.py", config, "--work-dir", tmp_path / "stock")
    assert status == 0, text
    return config, tmp_path / "stock" / "epoch_1.pth"


def test_a_stock_run_is_loaded_resumed_tested_and_published(tool, stock, tmp_path):
    config, path = stock
    first = torch.load(path, weights_only=False)
    assert type(first["message_hub"]["log_scalars"]["train/loss"]) is HistoryBuffer, "mmengine's own form"
    loaded = load_checkpoint_file(path)
    assert all(torch.equal(loaded["state_dict"][name], tensor) for name, tensor in first["state_dict"].items())

    frozen = ["--cfg-options", "optim_wrapper.optimizer.lr=0"]
    assert tool("train.py", config, "--work-dir", tmp_path / "on", *frozen, f"load_from={path}")[0] == 0
    weights = load_checkpoint_file(tmp_path / "on" / "epoch_1.pth")["state_dict"]
    name = "decode_head.conv_seg.weight"
    assert torch.equal(weights[name], first["state_dict"][name]), "started from the weights"

    further = ["--cfg-options", "train_cfg.max_epochs=2"]
    assert tool("train.py", config, "--work-dir", tmp_path / "stock", "--resume", *further)[0] == 0
    assert load_checkpoint_file(tmp_path / "stock" / "epoch_2.pth")["meta"]["iter"] == 4

    ours = [*further, "default_hooks.checkpoint.type=AtomicCheckpointHook"]
    assert tool("train.py", config, "--work-dir", tmp_path / "ours", "--resume", path, *ours)[0] == 0
    assert load_checkpoint_file(tmp_path / "ours" / "epoch_2.pth")["meta"]["iter"] == 4

    assert tool("test.py", config, path, "--work-dir", tmp_path / "test")[0] == 0

    status, printed, text = tool("publish.py", config, path, tmp_path / "stock.safetensors")
    assert status == 0, text
    assert "mean [100.0, 100.0, 100.0]" in printed
