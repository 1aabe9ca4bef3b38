"""The shipped configs: they stand on their own, build what they promise, and train."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from mmengine.runner import Runner

from rs_da_mm.datasets.samples.catalogue import MINIATURES
from rs_da_mm.datasets.samples.miniature import make_miniature

FOLDER = Path(__file__).resolve().parents[1] / "configs"
CONFIGS = sorted(FOLDER.glob("*.py"))
REFERENCE = [path for path in CONFIGS if not path.stem.endswith("_paper")]
PAPER = [path for path in CONFIGS if path.stem.endswith("_paper")]


def name(path):
    return path.stem


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope("mmseg")
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for miniature in MINIATURES.values():
        make_miniature(miniature, folder, size="small")
    return folder


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


def two_iterations(path, data, work_dir):
    """The config itself, with two batches of two windows in an epoch of one, and two windows to validate on."""
    config = Config.fromfile(path)
    config.work_dir = str(work_dir)
    config.env_cfg.cudnn_benchmark = False
    config.train_cfg.max_epochs = 1
    config.train_dataloader.update(batch_size=2, num_workers=0, persistent_workers=False)
    sampler = config.train_dataloader.sampler
    if sampler.type == "DrawWithReplacementSampler":
        sampler.update(draws=1, samples_per_draw=4)
    else:
        config.train_dataloader.dataset.indices = 4
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.dataset.data_root = str(data / Path(loader.dataset.data_root).relative_to("data"))
    for loader in (config.val_dataloader, config.test_dataloader):
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset.indices = 2
    return config


@pytest.mark.parametrize("path", CONFIGS, ids=name)
def test_every_config_trains_two_iterations_and_evaluates(path, data, tmp_path):
    runner = Runner.from_cfg(two_iterations(path, data, tmp_path))
    runner.train()
    assert runner.iter == 2
    losses = runner.message_hub.get_scalar("train/loss").data[0]
    assert len(losses) == 2
    assert all(math.isfinite(loss) for loss in losses)
    assert 0 <= runner.message_hub.get_scalar("val/mIoU").current() <= 100
    assert (tmp_path / "epoch_1.pth").is_file()
    assert list(tmp_path.rglob("panels/**/*.png"))
