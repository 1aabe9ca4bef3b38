"""tools/new_project.py as a person runs it, and the project that it makes through training, test and map."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_own_data import NAMES, SMALL, counts_of, run_tool, write_images, write_labels, write_shapes

from rs_da_mm.raster import Scene

QUICK = ["--window", "48", "--iterations", "2", "--batch-size", "2", "--no-estimate"]
TRAIN = [
    "--cfg-options",
    *SMALL,
    *(f"{part}_dataloader.{key}" for part in ("train", "val", "test") for key in ("num_workers=0", "persistent_workers=False")),
]


@pytest.fixture
def tool(monkeypatch, capsys, fresh_mmengine):
    monkeypatch.setenv("OMP_WAIT_POLICY", "")
    monkeypatch.setenv("GDAL_CACHEMAX", "")
    return lambda name, *words: run_tool(name, words, monkeypatch, capsys)


def train_test_and_map(tool, project, scene, bands=4):
    assert tool("train.py", project / "config.py", *TRAIN)[0] == 0
    (best,) = (project / "work").glob("best_mIoU_epoch_*.pth")
    assert tool("test.py", project / "config.py", best, *TRAIN)[0] == 0
    words = [project / "config.py", best, scene, project / "maps" / "map.tif", "--precision", "float32", "--cfg-options", *SMALL]
    status, _, error = tool("segment_scene.py", *words)
    assert status == 0, error
    found = Scene(project / "maps" / "map.tif")
    assert found.shape == Scene(scene).shape
    assert set(np.unique(found.read())) <= {0, 1, 2}


@pytest.mark.slow
def test_class_rasters_from_folders_to_a_map(tool, tmp_path):
    labels = write_images(tmp_path / "images")
    write_labels(tmp_path / "labels", labels)
    project = tmp_path / "project"
    status, told, error = tool(
        "new_project.py",
        "--images",
        tmp_path / "images",
        "--labels",
        tmp_path / "labels",
        "--classes",
        ",".join(NAMES),
        "--out",
        project,
        *QUICK,
    )
    assert status == 0, error
    assert "2 images of 4 x uint16" in told
    assert f"tools/train.py {project / 'config.py'}" in told
    parts = counts_of(project)
    assert parts["train"] > parts["val"] > 0
    assert parts["test"] > 0
    train_test_and_map(tool, project, tmp_path / "images" / "scene_1.tif")


@pytest.mark.slow
def test_shapes_from_a_geopackage_to_a_map(tool, tmp_path):
    labels = write_images(tmp_path / "images")
    write_shapes(tmp_path / "fields.gpkg", labels, gap=2.0)
    project = tmp_path / "project"
    words = ["--images", tmp_path / "images", "--labels", tmp_path / "fields.gpkg", "--out", project, *QUICK]
    status, told, error = tool("new_project.py", *words)
    assert status == 0, error
    assert all(name in told for name in NAMES)
    train_test_and_map(tool, project, tmp_path / "images" / "scene_2.tif")


def test_a_project_that_is_there_is_left_alone(tool, tmp_path):
    labels = write_images(tmp_path / "images", count=1)
    write_labels(tmp_path / "labels", labels)
    words = ["--images", tmp_path / "images", "--labels", tmp_path / "labels", "--out", tmp_path / "project", *QUICK]
    assert tool("new_project.py", *words)[0] == 0
    before = (tmp_path / "project" / "config.py").read_bytes()
    status, _, error = tool("new_project.py", *words, "--seed", "1")
    assert (status, error.count("error: ")) == (1, 1)
    assert "--overwrite" in error
    assert (tmp_path / "project" / "config.py").read_bytes() == before
    assert tool("new_project.py", *words, "--seed", "1", "--overwrite")[0] == 0
    assert "seed=1" in (tmp_path / "project" / "config.py").read_text()

    (tmp_path / "project" / "work").mkdir()
    status, _, error = tool("new_project.py", *words, "--overwrite")
    assert status == 1
    assert "nothing that was trained is deleted" in error
    assert {path.name for path in tmp_path.iterdir()} == {"images", "labels", "project"}
