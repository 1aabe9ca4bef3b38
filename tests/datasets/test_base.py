from __future__ import annotations

import itertools
import logging
import multiprocessing
import pickle
from typing import ClassVar

import numpy as np
import pytest
from mmengine.logging import MMLogger
from torch.utils.data import DataLoader

from rs_da_mm.datasets import GIDDataset, SceneWindowDataset
from rs_da_mm.errors import DatasetError, RasterError
from rs_da_mm.raster import Scene, Window, write_raster
from rs_da_mm.registry import DATASETS

SHAPES = {"a": (40, 50), "b": (33, 64)}
SPLIT = {"type": "random", "ratios": (0.6, 0.2, 0.2), "seed": 0}


def make(root, **options):
    return GIDDataset(root, **{"window_size": 8, **options})


def read_pixels(sample):
    """A pipeline of one step that needs nothing but the raster room."""
    window = Window(*sample["window"])
    raw = Scene(sample["seg_map_path"]).read(window)
    labels = sample["label_code"].decode(raw, sample["seg_map_path"])
    return {"image": Scene(sample["img_path"]).read(window), "labels": labels, "scene": sample["scene"], "window": window}


def test_a_sample_says_where_its_pixels_are(tmp_path, gid_maker):
    gid_maker(SHAPES)
    dataset = make(tmp_path)
    assert len(dataset) == 5 * 6 + 4 * 8
    sample = dataset[31]
    assert sample.pop("label_code") == dataset.label_code
    assert sample == {
        "img_path": str(tmp_path / "image_RGB" / "b.tif"),
        "seg_map_path": str(tmp_path / "label_5classes" / "b_label.tif"),
        "mask_path": None,
        "scene": "b",
        "window": (0, 8, 8, 8),
        "band_indices": None,
        "seg_fields": [],
        "bands": ("red", "green", "blue"),
        "label_map": None,
        "reduce_zero_label": False,
        "sample_idx": 31,
    }


@pytest.mark.parametrize("serialize_data", [True, False])
def test_windows_hold_the_pixels_and_classes_of_the_scene(tmp_path, gid_maker, serialize_data):
    written = gid_maker(SHAPES)
    dataset = make(tmp_path, pipeline=[read_pixels], serialize_data=serialize_data)
    for sample in (dataset[0], dataset[-1], dataset[40]):
        image, labels = written[sample["scene"]]
        row, col, height, width = sample["window"]
        np.testing.assert_array_equal(sample["image"], image[row : row + height, col : col + width])
        np.testing.assert_array_equal(sample["labels"], labels[row : row + height, col : col + width])


def test_parts_are_disjoint_and_together_the_whole(tmp_path, gid_maker):
    gid_maker(SHAPES)
    parts = [make(tmp_path, split=SPLIT, part=part) for part in ("train", "val", "test")]
    places = [{(sample["scene"], sample["window"]) for sample in map(part.get_data_info, range(len(part)))} for part in parts]
    assert [len(part) for part in parts] == [37, 13, 12]
    assert len(set().union(*places)) == 62
    whole = make(tmp_path, split=SPLIT, part="all")
    assert len(whole) == 62
    assert len(list((tmp_path / "splits").glob("random*.json"))) == 1


def test_the_same_split_in_any_order_of_making_and_another_with_another_seed(tmp_path, gid_maker):
    gid_maker(SHAPES)
    here = make(tmp_path, split=SPLIT, part="val")
    first = [here[i]["window"] for i in range(13)]
    elsewhere = make(tmp_path, split=SPLIT, part="val", cache_dir=tmp_path / "elsewhere")
    assert [elsewhere[i]["window"] for i in range(13)] == first
    other = make(tmp_path, split={**SPLIT, "seed": 1}, part="val")
    assert [other[i]["window"] for i in range(len(other))] != first


