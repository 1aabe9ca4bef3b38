from __future__ import annotations

import pytest
from mmengine.config import Config

from rs_da_mm.datasets import GIDDataset, WHDLDDataset
from rs_da_mm.datasets.check_targets import datasets_of_config, make_dataset
from rs_da_mm.errors import DatasetError

GID = {"type": "GIDDataset", "data_root": "somewhere", "pipeline": [{"type": "NoSuchTransform"}]}


def test_the_loaders_of_a_config_are_found_and_their_pipelines_left_out():
    config = Config(
        {"train_dataloader": {"dataset": GID}, "val_dataloader": {"dataset": {"type": "WHDLDDataset"}}, "test_dataloader": None}
    )
    found = datasets_of_config(config)
    assert {part: type(dataset) for part, dataset in found.items()} == {"train": GIDDataset, "val": WHDLDDataset}
    assert str(found["train"].root) == "somewhere"
    assert list(datasets_of_config(config, "val")) == ["val"]
    assert str(datasets_of_config(config, "val", "elsewhere")["val"].root) == "elsewhere"


def test_data_sets_inside_wrappers_are_found():
    joined = {
        "type": "RepeatDataset",
        "times": 3,
        "dataset": {"type": "ConcatDataset", "datasets": [GID, {"type": "rs_da_mm.WHDLDDataset"}]},
    }
    found = datasets_of_config({"train_dataloader": {"dataset": joined}})
    assert {part: type(dataset) for part, dataset in found.items()} == {"train": GIDDataset, "train-2": WHDLDDataset}


def test_the_class_itself_can_be_named():
    assert isinstance(make_dataset({"type": GIDDataset, "data_root": "x"}), GIDDataset)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "has no train_dataloader, val_dataloader, test_dataloader"),
        ({"train_dataloader": {"dataset": {"type": "BaseDataset"}}}, r"'BaseDataset' is not one of .*: GID15Dataset, GIDDataset"),
        ({"train_dataloader": {"dataset": {"type": "GIDdataset"}}}, "'GIDdataset' is not one of"),
        (
            {"train_dataloader": {"dataset": {"type": "GIDDataset", "tile": 3}}},
            "GIDDataset: .*unexpected keyword argument 'tile'",
        ),
    ],
)
def test_what_cannot_be_checked_is_told(config, said):
    with pytest.raises(DatasetError, match=said):
        datasets_of_config(config)
