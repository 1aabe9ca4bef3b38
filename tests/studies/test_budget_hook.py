"""Counting what a training is fed, in a real runner with a model of one weight."""

from __future__ import annotations

import json

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from torch import nn
from torch.utils.data import Dataset

from rs_da_mm.studies.budget_hook import BUDGET_FILE, META_KEY, TrainingBudgetHook, image_shapes


class Windows(Dataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return {"inputs": torch.ones(3, 8, 6 + 2 * (index == 4)), "data_samples": BaseDataElement(gt_sem_seg=torch.zeros(1))}


class OneWeight(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("constant", torch.zeros(7))

    def forward(self, inputs, data_samples=None, mode="tensor"):
        return {"loss": sum((self.weight - one.mean()) ** 2 for one in inputs).sum()}


@pytest.fixture
def train(tmp_path, fresh_mmengine):
    def run(epochs=1, **more):
        runner = Runner(
            OneWeight(),
            work_dir=str(more.pop("work_dir", tmp_path)),
            train_dataloader={
                "dataset": Windows(),
                "batch_size": 2,
                "sampler": {"type": "DefaultSampler", "shuffle": False},
                "collate_fn": {"type": "pseudo_collate"},
            },
            train_cfg={"by_epoch": True, "max_epochs": epochs},
            optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
            custom_hooks=[{"type": "TrainingBudgetHook"}],
            default_scope="mmengine",
            experiment_name=f"budget {epochs} {len(more)}",
            **more,
        )
        runner.train()
        return json.loads((tmp_path / BUDGET_FILE).read_text())

    return run


def test_it_counts_over_an_interruption(train, tmp_path):
    first = train()
    assert (first["iterations"], first["epochs"], first["samples"], first["batch_size"]) == (3, 1, 5, 2)
    assert first["pixels"] == 4 * 8 * 6 + 8 * 8
    assert (first["window"], first["ranks"], first["parameters"]) == ([6, 8], 1, 1)
    assert first["labelled_windows"] == first["dataset_windows"] == 5
    assert (first["max_epochs"], first["max_iters"]) == (1, 3)
    assert first["seconds"] > 0
    meta = torch.load(tmp_path / "epoch_1.pth", weights_only=False)["meta"][META_KEY]
    assert (meta["samples"], meta["of_rank_0"]["samples"]) == (5, 5)
    resumed = train(3, resume=True)
    assert (resumed["iterations"], resumed["epochs"], resumed["samples"]) == (9, 3, 15)
    assert resumed["pixels"] == 3 * first["pixels"]
    assert resumed["seconds"] > first["seconds"]


def test_weights_to_start_from_bring_no_counts(train, tmp_path):
    train()
    train(1, load_from=str(tmp_path / "epoch_1.pth"))
    assert json.loads((tmp_path / BUDGET_FILE).read_text())["samples"] == 5


def test_a_checkpoint_of_the_moment_before_an_iteration_has_the_counts_of_that_moment(train):
    hook = TrainingBudgetHook()
    runner = type(
        "R", (), {"iter": 0, "epoch": 0, "max_epochs": 1, "max_iters": 9, "model": OneWeight(), "train_dataloader": None}
    )
    runner.train_dataloader = type("L", (), {"dataset": [1, 2, 3]})
    batch = {"inputs": [torch.zeros(3, 4, 4)] * 2}
    for iteration in (0, 1):
        runner.iter = iteration
        hook.after_train_iter(runner, iteration, batch)
    before, after = {"meta": {"iter": 1}}, {"meta": {"iter": 2}}
    hook.before_save_checkpoint(runner, before)
    hook.before_save_checkpoint(runner, after)
    assert before["meta"][META_KEY]["samples"] == 2
    assert after["meta"][META_KEY]["samples"] == 4
    assert after["meta"][META_KEY]["labelled_windows"] == 0


def test_images_are_found_in_every_kind_of_batch():
    one, batch = torch.zeros(3, 4, 5), torch.zeros(2, 3, 6, 7)
    assert list(image_shapes([one, one])) == [(1, 4, 5), (1, 4, 5)]
    assert list(image_shapes({"source": batch, "target": [one], "index": torch.zeros(9), "n": 3})) == [(2, 6, 7), (1, 4, 5)]
