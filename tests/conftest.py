"""What tests of several rooms share."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).resolve().parent))  # for the small trainings that several rooms share


def pytest_configure():
    """Let Ctrl-C be heard, which some tests press: a shell starts what it puts into the background with the signal ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def miniatures(tmp_path_factory):
    """A `data` folder with the small miniature of every data set."""
    from rs_da_mm.datasets.samples.catalogue import MINIATURES
    from rs_da_mm.datasets.samples.miniature import make_miniature

    folder = tmp_path_factory.mktemp("data")
    for miniature in MINIATURES.values():
        make_miniature(miniature, folder, size="small")
    return folder


def _forget_runs():
    """Forget what runners leave in their process: a scope, a history, and a log whose stream pytest has closed since."""
    for kind in (DefaultScope, MessageHub, MMLogger, Visualizer):
        kind._instance_dict.clear()


@pytest.fixture(scope="session")
def forget_runs():
    """Make the next runner as if none had been built in this process; for tests that build several."""
    return _forget_runs


@pytest.fixture
def fresh_mmengine():
    """Run a test, and what comes after it, as if no runner had been built in this process."""
    _forget_runs()
    yield
    _forget_runs()


@pytest.fixture
def two_iterations(miniatures):
    """Shrink a shipped config: two batches of two windows in one epoch, two windows to validate on and to test, no workers."""

    def shrink(name):
        config = Config.fromfile(ROOT / "configs" / f"{name}.py")
        config.env_cfg.cudnn_benchmark = False
        config.train_cfg.max_epochs = 1
        sampler = config.train_dataloader.sampler
        if sampler.type == "DrawWithReplacementSampler":
            sampler.update(draws=1, samples_per_draw=4)
        else:
            config.train_dataloader.dataset.indices = 4
        for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
            loader.update(batch_size=2, num_workers=0, persistent_workers=False)
            loader.dataset.data_root = str(miniatures / Path(loader.dataset.data_root).relative_to("data"))
        for loader in (config.val_dataloader, config.test_dataloader):
            loader.dataset.indices = 2
        return config

    return shrink
