"""Files that tests of the engine read: checkpoints as others write them, and some that nobody should read."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]


class Payload:
    """Makes a folder when it is unpickled by anything that trusts it."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (str(self.marker),))


@pytest.fixture
def write_malicious(tmp_path):
    """Write a checkpoint that makes the folder `was_run` when it is read trustingly; returns the folder's path."""

    def write(path, **content):
        marker = tmp_path / "was_run"
        torch.save({"state_dict": {}, **content, "extra": Payload(marker)}, path)
        return marker

    return write


@pytest.fixture
def tool(monkeypatch, capsys, fresh_mmengine, forget_runs):
    """Run a tool in this process; returns its exit status and what it wrote to standard output and standard error."""

    def run(name, *words):
        forget_runs()
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        status = 0
        try:
            runpy.run_path(str(ROOT / "tools" / name), run_name="__main__")
        except SystemExit as left:
            status = left.code or 0
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def small_config(two_iterations, tmp_path):
    """Write a config of MACU-Net on GID that trains in seconds: one epoch of two iterations of a narrow network."""

    def write(name="small", **settings):
        config = two_iterations("macunet_gid")
        config.model.backbone.base_channels = 2
        config.model.decode_head.update(in_channels=2, channels=2)
        config.train_dataloader.sampler.samples_per_draw = 2
        config.train_dataloader.batch_size = 1
        config.custom_hooks = []
        config.merge_from_dict(settings)
        path = tmp_path / f"{name}.py"
        config.dump(path)
        return path

    return write
