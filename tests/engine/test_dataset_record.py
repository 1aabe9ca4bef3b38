from __future__ import annotations

import json
from statistics import median
from types import SimpleNamespace
from typing import ClassVar

import pytest
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset
from torch.utils.data import Subset

from rs_da_mm.datasets import GIDDataset, WHDLDDataset
from rs_da_mm.engine.dataset_record import describe_datasets, training_pixel_size
from rs_da_mm.raster import PixelSize

GID = "GID/Large-scale Classification_5classes"


@pytest.fixture
def gid(miniatures):
    split = {"type": "random", "ratios": (0.6, 0.2, 0.2), "seed": 0}

    def build(loader=None, **settings):
        pipeline = [loader or {"type": "LoadRaster"}]
        return GIDDataset(data_root=miniatures / GID, split=split, pipeline=pipeline, **settings)

    return build


class Numbers(BaseDataset):
    METAINFO: ClassVar = {"classes": ("a", "b")}

    def load_data_list(self):
        return [{"number": number} for number in range(3)]


def test_a_data_set_of_ours_is_known_by_its_files_and_its_choice(gid):
    dataset = gid(part="val")
    (record,) = describe_datasets(dataset)
    assert record == json.loads(json.dumps(record)), "plain data"
    assert record["type"] == "GIDDataset"
    assert record["length"] == len(dataset)
    assert record["fingerprint"] == dataset.provenance.fingerprint
    assert record["classes"] == list(dataset.classes)
    assert record["parameters"]["part"] == "val"
    assert record["scenes"] == len(dataset.provenance.scenes)
    assert record["bands"] == {"choice": None, "names": ["red", "green", "blue"], "count": 3, "dtype": "uint8"}
    assert record["pixel_size"] == {"width": 4.0, "height": 4.0, "unit": "metre", "range": [4.0, 4.0]}
    assert record["miniature"] is True


@pytest.mark.parametrize(
    ("loader", "settings", "choice", "names"),
    [
        (None, {"bands": ["blue", 1]}, [3, 1], ["blue", "red"]),
        ({"type": "LoadRaster", "bands": [2, 3]}, {}, [2, 3], ["green", "blue"]),
        ({"type": "LoadRaster", "bands": [2, 3]}, {"bands": [1]}, [2, 3], ["green", "blue"]),
    ],
)
def test_the_bands_are_those_that_come_out_of_the_loader(gid, loader, settings, choice, names):
    (record,) = describe_datasets(gid(loader, **settings))
    assert record["bands"] == {"choice": choice, "names": names, "count": 2, "dtype": "uint8"}


def test_images_without_a_grid_have_no_pixel_size(miniatures):
    (record,) = describe_datasets(WHDLDDataset(data_root=miniatures / "WHDLD", pipeline=[{"type": "LoadRaster"}]))
    assert record["pixel_size"] is None
    assert record["fingerprint"] is not None


def test_what_cannot_be_found_out_ends_no_run(gid, monkeypatch):
    dataset = gid()
    monkeypatch.setattr("rs_da_mm.engine.dataset_record.pixel_size", lambda _scene: 1 / 0)
    (record,) = describe_datasets(dataset)
    assert (record["bands"], record["pixel_size"]) == (None, None)
    assert record["fingerprint"] == dataset.provenance.fingerprint


@pytest.mark.parametrize(("count", "opened"), [(3, [0, 1, 2]), (16, [1, 3, 5, 7, 9, 11, 13, 15])])
def test_a_few_scenes_that_are_spread_evenly_are_measured(monkeypatch, count, opened):
    sizes = {f"{number:02d}": PixelSize(number + 1.0, 2.0, "metre") for number in range(count)}
    asked = []
    layout = SimpleNamespace(
        find=lambda names: [SimpleNamespace(image=lambda name=name: asked.append(int(name)) or name) for name in names]
    )
    dataset = SimpleNamespace(provenance=SimpleNamespace(scenes=dict.fromkeys(sizes)), layout=layout)
    monkeypatch.setattr("rs_da_mm.engine.dataset_record.pixel_size", sizes.get)
    widths = sorted(number + 1.0 for number in opened)
    expected = {"width": median(widths), "height": 2.0, "unit": "metre", "range": [min(1.0 + opened[0], 2.0), widths[-1]]}
    assert training_pixel_size(dataset) == expected
    assert asked == opened


def test_wrappers_are_walked(gid):
    dataset = gid()
    numbers = Numbers()
    transparent = SimpleNamespace(dataset=ConcatDataset([numbers, numbers]))
    assert [record["type"] for record in describe_datasets(transparent)] == ["Numbers", "Numbers"]
    assert [record["length"] for record in describe_datasets(RepeatDataset(numbers, 5))] == [3]
    assert describe_datasets(Subset(dataset, [0, 1])) == describe_datasets(dataset)


def test_others_data_sets_have_no_fingerprint():
    assert describe_datasets(Numbers()) == [{"type": "Numbers", "length": 3, "classes": ["a", "b"], "fingerprint": None}]
    assert describe_datasets([1, 2]) == [{"type": "list", "length": 2, "classes": None, "fingerprint": None}]


def test_a_lazy_data_set_is_made_ready(gid):
    assert describe_datasets(gid(lazy_init=True)) == describe_datasets(gid())
