"""What docs/datasets.md shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from rs_da_mm.datasets import SceneWindowDataset
from rs_da_mm.datasets.check_report import check_datasets
from rs_da_mm.datasets.split_file import SplitSpec
from rs_da_mm.raster import write_raster
from rs_da_mm.registry import DATA_SAMPLERS, DATASETS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
SPLITS, SAMPLING, CLASS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def shown():
    """The data set that the page shows, registered for as long as the test takes."""
    names: dict = {}
    exec(CLASS, names)
    yield names["LandCoverAIDataset"]
    del DATASETS.module_dict["LandCoverAIDataset"]


def test_the_data_set_that_the_page_shows_works(tmp_path, shown):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    labels = np.random.default_rng(0).integers(0, 5, (512, 1030), dtype=np.uint8)
    write_raster(tmp_path / "images/M-33-20-D-c-4-2.tif", np.zeros((512, 1030, 3), dtype=np.uint8))
    write_raster(tmp_path / "masks/M-33-20-D-c-4-2.tif", labels)
    dataset = DATASETS.build({"type": "LandCoverAIDataset", "data_root": tmp_path, "bands": ["green"]})
    assert len(dataset) == 2
    assert dataset.class_counts()[1].tolist() == [*np.bincount(labels[:, 512:1024].ravel()), 0]
    assert check_datasets({"all": shown(tmp_path, lazy_init=True)}).problems == ()
    assert len(CLASS.splitlines()) < 100
    assert issubclass(shown, SceneWindowDataset)


def test_the_splits_that_the_page_shows_are_understood():
    splits = re.findall(r"^split = (dict\(.*?\)) *(?:#.*)?$", SPLITS, flags=re.MULTILINE)
    assert len(splits) == 6
    parsed = [SplitSpec.parse(eval(split)) for split in splits]
    assert [spec.block for spec in parsed] == [None, None, "scene", 7, 2000, None]
    assert (parsed[4].gap, parsed[4].stratified, parsed[5].by) == (500, True, "city")


def test_the_sampling_that_the_page_shows_draws_moved_windows(tmp_path, shown):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        write_raster(tmp_path / folder / "a.tif", np.ones((600, 1100, 1 if folder == "masks" else 3), dtype=np.uint8))
    names: dict = {}
    exec(SAMPLING, names)
    settings = names["train_dataloader"]
    dataset = shown(tmp_path, pipeline=[lambda sample: sample], **settings["dataset"])
    sampler = DATA_SAMPLERS.build({**settings["sampler"], "dataset": dataset, "seed": 0})
    windows = {dataset[index]["window"][:2] for index in sampler}
    assert len(sampler) == 2000
    assert len(windows) > 100