def test_a_split_is_refused_when_a_file_changed(tmp_path, gid_maker):
    gid_maker(SHAPES)
    make(tmp_path, split=SPLIT)
    gid_maker({"b": (33, 64)}, seed=7)
    with pytest.raises(DatasetError, match=r"random_0\.6-0\.2-0\.2_seed0_\w+\.json: .*changed files of 'b'.*Delete the file"):
        make(tmp_path, split=SPLIT)


def test_a_published_split_file_can_be_used_as_it_is(tmp_path, gid_maker):
    gid_maker(SHAPES)
    drawn = make(tmp_path, split=SPLIT, part="val", split_file=tmp_path / "mine.json")
    taken = make(tmp_path, part="val", split_file=str(tmp_path / "mine.json"))
    assert [taken[i]["window"] for i in range(13)] == [drawn[i]["window"] for i in range(13)]
    with pytest.raises(DatasetError, match="There is no split file"):
        make(tmp_path, split_file=tmp_path / "other.json")


def test_a_blocked_split_leaves_out_what_lies_between(tmp_path, gid_maker):
    gid_maker({"a": (96, 96), "b": (96, 96)})
    split = {"type": "blocked", "block": 4}
    sizes = [len(make(tmp_path, split=split, part=part)) for part in ("train", "val", "test", "all")]
    assert sum(sizes[:3]) == sizes[3] < 288


def test_windows_of_mostly_unknown_pixels_are_left_out_before_the_split(tmp_path, gid_maker):
    gid_maker({"a": (10, 30)})
    labels = np.full((10, 30, 3), (0, 255, 0), dtype=np.uint8)
    labels[:8, :10] = 0  # exactly 80 %
    labels[:8, 10:20] = labels[8, 10] = 0  # one pixel more
    write_raster(tmp_path / "label_5classes/a_label.tif", labels)
    unknown = {(0, 0, 0): 255, (0, 255, 0): 2}
    dataset = make(tmp_path, window_size=10, max_ignored=0.8, label_colours=unknown)
    assert [dataset[i]["window"][1] for i in range(len(dataset))] == [0, 20]
    assert len(make(tmp_path, window_size=10, label_colours=unknown)) == 3
    halves = {"ratios": (1, 1), "seed": 0}
    assert len(make(tmp_path, window_size=10, max_ignored=0.8, label_colours=unknown, split=halves, part="val")) == 1
    with pytest.raises(DatasetError, match="Each of the 3 windows"):
        make(tmp_path, window_size=10, max_ignored=0.1, label_colours={(0, 0, 0): 255, (0, 255, 0): 255})


def test_class_counts_follow_the_samples_of_the_part(tmp_path, gid_maker):
    written = gid_maker(SHAPES)
    dataset = make(tmp_path, split=SPLIT, part="val")
    for sample, counts in zip(map(dataset.get_data_info, range(13)), dataset.class_counts(), strict=True):
        row, col, *_ = sample["window"]
        labels = written[sample["scene"]][1][row : row + 8, col : col + 8]
        assert counts.tolist() == [*np.bincount(labels.ravel(), minlength=6), 0]


def test_bands_by_number_and_name(tmp_path, gid_maker):
    gid_maker(SHAPES)
    dataset = make(tmp_path, bands=["blue", 1])
    assert dataset[0]["band_indices"] == (3, 1)
    assert dataset.band_names == ("blue", "red")
    assert make(tmp_path).band_names == ("red", "green", "blue")
    with pytest.raises(DatasetError, match="no band 'nir'; the bands are 1 \\(red\\)"):
        make(tmp_path, bands=["nir"])


def test_folders_of_images_are_stacked(tmp_path, gid_maker):
    gid_maker({"a": (16, 16)})
    (tmp_path / "nir").mkdir()
    write_raster(tmp_path / "nir" / "a.tif", np.zeros((16, 16, 1), dtype=np.uint8))
    dataset = make(tmp_path, image_dir=["image_RGB", "nir"], mask_dir="nir")
    assert dataset[0]["img_path"] == [str(tmp_path / "image_RGB/a.tif"), str(tmp_path / "nir/a.tif")]
    assert dataset[0]["mask_path"] == str(tmp_path / "nir/a.tif")
    assert dataset.band_names == ("band 1", "band 2", "band 3", "band 4")


