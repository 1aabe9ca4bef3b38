"""The scores of a test as plain JSON."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace

import numpy as np
import torch
from mmengine.config import Config
from torch import nn

from rs_da_mm.studies.score_file import write_scores


def test_scores_stand_beside_what_they_were_measured_with(tmp_path):
    (tmp_path / "w.pth").write_bytes(b"weights")
    config = Config({"model": {"type": "X"}})
    runner = SimpleNamespace(
        cfg=config, test_dataloader=SimpleNamespace(dataset=[1, 2, 3]), model=nn.Linear(3, 2).requires_grad_(True)
    )
    metrics = {"mIoU": np.float32(0.5), "n": torch.tensor(3), "undefined": float("nan"), "why": "text", "flag": True}
    write_scores(tmp_path / "deep" / "scores.json", metrics, runner, tmp_path / "w.pth", tta=True)
    content = json.loads((tmp_path / "deep" / "scores.json").read_text())
    assert content["metrics"] == {"mIoU": 0.5, "n": 3.0, "undefined": None, "why": "text", "flag": True}
    assert (content["samples"], content["parameters"], content["tta"]) == (3, 8, True)
    assert content["checkpoint_sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert content["config_sha256"] == hashlib.sha256(config.pretty_text.encode()).hexdigest()
    assert [one["type"] for one in content["datasets"]] == ["list"]
