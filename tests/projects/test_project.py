"""A project from the look at the files to its folder."""

from __future__ import annotations

import base64
import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from tiny_own_data import NAMES, write_images, write_labels, write_shapes

from rs_da_mm.datasets.statistics import load_statistics
from rs_da_mm.errors import DatasetError
from rs_da_mm.projects import ProjectRequest, make_project
from rs_da_mm.projects.training_probe import probe
from rs_da_mm.registry import DATASETS


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    labels = write_images(folder / "images", count=2)
    write_labels(folder / "labels", labels)
    write_shapes(folder / "fields.gpkg", labels, gap=1.0)
    return ProjectRequest(
        (str(folder / "images"),), str(folder / "labels"), folder / "project", classes=",".join(NAMES), window=48, batch_size=2,
        iterations=2, estimate=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(asked):
    return make_project(asked, "new_project.py --classes <all>")


def parts_of(config):
    return {part: DATASETS.build(config[f"{part}_dataloader"]["dataset"]) for part in ("train", "val", "test")}


def test_the_config_gives_the_windows_that_were_divided(made):
    config = Config.fromfile(made.folder / "config.py")
    datasets = parts_of(config)
    split = json.loads((made.folder / "splits" / "split.json").read_text())
    assert {part: len(dataset) for part, dataset in datasets.items()} == {part: split["counts"][part] for part in datasets}
    assert min(map(len, datasets.values())) > 0
    assert min(split["notes"]["distances"].values()) > 0
    for part, dataset in datasets.items():
        np.testing.assert_array_equal(dataset.class_counts().sum(axis=0), made.parts.pixels[part])


def test_the_network_is_normalised_by_the_training_part(made):
    config = Config.fromfile(made.folder / "config.py")
    statistics = load_statistics(made.folder / "statistics.json", parts_of(config)["train"])
    preprocessor = config.model.data_preprocessor
    assert preprocessor.mean == pytest.approx([band.mean for band in statistics.bands], rel=1e-5)
    assert preprocessor.std == pytest.approx([band.std for band in statistics.bands], rel=1e-5)
    assert (config.model.backbone.in_channels, config.model.decode_head.num_classes) == (4, 3)


def test_the_project_can_be_moved(made, tmp_path):
    moved = made.folder.rename(made.folder.with_name("moved"))
    try:
        config = Config.fromfile(moved / "config.py")
        assert Path(config.work_dir) == moved / "work"
        parts_of(config)
    finally:
        moved.rename(made.folder)


def test_the_report_is_one_page_with_its_pictures(made):
    page = (made.folder / "report.html").read_text(encoding="utf-8")
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) == 1 + min(6, len(made.parts.datasets["train"]))
    for picture in pictures:
        decoded = cv2.imdecode(np.frombuffer(base64.b64decode(picture), np.uint8), cv2.IMREAD_COLOR)
        assert decoded.std() > 5
    assert not re.findall(r'(?:src|href)="(?!data:)', page), "nothing is fetched"
    assert "--classes &lt;all&gt;" in page
    for name, count in zip(NAMES, made.parts.pixels["test"], strict=False):
        assert re.search(rf"{name}</td>.*<td class=n>{int(count):,}</td>", page)
    assert str(made.folder / "config.py") in page


def test_the_table_lists_the_scenes(made):
    with (made.folder / "scenes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["scene"] for row in rows] == ["scene_1", "scene_2"]
    assert all(Path(row[kind]).is_file() for row in rows for kind in ("image", "label"))


def test_class_rasters_and_shapes_of_the_same_fields_agree(asked, made):
    folder = made.folder.parent
    shapes = make_project(replace(asked, labels=str(folder / "fields.gpkg"), out=folder / "shapes"))
    whole, inner = (sum(project.parts.pixels.values()) for project in (made, shapes))
    assert shapes.found.classes.names == made.found.classes.names
    assert (inner[:-1] < whole[:-1]).all()
    assert inner[:-1] / whole[:-1] == pytest.approx([22**2 / 24**2] * 3, rel=0.02)


def test_the_same_request_gives_the_same_config(asked, made):
    again = make_project(replace(asked, out=made.folder.with_name("again")), "new_project.py --classes <all>")
    for name in ("config.py", "scenes.csv", "statistics.json", "splits/split.json"):
        assert (again.folder / name).read_bytes() == (made.folder / name).read_bytes()


def test_a_class_without_a_pixel_on_the_images_is_refused_and_nothing_is_written(asked):
    out = asked.out.with_name("refused")
    with pytest.raises(DatasetError, match="'mud' lies on the images"):
        make_project(replace(asked, classes="1=water,2=field,3=town,9=mud", out=out))
    assert not list(out.parent.glob("*refused*"))


def test_labels_that_are_not_named_can_be_ignored(asked, made):
    some = make_project(replace(asked, classes="1=water,2=field,other=ignore", out=made.folder.with_name("some")))
    both, all_three = (sum(project.parts.pixels.values()) for project in (some, made))
    np.testing.assert_array_equal(both[:2] > 0.5 * all_three[:2], True)
    assert both[2] > 0


@pytest.mark.slow
def test_the_probe_trains_the_config(made, fresh_mmengine):
    config = Config.fromfile(made.folder / "config.py")
    config.merge_from_dict(
        {"model.backbone.base_channels": 2, "model.decode_head.in_channels": 2, "model.decode_head.channels": 2}
    )
    found = probe(config)
    assert found["parameters"] < 500_000
    assert min(found["load_seconds"], found["step_seconds"], found["predict_seconds"]) > 0