def test_some_classes_in_an_order_of_ones_own(tmp_path, gid_maker):
    _, labels = gid_maker({"a": (8, 8)})["a"]
    dataset = make(tmp_path, metainfo={"classes": ["water", "forest"]}, pipeline=[read_pixels])
    assert dataset.metainfo["classes"] == ("water", "forest")
    assert dataset.metainfo["palette"] == [(0, 0, 255), (0, 255, 255)]
    np.testing.assert_array_equal(dataset[0]["labels"], np.where(labels == 5, 0, np.where(labels == 3, 1, 255)))


def test_labels_of_other_making_can_be_described(tmp_path, gid_maker):
    gid_maker({"a": (8, 8)})
    write_raster(tmp_path / "label_5classes/a_label.tif", np.full((8, 8), 5, dtype=np.uint8))
    with pytest.raises(DatasetError, match=r"a_label\.tif: the label has one band and no palette"):
        make(tmp_path, pipeline=[read_pixels])[0]
    assert make(tmp_path, label_values={5: 0}, pipeline=[read_pixels])[0]["labels"].max() == 0
    # mmengine's configs hold pairs more easily than a dict with tuples for keys.
    pairs = [([0, 0, 0], 0), ([255, 0, 0], 1)]
    assert make(tmp_path, label_colours=pairs, lazy_init=True).label_code.colours == {(0, 0, 0): 0, (255, 0, 0): 1}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"part": "valid"}, "part is 'valid'; it can be 'train', 'val', 'test', 'all'"),
        ({"part": "val"}, "part='val' needs a split"),
        ({"max_ignored": 80}, "max_ignored is 80"),
        ({"scenes": "papers"}, r"scenes is 'papers'; give names of scenes, or the name of a list \('paper'\)"),
        ({"scenes": ["a", "z"]}, "no image of 'z'"),
        ({"scenes": ["a", "a"]}, "'a' is named twice"),
        ({"scenes": []}, "scenes is empty"),
        ({"window_size": 100}, r"No scene of .* has a window of \(100, 100\)"),
        ({"label_values": {1: 900}}, "gives 1 the class 900"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, gid_maker, options, said):
    gid_maker(SHAPES)
    with pytest.raises(DatasetError, match=said):
        make(tmp_path, **options)


def test_a_missing_data_set_is_told_with_the_command_for_its_miniature(tmp_path):
    with pytest.raises(DatasetError) as error:
        GIDDataset(tmp_path / "nowhere")
    for said in ("nowhere", "data/README.md", "`python tools/make_sample_data.py gid`", GIDDataset.DEFAULT_ROOT):
        assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_miniature_says_that_it_is_one_and_has_the_scenes_that_it_has(tmp_path, gid_maker, caplog):
    gid_maker({GIDDataset.PAPER_SCENES[3]: (16, 16), "another": (16, 16)})
    with pytest.raises(DatasetError, match="and 9 more scenes"):
        make(tmp_path, scenes="paper")
    (tmp_path / "SAMPLE_DATA.txt").write_text("synthetic")
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        dataset = make(tmp_path, scenes="paper")
    finally:
        logger.removeHandler(caplog.handler)
    assert {dataset[i]["scene"] for i in range(len(dataset))} == {GIDDataset.PAPER_SCENES[3]}
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING and "SYNTHETIC" in record.message]
    assert len(warnings) == 1


def test_scenes_that_differ_in_bands_are_refused(tmp_path, gid_maker):
    gid_maker(SHAPES)
    write_raster(tmp_path / "image_RGB/b.tif", np.zeros((33, 64, 4), dtype=np.uint8))
    with pytest.raises(DatasetError, match=r"b\.tif has 4 bands of uint8, and .*a\.tif 3"):
        make(tmp_path)


