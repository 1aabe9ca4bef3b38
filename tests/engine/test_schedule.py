"""MACU-Net's schedule as a config says it: cosine of period 10 epochs, early stopping, through mmengine's own classes."""

from __future__ import annotations

import math
import uuid

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

import rs_da_mm.engine
import rs_da_mm.evaluation  # noqa: F401  (registers the metric)

LR = 3e-4
COSINE = {"type": "CosineAnnealingLR", "T_max": 10, "eta_min": LR / 100, "by_epoch": True}
STOPPING = {"type": "EarlyStoppingHook", "monitor": "mIoU", "rule": "greater", "min_delta": 0.0, "patience": 10, "strict": True}


def rates(epochs, **options):
    """The learning rate of every epoch."""
    optimizer = torch.optim.Adam([nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler = PARAM_SCHEDULERS.build({**COSINE, **options}, default_args={"optimizer": optimizer})
    found = []
    for _ in range(epochs):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_the_learning_rate_swings_with_a_period_of_20_epochs():
    found = rates(101)
    lowest = LR / 100
    for epoch, rate in enumerate(found):
        assert rate == pytest.approx(lowest + (LR - lowest) * (1 + math.cos(math.pi * epoch / 10)) / 2, rel=1e-6), epoch
    assert found[5] == pytest.approx(1.515e-4)
    assert found[10] == pytest.approx(3e-6)
    assert found[20] == pytest.approx(3e-4)


def test_a_minimum_given_as_a_part_of_the_rate_is_the_same():
    assert rates(25, eta_min=None, eta_min_ratio=0.01) == pytest.approx(rates(25))


META = {"classes": ("land", "water"), "palette": [[0, 0, 0], [0, 0, 255]]}


class FourPixels(Dataset):
    metainfo = META

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return {"inputs": torch.tensor([float(index)])}


class Scripted(BaseModel):
    """Gets as many of the four pixels right as a list says for each validation."""

    def __init__(self, right):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.right = right
        self.validation = -1

    def forward(self, inputs, mode="tensor"):
        if mode == "loss":
            return {"loss": (self.weight * torch.cat(inputs)).sum()}
        truth = torch.tensor([[0, 0, 1, 1]])
        self.validation += 1
        correct = torch.arange(4) < self.right[self.validation]
        return [{"pred_sem_seg": {"data": torch.where(correct, truth, 1 - truth)}, "gt_sem_seg": {"data": truth}}] * len(inputs)


def train(tmp_path, right):
    loader = {
        "dataset": FourPixels(),
        "batch_size": 4,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": pseudo_collate,
    }
    runner = Runner(
        model=Scripted(right),
        work_dir=str(tmp_path),
        experiment_name=uuid.uuid4().hex,
        train_dataloader=loader,
        val_dataloader=loader,
        train_cfg={"by_epoch": True, "max_epochs": 40, "val_interval": 1},
        val_cfg={},
        val_evaluator={"type": "LandCoverMetric"},
        optim_wrapper={"optimizer": {"type": "Adam", "lr": LR}},
        param_scheduler=COSINE,
        custom_hooks=[STOPPING],
        default_hooks={"checkpoint": {"type": "CheckpointHook", "interval": -1, "save_best": "mIoU", "save_last": False}},
        log_level="WARNING",
    )
    runner.train()
    return runner


def test_training_stops_after_ten_epochs_without_a_better_miou_and_keeps_the_best(tmp_path):
    runner = train(tmp_path, [1, 2, 3] + [2] * 37)
    assert runner.epoch == 13
    assert [path.name for path in tmp_path.glob("best_mIoU*")] == ["best_mIoU_epoch_3.pth"]


def test_any_gain_counts_however_small(tmp_path):
    runner = train(tmp_path, [2] * 9 + [3] + [2] * 30)
    assert runner.epoch == 20


def test_the_rate_follows_the_schedule_inside_the_runner(tmp_path):
    runner = train(tmp_path, [3] + [2] * 39)
    assert runner.epoch == 11
    # The scheduler has stepped after every epoch.
    assert runner.optim_wrapper.get_lr()["lr"][0] == pytest.approx(rates(12)[11])
