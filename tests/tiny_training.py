"""A training small enough to run a hundred times, with everything in it that a resume could get wrong.

Augmentations that draw from Python, NumPy and torch; dropout and noise in the model; batch statistics; a queue; an averaged
model; a schedule; early stopping; a best checkpoint. Tests import it, and so do the processes that they start.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import nn

import rs_da_mm  # noqa: F401  (registers)


@DATASETS.register_module()
class TinyDataset(BaseDataset):
    METAINFO: ClassVar = {"classes": ("a", "b"), "palette": [(0, 0, 0), (1, 2, 3)]}

    def __init__(self, length=10, **kwargs):
        self.length = length
        super().__init__(**kwargs)

    def load_data_list(self):
        return [{"number": number, "sample_idx": number} for number in range(self.length)]

    def prepare_data(self, idx):
        noise = random.random() + np.random.rand() + torch.rand(()).item()  # noqa: NPY002
        image = torch.full((2, 4, 4), float(idx)) / self.length + noise * torch.linspace(0, 1, 32).view(2, 4, 4)
        told = {"target": float(idx % 3), "img_path": f"image_{idx}.tif", "noise": noise}
        return {"inputs": image, "data_samples": BaseDataElement(metainfo=told)}


@MODELS.register_module()
class TinyModel(BaseModel):
    """A network with dropout, batch statistics, noise and a queue."""

    def __init__(self, norm="BN", data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.conv = nn.Conv2d(2, 4, 3)
        self.norm = nn.BatchNorm2d(4) if norm == "BN" else nn.GroupNorm(1, 4)
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(16, 1)
        self.register_buffer("queue", torch.zeros(8))
        self.register_buffer("place", torch.zeros((), dtype=torch.long))
        self.seen = []

    def forward(self, inputs, data_samples=None, mode="tensor"):
        images = torch.stack(list(inputs)) if isinstance(inputs, (list, tuple)) else inputs
        targets = torch.tensor([sample.target for sample in data_samples], device=images.device)
        noise = torch.randn_like(images) * 0.05
        features = self.drop(torch.relu(self.norm(self.conv(images + noise)))).flatten(1)
        out = self.head(features).squeeze(1)
        if mode == "loss":
            with torch.no_grad():
                self.queue[self.place % 8] = out.mean()
                self.place += 1
            return {"loss_fit": (out - targets).square().mean(), "loss_queue": 0.1 * (out - self.queue.mean()).square().mean()}
        return [BaseDataElement(metainfo={"error": float(error)}) for error in (out - targets).abs()]


@METRICS.register_module()
class TinyMetric(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.extend(sample["error"] for sample in data_samples)

    def compute_metrics(self, results):
        return {"score": -float(np.mean(results))}


@HOOKS.register_module()
class StopHook(Hook):
    """Ends the run as a power cut would, before or after an iteration is done (before every other hook has seen it)."""

    priority = "VERY_HIGH"

    def __init__(self, at, exact=False):
        self.at = at

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.at:
            raise PowerCut


class PowerCut(Exception):
    pass


@HOOKS.register_module()
class JournalHook(Hook):
    """Writes down what was trained on and what came out, for whoever compares two runs."""

    def __init__(self):
        self.losses = {}
        self.noise = {}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses[runner.iter] = {name: float(value.detach()) for name, value in outputs.items()}
        if "data_samples" in data_batch:
            self.noise[runner.iter] = [sample.noise for sample in data_batch["data_samples"]]


def tiny_config(work_dir, by_epoch=True, workers=0, accumulate=1, interval=1, hooks=(), length=10, **overrides):
    """Twelve iterations of two samples and more: 3 epochs of 5 batches, or 15 iterations; a validation every epoch."""
    batches = 5
    loop = (
        {"type": "ResumableEpochBasedTrainLoop", "max_epochs": 3, "val_interval": 1}
        if by_epoch
        else {"type": "ResumableIterBasedTrainLoop", "max_iters": 3 * batches, "val_interval": batches}
    )
    loader = {"batch_size": 2, "num_workers": workers, "persistent_workers": workers > 0}
    config = {
        "work_dir": str(work_dir),
        "model": {"type": "TinyModel"},
        "train_dataloader": {
            **loader,
            "sampler": {"type": "DefaultSampler" if by_epoch else "InfiniteSampler", "shuffle": True},
            "dataset": {"type": "TinyDataset", "length": length},
        },
        "val_dataloader": {
            "batch_size": 2,
            "num_workers": 0,
            "sampler": {"type": "DefaultSampler", "shuffle": False},
            "dataset": {"type": "TinyDataset", "length": 4, "test_mode": True},
        },
        "val_evaluator": {"type": "TinyMetric"},
        "val_cfg": {},
        "train_cfg": loop,
        "optim_wrapper": {
            "type": "OptimWrapper",
            "optimizer": {"type": "Adam", "lr": 0.01},
            "accumulative_counts": accumulate,
            "clip_grad": {"max_norm": 1.0},
        },
        "param_scheduler": [
            {"type": "LinearLR", "start_factor": 0.1, "by_epoch": False, "begin": 0, "end": 6},
            {"type": "CosineAnnealingLR", "by_epoch": by_epoch, "T_max": 3 if by_epoch else 15},
        ],
        "default_hooks": {
            "checkpoint": {
                "type": "AtomicCheckpointHook",
                "interval": interval,
                "by_epoch": by_epoch,
                "max_keep_ckpts": 2,
                "save_best": "score",
                "rule": "greater",
            },
            "logger": {"type": "LoggerHook", "interval": 1},
        },
        "custom_hooks": [
            {"type": "EMAHook", "momentum": 0.1},
            {"type": "EarlyStoppingHook", "monitor": "score", "rule": "greater", "patience": 50},
            {"type": "JournalHook"},
            *hooks,
        ],
        "randomness": {"seed": 3, "diff_rank_seed": True},
        "env_cfg": {"dist_cfg": {"backend": "gloo"}},
        "log_level": "WARNING",
        "default_scope": "mmengine",
    }
    config.update(overrides)
    return Config(config)


def same(one, two, where="checkpoint"):
    """Say where two nested values differ, bit by bit."""
    if isinstance(one, torch.Tensor):
        return [] if one.dtype == two.dtype and torch.equal(one.view(-1), two.view(-1)) else [where]
    if isinstance(one, dict):
        if one.keys() != two.keys():
            return [f"{where}: {sorted(map(str, one.keys() ^ two.keys()))}"]
        return [found for key in one for found in same(one[key], two[key], f"{where}.{key}")]
    if isinstance(one, (list, tuple)):
        if len(one) != len(two):
            return [f"{where}: {len(one)} and {len(two)}"]
        return [found for index, pair in enumerate(zip(one, two, strict=True)) for found in same(*pair, f"{where}[{index}]")]
    return [] if one == two else [f"{where}: {one} and {two}"]


def differences(one, two):
    """Compare everything in two checkpoints but the time and the place they were written."""
    return same(*(_comparable(Path(path)) for path in (one, two)))


def _comparable(path):
    checkpoint = torch.load(path, weights_only=True)
    for key in ("time", "experiment_name", "cfg"):
        del checkpoint["meta"][key]
    checkpoint["meta"].get("run_record", {}).pop("config_sha256", None)  # the work dir is part of the config
    hub = checkpoint["message_hub"]
    del hub["resumed_keys"]
    for name in [name for name in hub["log_scalars"] if "time" in name]:
        del hub["log_scalars"][name]
    info = hub["runtime_info"]
    for name in ("cfg", "eta", "last_ckpt", "memory", "experiment_name"):
        info.pop(name, None)
    for name, value in info.items():
        if isinstance(value, (str, list)):
            info[name] = str(value).replace(str(path.parent), "")
    return checkpoint


def train(config, forget):
    """Train in this process; gives the journal, and whether the run came to its end."""
    forget()
    runner = Runner.from_cfg(config)
    journal = next(hook for hook in runner.hooks if isinstance(hook, JournalHook))
    try:
        runner.train()
    except PowerCut:
        return journal, False
    return journal, True
