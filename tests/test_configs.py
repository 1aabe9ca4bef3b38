"""The shipped configs: they stand on their own, build what they promise, and train."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner

FOLDER = Path(__file__).resolve().parents[1] / "configs"
CONFIGS = sorted(FOLDER.glob("*.py"))
REFERENCE = [path for path in CONFIGS if not path.stem.endswith("_paper")]
PAPER = [path for path in CONFIGS if path.stem.endswith("_paper")]


def name(path):
    return path.stem


@pytest.fixture(autouse=True)
def _scope(fresh_mmengine):
    init_default_scope("mmseg")


def test_there_is_a_config_of_each_preset_for_each_data_set():
    assert {"macunet_gid", "macunet_gid15", "macunet_whdld"} <= {path.stem for path in REFERENCE}
    assert {path.stem.removesuffix("_paper") for path in PAPER} == {"macunet_gid", "macunet_gid15", "macunet_whdld"}


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=name)
def test_bases_are_our_own_files(path):
    assert "::" not in path.read_text()


def parameters(path):
    model = MODELS.build(Config.fromfile(path).model)
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@pytest.mark.parametrize(
    ("config", "count"), [("macunet_gid", 5_151_734), ("macunet_whdld", 5_151_734), ("macunet_gid15", 5_151_887)]
)
def test_the_reference_models_have_the_authors_number_of_parameters(config, count):
    assert parameters(FOLDER / f"{config}.py") == count


@pytest.mark.parametrize("path", PAPER, ids=name)
def test_the_paper_models_have_the_blocks_that_equation_3_prints(path):
    assert parameters(path) > parameters(FOLDER / f"{path.stem.removesuffix('_paper')}.py")


@pytest.mark.parametrize("path", REFERENCE, ids=name)
def test_the_reference_schedule_is_the_authors(path):
    config = Config.fromfile(path)
    assert config.train_dataloader.sampler == dict(type="DrawWithReplacementSampler", draws=20, samples_per_draw=100)
    assert config.train_dataloader.batch_size == 16
    assert config.optim_wrapper.optimizer == dict(type="Adam", lr=3e-4)
    schedule = config.param_scheduler
    assert (schedule.type, schedule.T_max, schedule.eta_min_ratio) == ("CosineAnnealingLR", 10, 0.01)
    stopping = config.default_hooks.early_stopping
    assert (stopping.monitor, stopping.patience, stopping.min_delta) == ("mIoU", 10, 0.0)


@pytest.mark.parametrize("path", PAPER, ids=name)
def test_the_paper_schedule_is_the_printed_one(path):
    config = Config.fromfile(path)
    assert config.optim_wrapper.optimizer == dict(type="Adam", lr=3e-5)
    assert "early_stopping" not in config.default_hooks


@pytest.mark.parametrize("path", CONFIGS, ids=name)
def test_every_config_trains_two_iterations_and_evaluates(path, two_iterations, tmp_path):
    config = two_iterations(path.stem)
    config.work_dir = str(tmp_path)
    runner = Runner.from_cfg(config)
    runner.train()
    assert runner.iter == 2
    losses = runner.message_hub.get_scalar("train/loss").data[0]
    assert len(losses) == 2
    assert all(math.isfinite(loss) for loss in losses)
    assert 0 <= runner.message_hub.get_scalar("val/mIoU").current() <= 100
    assert (tmp_path / "epoch_1.pth").is_file()
    assert list(tmp_path.rglob("panels/**/*.png"))
