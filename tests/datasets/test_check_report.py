from __future__ import annotations

import json

import numpy as np
import pytest

from rs_da_mm.datasets import GIDDataset
from rs_da_mm.datasets.check_report import check_datasets, statistics_path
from rs_da_mm.datasets.statistics import load_statistics
from rs_da_mm.errors import DatasetError

SPLIT = {"type": "random", "ratios": (0.6, 0.2, 0.2), "seed": 0}


def parts(root, names=("train", "val"), **options):
    return {
        part: GIDDataset(root, **{"window_size": 8, "split": SPLIT, "part": part, "lazy_init": True, **options}) for part in names
    }


def test_a_sound_data_set_is_described_part_by_part(tmp_path, gid_maker):
    gid_maker({"a": (40, 50)})
    report = check_datasets(parts(tmp_path))
    assert report.problems == ()
    text = report.to_text()
    assert text.endswith("no problems")
    for said in (
        "== train",
        "18 windows, 1152 labelled pixels, 0.00% ignored",
        "== val",
        "6 windows",
        "built-up",
        "median frequency",
        "p98",
    ):
        assert said in text


def test_lines_for_the_config_are_those_of_the_training_part(tmp_path, gid_maker):
    gid_maker({"a": (40, 50)})
    report = check_datasets(parts(tmp_path))
    train = report.parts[0].statistics
    line = next(line for line in report.to_text().splitlines() if line.startswith("data_preprocessor"))
    settings = eval(line.split("=", 1)[1])  # what a config would make of it
    np.testing.assert_allclose(settings["mean"], [band.mean for band in train.bands], atol=1e-4)
    np.testing.assert_allclose(settings["std"], [band.std for band in train.bands], atol=1e-4)


def test_statistics_are_written_where_they_are_found_again(tmp_path, gid_maker):
    gid_maker({"a": (40, 50)})
    report = check_datasets(parts(tmp_path))
    train = GIDDataset(tmp_path, window_size=8, split=SPLIT, part="train")
    assert report.parts[0].path == str(statistics_path(train))
    assert load_statistics(statistics_path(train), train) == report.parts[0].statistics
    assert len(list((tmp_path / "splits").glob("statistics_*.json"))) == 2


def test_problems_are_listed_once_and_their_scenes_left_out_of_the_numbers(tmp_path, gid_maker):
    gid_maker({"a": (40, 50), "b": (40, 48)})
    path = tmp_path / "image_RGB/b.tif"
    path.write_bytes(path.read_bytes()[:-2000])
    report = check_datasets(parts(tmp_path, ("train", "val", "test")))
    assert [(problem.kind, problem.scene) for problem in report.problems] == [("unreadable", "b")]
    text = report.to_text()
    assert "== 1 problem\n  1. [unreadable] " in text
    assert "without 1 scenes that have problems: b" in text
    assert sum(part.statistics.windows for part in report.parts) == 30
    assert not list((tmp_path / "splits").glob("statistics_*.json"))


def test_a_part_that_cannot_be_used_is_a_problem_of_its_own(tmp_path, gid_maker):
    gid_maker({"a": (40, 50)})
    check_datasets(parts(tmp_path, ("train",)))
    gid_maker({"a": (40, 50)}, seed=1)
    report = check_datasets(parts(tmp_path, ("train",)))
    assert [problem.kind for problem in report.problems] == ["unusable"]
    assert "Part 'train': " in report.problems[0].text
    assert "no longer fits" in report.problems[0].text
    assert "no statistics" in report.to_text()


def test_what_stops_a_part_is_not_told_twice(tmp_path, gid_maker):
    gid_maker({"a": (40, 50)})
    (tmp_path / "image_RGB/a.tif").write_bytes(b"no raster")
    report = check_datasets(parts(tmp_path))
    assert len(report.problems) == 1
    assert [part.statistics for part in report.parts] == [None, None]


def test_a_class_that_does_not_occur_has_weight_0(tmp_path, gid_maker):
    gid_maker({"a": (8, 8)})
    dataset = GIDDataset(
        tmp_path, window_size=8, lazy_init=True, label_colours=dict.fromkeys(map(tuple, GIDDataset.METAINFO["palette"]), 1)
    )
    report = check_datasets({"all": dataset})
    assert [one.median_frequency_weight for one in report.parts[0].statistics.classes] == [0, 1, 0, 0, 0, 0]


def test_it_can_be_written_as_json(tmp_path, gid_maker):
    gid_maker({"a": (40, 50)})
    content = json.loads(json.dumps(check_datasets(parts(tmp_path)).to_json()))
    assert content["problems"] == []
    assert content["parts"][0]["statistics"]["windows"] == 18
    assert content["parts"][0]["statistics"]["origin"]["fingerprint"]


def test_a_missing_data_set_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="There is no data set"):
        check_datasets(parts(tmp_path / "nowhere"))
