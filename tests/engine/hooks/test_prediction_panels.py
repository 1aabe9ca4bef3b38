from __future__ import annotations

import uuid

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement, PixelData
from torch import nn
from torch.utils.data import Dataset

from rs_da_mm.engine import PredictionPanelHook
from rs_da_mm.engine.hooks import evenly_spread, prediction_panels

META = {"classes": ("land", "water"), "palette": [[0, 200, 0], [0, 0, 255]]}


class Windows(Dataset):
    metainfo = META

    def __init__(self, count=10):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        sample = BaseDataElement(metainfo={"img_path": "data/tile.tif", "scene": "tile", "window": (0, 8 * index, 8, 8)})
        sample.gt_sem_seg = PixelData(data=torch.zeros(1, 8, 8, dtype=torch.uint8))
        return {"inputs": torch.full((3, 8, 8), 20 * index, dtype=torch.uint8), "data_samples": sample}


class AllWater(BaseModel):
    def __init__(self, predicts=True):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.predicts = predicts

    def forward(self, inputs, data_samples, mode="tensor"):
        if mode == "loss":
            return {"loss": self.weight.sum()}
        for sample in data_samples if self.predicts else ():
            sample.pred_sem_seg = PixelData(data=torch.ones(1, 8, 8, dtype=torch.int64))
        return data_samples


def run(tmp_path, job, count=10, epochs=2, model=None, **options):
    loader = {
        "dataset": Windows(count),
        "batch_size": 3,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": pseudo_collate,
    }
    runner = Runner(
        model=model or AllWater(),
        work_dir=str(tmp_path),
        experiment_name=uuid.uuid4().hex,
        train_dataloader=loader,
        train_cfg={"by_epoch": True, "max_epochs": epochs},
        val_dataloader=loader,
        val_cfg={},
        val_evaluator=[],
        test_dataloader=loader,
        test_cfg={},
        test_evaluator=[],
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        custom_hooks=[{"type": "PredictionPanelHook", **options}],
        default_hooks={"checkpoint": None},
        log_level="WARNING",
    )
    getattr(runner, job)()
    return sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("panels/**/*.png"))


def test_every_validation_of_a_training_writes_the_same_samples(tmp_path):
    found = run(tmp_path, "train", max_panels=2)
    folders = sorted({path.rpartition("/")[0].partition("/")[2] for path in found})
    assert folders == ["panels/epoch_001", "panels/epoch_002"]
    assert [path.rpartition("/")[2] for path in found] == ["00002_tile_0_16.png", "00007_tile_0_56.png"] * 2


def test_a_panel_shows_image_label_and_prediction(tmp_path):
    run(tmp_path, "test", max_panels=1, out_dir=str(tmp_path))
    (path,) = (tmp_path / "panels" / "test").iterdir()
    panel = cv2.imread(str(path))[..., ::-1]
    shown = {tuple(colour) for colour in panel.reshape(-1, 3).tolist()}
    assert {(100, 100, 100), (0, 200, 0), (0, 0, 255)} <= shown
    first = {colour: np.argwhere((panel == colour).all(-1))[:, 1].min() for colour in ((100, 100, 100), (0, 200, 0))}
    assert first[100, 100, 100] < first[0, 200, 0]


def test_a_validation_alone_and_a_training_by_steps_name_their_folders(tmp_path):
    assert all("/panels/val/" in path for path in run(tmp_path / "val", "val"))
    assert all("/panels/iter_000004/" in path for path in run(tmp_path / "one", "train", epochs=1))


def test_an_interval_skips_validations(tmp_path):
    found = run(tmp_path, "train", epochs=3, interval=2, max_panels=1)
    assert [path.split("/")[2] for path in found] == ["epoch_002"]


@pytest.mark.parametrize("options", [{"max_panels": 0}, {"interval": 0}])
def test_switched_off_it_draws_nothing(tmp_path, monkeypatch, options):
    monkeypatch.setattr(prediction_panels, "draw_panel", lambda *_args, **_options: pytest.fail("something was drawn"))
    assert run(tmp_path / "val", "val", **options) == []
    assert run(tmp_path / "test", "test", **options) == []


def test_only_the_first_rank_draws(tmp_path, monkeypatch):
    monkeypatch.setattr(prediction_panels, "is_main_process", lambda: False)
    assert run(tmp_path, "test") == []


def test_a_model_that_predicts_no_classes_is_left_alone(tmp_path):
    assert run(tmp_path, "test", model=AllWater(predicts=False)) == []


def test_an_image_that_was_resized_for_the_model_is_drawn_in_its_predictions_size(tmp_path, monkeypatch):
    drawn = []

    def draw(image, label, prediction, **_options):
        drawn.append((image, prediction))
        return np.zeros((2, 2, 3), np.uint8)

    monkeypatch.setattr(prediction_panels, "draw_panel", draw)
    big = {"inputs": torch.arange(16, dtype=torch.int32).reshape(1, 4, 4)}
    monkeypatch.setattr(Windows, "__getitem__", lambda self, index, get=Windows.__getitem__: {**get(self, index), **big})
    run(tmp_path, "test", count=1)
    ((image, prediction),) = drawn
    assert image.shape == (8, 8, 1)
    assert image.dtype == np.int32
    np.testing.assert_array_equal(image[::2, ::2, 0], np.arange(16).reshape(4, 4))
    assert prediction.shape == (8, 8)


def test_samples_are_spread_evenly():
    assert evenly_spread(4, 100) == {12, 37, 62, 87}
    assert evenly_spread(8, 3) == {0, 1, 2}
    assert evenly_spread(0, 3) == evenly_spread(3, 0) == set()
    assert all(len(evenly_spread(count, 50)) == count for count in range(51))
    assert PredictionPanelHook().max_panels == 8
