from __future__ import annotations

import numpy as np
import pytest
from mmengine.registry import DATASETS

from rs_da_mm.datasets import GID15Dataset, GIDDataset
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Scene, write_raster

SPLIT = {"type": "random", "ratios": (0.6, 0.2, 0.2), "seed": 0}


@pytest.fixture
def papers_scenes(tmp_path, write_hollow):
    """The paper's 15 scenes in their real size, and another one."""
    for scene in (*GIDDataset.PAPER_SCENES, "GF2_PMS2__L1A0001886305-MSS2"):
        write_hollow(tmp_path / "image_RGB" / f"{scene}.tif", 7200, 6800)
        write_hollow(tmp_path / "label_5classes" / f"{scene}_label.tif", 7200, 6800)
    return tmp_path


def test_the_papers_counts(papers_scenes):
    assert len(GIDDataset(papers_scenes, scenes=[GIDDataset.PAPER_SCENES[0]])) == 728
    assert len(GIDDataset(papers_scenes, scenes="paper")) == 10_920
    assert len(GIDDataset(papers_scenes)) == 16 * 728
    sizes = [len(GIDDataset(papers_scenes, scenes="paper", split=SPLIT, part=part)) for part in ("train", "val", "test")]
    assert sizes == [6552, 2184, 2184]


def test_blocked_by_scene_the_papers_15_go_9_3_and_3(papers_scenes):
    split = {"type": "blocked", "block": "scene"}
    sizes = [len(GIDDataset(papers_scenes, scenes="paper", split=split, part=part)) for part in ("train", "val", "test")]
    assert sizes == [6552, 2184, 2184]


def test_the_15_scenes_are_those_of_the_paper():
    assert len(set(GIDDataset.PAPER_SCENES)) == 15
    assert sum(scene.startswith("GF2_PMS1__L1A") and scene.endswith("-MSS1") for scene in GIDDataset.PAPER_SCENES) == 7
    assert sum(scene.startswith("GF2_PMS2__L1A") and scene.endswith("-MSS2") for scene in GIDDataset.PAPER_SCENES) == 8


@pytest.mark.parametrize("dataset", [GIDDataset, GID15Dataset])
def test_every_colour_of_the_publisher_is_its_class(dataset):
    palette = np.array([dataset.METAINFO["palette"]], dtype=np.uint8)
    code = dataset("nowhere", lazy_init=True).label_code
    np.testing.assert_array_equal(code.decode(palette, "x"), [range(len(dataset.METAINFO["classes"]))])
    assert len(set(dataset.METAINFO["classes"])) == len(set(dataset.METAINFO["palette"])) == palette.shape[1]


def test_others_is_a_class_of_gid_and_unknown_is_ignored_in_gid15():
    black = np.zeros((1, 1, 3), dtype=np.uint8)
    assert GIDDataset("nowhere", lazy_init=True).label_code.decode(black, "x") == 0
    assert GID15Dataset("nowhere", lazy_init=True).label_code.decode(black, "x") == 255
    assert len(GIDDataset.METAINFO["classes"]) == 6
    assert len(GID15Dataset.METAINFO["classes"]) == 15


def test_forest_and_water_are_not_one_colour():
    code = GIDDataset("nowhere", lazy_init=True).label_code
    decoded = code.decode(np.array([[[0, 255, 255], [0, 0, 255]]], dtype=np.uint8), "x")
    assert [GIDDataset.METAINFO["classes"][index] for index in decoded[0]] == ["forest", "water"]


def test_gid15_leaves_out_windows_with_more_than_80_percent_unknown(tmp_path):
    for folder in ("image_RGB", "label_15classes"):
        (tmp_path / folder).mkdir()
    write_raster(tmp_path / "image_RGB/s.tif", np.zeros((10, 20, 3), dtype=np.uint8))
    labels = np.full((10, 20, 3), (0, 200, 250), dtype=np.uint8)
    labels[:8, :10] = labels[:8, 10:] = labels[9, 19] = 0
    write_raster(tmp_path / "label_15classes/s_15label.tif", labels)
    dataset = GID15Dataset(tmp_path, window_size=10)
    assert [dataset[i]["window"] for i in range(len(dataset))] == [(0, 0, 10, 10)]
    assert len(GID15Dataset(tmp_path, window_size=10, max_ignored=1)) == 2


def test_the_older_name_of_a_label_is_accepted(tmp_path, gid_maker):
    gid_maker({"s": (16, 16)})
    folder = tmp_path / "label_5classes"
    (folder / "s_label.tif").rename(folder / "s_5label.tif")
    assert GIDDataset(tmp_path, window_size=8)[0]["seg_map_path"].endswith("s_5label.tif")


def test_the_four_band_images_are_read_by_name(tmp_path, gid_maker):
    gid_maker({"s": (16, 16)})
    (tmp_path / "image_16bit_NirRGB").mkdir()
    bands = np.arange(4, dtype=np.uint16) * 1000 + np.zeros((16, 16, 1), dtype=np.uint16)
    write_raster(tmp_path / "image_16bit_NirRGB/s.tif", bands)
    dataset = GIDDataset(tmp_path, image_dir="image_16bit_NirRGB", bands=["red", "nir"], window_size=8)
    sample = dataset[0]
    pixel = Scene(sample["img_path"], bands=sample["band_indices"]).read()[0, 0]
    assert pixel.tolist() == [1000, 0]
    assert dataset.band_names == ("red", "nir")


@pytest.mark.parametrize(("dataset", "name"), [(GIDDataset, "gid"), (GID15Dataset, "gid15")])
def test_both_are_registered_and_know_their_miniature(dataset, name):
    assert DATASETS.get(dataset.__name__) is dataset
    with pytest.raises(DatasetError, match=rf"make_sample_data\.py {name}`"):
        dataset("nowhere")
