"""What docs/adversarial.md shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from rs_da_mm.models.adversarial import NetworkStep

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "adversarial.md").read_text(encoding="utf-8")
MODEL, SETTINGS, STEPS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


class ToyTranslator(nn.Conv2d):
    def __init__(self, bands):
        super().__init__(bands, bands, 3, padding=1)


class ToyCritic(nn.Sequential):
    def __init__(self, bands):
        super().__init__(nn.Conv2d(bands, 4, 3, stride=2), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 3))


class ToySensors(Dataset):
    """Dark and bright noise."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        drawn = torch.Generator().manual_seed(index)
        content, reference = torch.rand(2, 4, 9, 9, generator=drawn)
        return {"inputs": {"content": 0.5 * content, "reference": 0.5 + 0.5 * reference}}


@pytest.fixture
def shown():
    """The model that the page shows, and toys for it, registered for as long as the test takes."""
    names: dict = {}
    exec(MODEL, names)
    toys = (ToyTranslator, ToyCritic)
    for toy in toys:
        MODELS.register_module(module=toy)
    DATASETS.register_module(module=ToySensors)
    yield names["SensorTranslator"]
    for registered in (names["SensorTranslator"], *toys):
        del MODELS.module_dict[registered.__name__]
    del DATASETS.module_dict["ToySensors"]


@pytest.mark.usefixtures("fresh_mmengine")
def test_the_model_and_the_settings_that_the_page_shows_train(tmp_path, shown):
    config = Config.fromstring(SETTINGS, ".py")
    config.merge_from_dict(
        {
            "work_dir": str(tmp_path),
            "log_level": "ERROR",
            "randomness": {"seed": 1},
            "train_cfg.max_iters": 12,
            "param_scheduler": {
                "generator": [
                    {"type": "LinearLR", "start_factor": 1.0, "end_factor": 0.0, "begin": 6, "end": 12, "by_epoch": False}
                ],
            },
            "train_dataloader": {
                "batch_size": 2,
                "num_workers": 0,
                "dataset": {"type": "ToySensors"},
                "sampler": {"type": "InfiniteSampler"},
            },
        }
    )
    runner = Runner.from_cfg(config)
    model = runner.model
    assert type(model) is shown
    before = model.network("generator").weight.clone()
    runner.train()
    logged = {name.removeprefix("train/") for name in runner.message_hub.log_scalars}
    assert {"critic.loss", "critic.loss_critic", "critic.loss_penalty", "critic.grad_norm", "generator.loss_content"} <= logged
    # The generator runs at 0, 5 and 10: one update of two, and the last.
    assert model.generator_ema_updates.value == 2
    assert not torch.equal(model.generator.weight, before)
    images = torch.rand(3, 4, 16, 16, device=before.device)
    model.train()
    with torch.no_grad():
        expected = model.generator_ema(images)
    assert torch.equal(model.translate(images), expected)
    assert model.generator.training
    assert len(model.val_step({"inputs": {"content": [*images], "reference": [*images]}})) == 3


def test_the_steps_that_the_page_shows_are_steps():
    lists = re.findall(r"^steps = (\[.*?\])$", STEPS, flags=re.DOTALL | re.MULTILINE)
    parsed = [eval(steps, {"NetworkStep": NetworkStep}) for steps in lists]
    assert [[step.name for step in steps] for steps in parsed] == [
        ["generators", "critics"],
        ["critic", "generator"],
        ["critic", "generator"],
        ["discriminator", "generator"],
    ]
    assert parsed[1][1].every == 5
    assert parsed[2][0].repeats == 5
    assert parsed[3][1].start == 1000


def test_the_signature_that_the_page_shows_is_that_of_a_step():
    shown = re.search(r"`NetworkStep\(name, (.*?)\)`", PAGE, flags=re.DOTALL).group(1)
    names = re.findall(r"(\w+)=", shown)
    assert names == [name for name in NetworkStep.__dataclass_fields__ if name != "name"]