def test_a_truncated_image_names_file_and_window(tmp_path, gid_maker):
    gid_maker({"a": (600, 600)})
    path = tmp_path / "image_RGB/a.tif"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(RasterError, match=r"a\.tif"):
        make(tmp_path, window_size=600, pipeline=[read_pixels])[0]


def test_lazy_init_reads_nothing(tmp_path):
    dataset = GIDDataset(tmp_path / "nowhere", lazy_init=True)
    assert dataset.metainfo["classes"][0] == "others"


def test_indices_and_subsets_are_mmengines(tmp_path, gid_maker):
    gid_maker(SHAPES)
    assert len(make(tmp_path, indices=5)) == 5
    subset = make(tmp_path).get_subset([3, 1])
    assert [subset[i]["window"][1] for i in range(2)] == [24, 8]
    assert subset[0]["label_code"] == make(tmp_path).label_code


def test_pickled_it_is_the_same(tmp_path, gid_maker):
    gid_maker(SHAPES)
    dataset = make(tmp_path, pipeline=[read_pixels])
    again = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(again[7]["image"], dataset[7]["image"])


@pytest.mark.parametrize("context", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_give_the_same_samples(tmp_path, gid_maker, context):
    if context not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this platform has no {context}")
    written = gid_maker({"a": (16, 40)})
    dataset = make(tmp_path, pipeline=[{"type": "LoadRaster"}, {"type": "LoadRasterLabel"}])
    here = list(DataLoader(dataset, batch_size=5, collate_fn=list))
    there = list(DataLoader(dataset, batch_size=5, collate_fn=list, num_workers=2, multiprocessing_context=context))
    assert len(here) == len(there) == 2
    image, labels = written["a"]
    for one, other in zip(itertools.chain(*here), itertools.chain(*there), strict=True):
        row, col, height, width = one["window"]
        np.testing.assert_array_equal(one["img"], image[row : row + height, col : col + width])
        np.testing.assert_array_equal(one["gt_seg_map"], labels[row : row + height, col : col + width])
        assert one["window"] == other["window"]
        for key in ("img", "gt_seg_map", "valid_mask"):
            np.testing.assert_array_equal(one[key], other[key])


class Huts(SceneWindowDataset):
    """All that a data set of index labels needs."""

    METAINFO: ClassVar[dict] = {"classes": ("ground", "hut"), "palette": [(0, 0, 0), (255, 0, 0)]}
    LABEL_VALUES: ClassVar[dict] = {0: 0, 1: 1}


def test_a_new_data_set_is_a_few_lines(tmp_path):
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    write_raster(tmp_path / "images/x.tif", np.zeros((9, 7, 5), dtype=np.uint16))
    write_raster(tmp_path / "labels/x.tif", np.ones((9, 7), dtype=np.uint8))
    (sample,) = [Huts(tmp_path, pipeline=[read_pixels])[0]]
    assert sample["image"].shape == (9, 7, 5)
    assert (sample["labels"] == 1).all()
    with pytest.raises(DatasetError, match=r"data/README\.md says where to get it and how to lay it out\.$"):
        Huts(tmp_path / "nowhere")


def test_the_base_itself_serves_for_data_of_ones_own(tmp_path):
    for scene in ("east", "west"):
        write_raster(tmp_path / "images" / f"{scene}.tif", np.zeros((8, 8, 2), np.uint16))
        write_raster(tmp_path / "labels" / f"{scene}.tif", np.full((8, 8), 7, np.uint8))
    config = {
        "type": "rs_da_mm.SceneWindowDataset",
        "data_root": str(tmp_path),
        "label_values": {7: 1},
        "metainfo": {"classes": ("soil", "hut"), "palette": [(1, 1, 1), (2, 2, 2)]},
        "pipeline": [{"type": "LoadRaster"}, {"type": "LoadRasterLabel"}],
    }
    dataset = DATASETS.build(config)
    assert dataset.metainfo["classes"] == ("soil", "hut")
    assert [sample["gt_seg_map"].max() for sample in dataset] == [1, 1]
