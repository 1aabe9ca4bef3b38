from __future__ import annotations

import pickle

import numpy as np
import pytest
from mmengine.config import Config
from tiny_folders import NORTH, WEST, placed, rectangle, write_random_image, write_random_labels, write_shapes
from torch.utils.data import DataLoader

from rs_da_mm.datasets import RasterFolderDataset, compute_statistics
from rs_da_mm.datasets.check_report import check_datasets
from rs_da_mm.datasets.checks import check_files
from rs_da_mm.errors import DatasetError, InputError
from rs_da_mm.raster import write_raster
from rs_da_mm.registry import DATASETS

CLASSES = {"classes": ("a", "b", "c")}
LOAD = [{"type": "LoadRaster"}, {"type": "LoadRasterLabel"}]


def make(root, **options):
    given = {"images": "images/{scene}.tif", "labels": "labels/{scene}.tif", "metainfo": CLASSES, "window_size": 20}
    return RasterFolderDataset(root, **{**given, **options})


@pytest.fixture
def pairs(tmp_path):
    """Two scenes of images and labels; gives what they hold."""
    written = {}
    for seed, scene in enumerate(("s1", "s2")):
        image = write_random_image(tmp_path / f"images/{scene}.tif", seed=seed)
        written[scene] = image, write_random_labels(tmp_path / f"labels/{scene}.tif", seed=seed)
    return written


def cut(array, sample):
    row, col, height, width = sample["window"]
    return array[row : row + height, col : col + width]


def test_windows_hold_the_pixels_and_classes_of_the_files(tmp_path, pairs):
    dataset = make(tmp_path, pipeline=LOAD)
    assert len(dataset) == 2 * 2 * 3
    for sample in dataset:
        image, labels = pairs[sample["scene"]]
        np.testing.assert_array_equal(sample["img"], cut(image, sample))
        np.testing.assert_array_equal(sample["gt_seg_map"], cut(labels, sample))
        assert sample["valid_mask"].all()
    assert len(dataset.metainfo["palette"]) == 3


def build_packed(root):
    """By its name, as a config does."""
    files = {"data_root": str(root), "images": "images/{scene}.tif", "labels": "labels/{scene}.tif"}
    pipeline = [*LOAD, {"type": "PackRSInputs"}]
    return DATASETS.build({"type": "RasterFolderDataset", **files, "metainfo": CLASSES, "window_size": 20, "pipeline": pipeline})


def test_it_is_built_by_name_and_can_be_sent_to_another_process(tmp_path, pairs):
    sent = pickle.loads(pickle.dumps(build_packed(tmp_path)))
    sample = sent[7]
    meta = sample["data_samples"].metainfo
    assert meta["scene"] == "s2"
    np.testing.assert_array_equal(sample["data_samples"].gt_sem_seg.data[0], cut(pairs["s2"][1], meta))


@pytest.mark.slow
def test_workers_read_it(tmp_path, pairs):
    dataset = build_packed(tmp_path)
    loader = DataLoader(dataset, num_workers=2, batch_size=None, multiprocessing_context="spawn")
    for sample in loader:
        meta = sample["data_samples"].metainfo
        image, labels = pairs[meta["scene"]]
        np.testing.assert_array_equal(sample["inputs"].permute(1, 2, 0), cut(image, meta))
        np.testing.assert_array_equal(sample["data_samples"].gt_sem_seg.data[0], cut(labels, meta))


def test_labels_of_one_mosaic_in_a_coarser_grid(tmp_path):
    for place, scene in enumerate(("s1", "s2", "far")):
        write_random_image(
            tmp_path / f"images/{scene}.tif", (20, 20), georeference=placed(10.0, 200 * place + 9000 * (scene == "far"))
        )
    mosaic = write_random_labels(tmp_path / "mosaic.tif", (10, 20), georeference=placed(20.0))
    dataset = make(tmp_path, labels="mosaic.tif", pipeline=LOAD)
    assert [sample["scene"] for sample in dataset] == ["s1", "s2"]
    for sample, part in zip(dataset, (mosaic[:, :10], mosaic[:, 10:]), strict=True):
        np.testing.assert_array_equal(sample["gt_seg_map"], part.repeat(2, 0).repeat(2, 1))


def test_labels_that_are_shapes(tmp_path):
    write_random_image(tmp_path / "images/s.tif", (40, 60))
    write_random_image(tmp_path / "images/t.tif", (40, 60), georeference=placed(10.0, 50_000))
    shapes = [
        (rectangle(2, 3, 4, 5), {"kind": "a"}),
        (rectangle(10, 30, 5, 5), {"kind": "b"}),
        (rectangle(1, 22, 1, 1), {"kind": "c"}),
    ]
    write_shapes(tmp_path / "labels.gpkg", shapes)
    dataset = make(tmp_path, labels={"path": "labels.gpkg", "field": "kind"}, pipeline=LOAD)
    assert [(sample["scene"], sample["window"]) for sample in dataset] == [("s", (0, 0, 20, 20)), ("s", (0, 20, 20, 20))]
    expected = np.full((20, 20), 255, np.uint8)
    expected[2:6, 3:8] = 0
    np.testing.assert_array_equal(dataset[0]["gt_seg_map"], expected)
    assert dataset.class_counts().tolist() == [[20, 0, 0, 380], [0, 25, 1, 374]]
    statistics = compute_statistics(dataset)
    assert [one.pixels for one in statistics.classes] == [20, 25, 1]
    filled = make(
        tmp_path, labels={"path": "labels.gpkg", "shape_class": "b", "background": "a"}, metainfo={"classes": ("a", "b")}
    )
    assert filled.class_counts().sum(axis=0).tolist() == [2400 - 46, 46, 0]


def test_codes_merge_and_ignore(tmp_path, pairs):
    codes = {0: "x", 1: "x", 2: "ignore"}
    dataset = make(tmp_path, label_codes=codes, metainfo={"classes": ["x"]}, pipeline=LOAD)
    labels = pairs["s1"][1]
    np.testing.assert_array_equal(dataset[0]["gt_seg_map"], np.where(labels[:20, :20] < 2, 0, 255))
    with pytest.raises(DatasetError, match=r"unknown label value 2 on .* label_codes, or other_labels='ignore'"):
        make(tmp_path, label_codes={0: "x", 1: "x"}, metainfo={"classes": ["x"]})
    some = make(tmp_path, label_codes={0: "x"}, other_labels="ignore", metainfo={"classes": ["x"]})
    assert some.class_counts().sum(axis=0).tolist() == [
        sum((pair[1] == 0).sum() for pair in pairs.values()),
        4800 - sum((p[1] == 0).sum() for p in pairs.values()),
    ]


def test_several_files_per_scene_with_scale_masks_and_heights(tmp_path):
    fine = write_random_image(tmp_path / "p/B02.tif", (40, 60), 1, np.uint16, nodata=0)
    coarse = write_random_image(tmp_path / "p/B11.tif", (20, 30), 1, np.uint16, 1, placed(20.0))
    heights = np.full((40, 60), 7.0, np.float32)
    write_raster(tmp_path / "p/dsm.tif", heights, georeference=placed())
    clear = np.full((20, 30), 4, np.uint8)
    clear[2, 3] = 9
    write_raster(tmp_path / "p/SCL.tif", clear, georeference=placed(20.0))
    write_random_labels(tmp_path / "labels/p.tif")
    dataset = make(
        tmp_path,
        images=["{scene}/B02.tif", "{scene}/B11.tif"],
        masks=[{"path": "{scene}/SCL.tif", "kind": "scl"}],
        heights="{scene}/dsm.tif",
        resample="nearest",
        band_names=["blue", "swir"],
        scale="sentinel2_since_2022",
        pipeline=[*LOAD, {"type": "LoadHeight", "unit": "foot"}],
    )
    sample = dataset[0]
    stored = np.dstack([fine, coarse.repeat(2, 0).repeat(2, 1)])[:20, :20]
    np.testing.assert_allclose(sample["img"], (stored - 1000.0) / 10_000, rtol=1e-5)
    assert sample["img"].dtype == np.float32
    assert sample["bands"] == ("blue", "swir")
    expected = np.ones((20, 20), np.uint8)
    expected[4:6, 6:8] = 0
    np.testing.assert_array_equal(sample["valid_mask"], expected)
    np.testing.assert_allclose(sample["height"], 7 * 0.3048, rtol=1e-6)
    statistics = compute_statistics(dataset)
    valid = clear.repeat(2, 0).repeat(2, 1) == 4
    assert statistics.bands[0].mean == pytest.approx(((fine[..., 0] - 1000.0) / 10_000)[valid].mean(), rel=1e-5)
    assert statistics.bands[0].pixels == valid.sum()
    assert dataset.provenance.parameters["scale"] == "sentinel2_since_2022"


def test_an_area_of_interest_leaves_the_rest_unlabelled_and_without_windows(tmp_path, pairs):
    dataset = make(tmp_path, area_of_interest=(WEST, NORTH - 150, WEST + 250, NORTH), pipeline=LOAD)
    assert sorted({sample["window"] for sample in dataset}) == [(0, 0, 20, 20), (0, 20, 20, 20)]
    labels = pairs["s1"][1]
    assert (dataset[1]["gt_seg_map"][:15, :5] == labels[:15, 20:25]).all()
    assert (dataset[1]["gt_seg_map"][15:] == 255).all()
    assert (dataset[1]["gt_seg_map"][:, 5:] == 255).all()


def test_windows_without_a_label_are_left_out_and_can_be_kept(tmp_path, pairs):
    labels = np.full((40, 60), 255, np.uint8)
    labels[0, :3] = (0, 1, 2)
    write_raster(tmp_path / "labels/s1.tif", labels, georeference=placed())
    assert len(make(tmp_path, scenes=["s1"])) == 1
    assert len(make(tmp_path, scenes=["s1"], max_ignored=1)) == 6


def test_groups_reach_the_samples_and_the_split(tmp_path):
    for city in ("bern", "chur", "zug"):
        write_random_image(tmp_path / f"{city}/2020/image.tif", (20, 20), georeference=placed(10.0, 1000 * len(city)))
        write_random_labels(tmp_path / f"{city}/labels.tif", (20, 20), georeference=placed(10.0, 1000 * len(city)))
    options = {"images": "{city}/{year}/image.tif", "labels": "{city}/labels.tif"}
    dataset = make(tmp_path, **options)
    assert [(sample["scene"], sample["groups"]) for sample in dataset][1] == ("chur/2020", {"city": "chur", "year": "2020"})
    split = {"type": "group", "by": "city", "ratios": (1, 1, 1), "seed": 0}
    parts = [make(tmp_path, **options, split=split, part=part)[0]["groups"]["city"] for part in ("train", "val", "test")]
    assert sorted(parts) == ["bern", "chur", "zug"]


def test_listed_scenes(tmp_path, pairs):
    (tmp_path / "scenes.csv").write_text("scene,image,label,city\none,images/s1.tif,labels/s1.tif,bern\n")
    dataset = make(tmp_path, images=None, labels=None, list_file="scenes.csv")
    assert (len(dataset), dataset[0]["scene"], dataset[0]["groups"]) == (6, "one", {"city": "bern"})
    told = make(tmp_path, images=None, labels=None, scenes=[{"scene": "two", "image": "images/s2.tif", "label": "labels/s2.tif"}])
    assert told[0]["img_path"] == str(tmp_path / "images/s2.tif")


def test_bands_that_differ_in_number_or_order_are_named(tmp_path, pairs):
    write_random_image(tmp_path / "images/s2.tif", bands=4)
    with pytest.raises(DatasetError, match=r"s2\.tif has 4 bands of uint8, and .*s1\.tif 3"):
        make(tmp_path)
    write_random_image(tmp_path / "images/s1.tif", descriptions=["red", "green", "blue"])
    write_random_image(tmp_path / "images/s2.tif", descriptions=["Red", "blue", "green"])
    with pytest.raises(DatasetError, match=r"s2\.tif has 'blue' as band 2, which is 'green' in .*s1\.tif.*band_names="):
        make(tmp_path)
    assert make(tmp_path, band_names=["x", "y", "z"], bands=["z"])[0]["band_indices"] == (3,)
    with pytest.raises(DatasetError, match=r"band_names has 2 names \(x, y\), and .* 3 bands"):
        make(tmp_path, band_names=["x", "y"])


def test_a_choice_of_bands_without_the_finest_file_is_refused(tmp_path):
    write_random_image(tmp_path / "p/B02.tif", (40, 60), 1)
    write_random_image(tmp_path / "p/B11.tif", (20, 30), 1, georeference=placed(20.0))
    write_random_labels(tmp_path / "labels/p.tif")
    options = {"images": ["{scene}/B02.tif", "{scene}/B11.tif"], "resample": "bilinear"}
    assert len(make(tmp_path, **options, bands=[2, 1])) == 6
    with pytest.raises(DatasetError, match=r"have 20 x 30 pixels, and all files together 40 x 60: name only the files"):
        make(tmp_path, **options, bands=[2])


def test_a_class_without_a_pixel_in_training_is_named(tmp_path, pairs):
    classes = {"classes": ("a", "b", "c", "d")}
    with pytest.raises(DatasetError, match=r"No pixel of 'd' is in the training part .*c \d+, d 0\).*cannot be learned"):
        make(tmp_path, metainfo=classes)
    assert len(make(tmp_path, metainfo=classes, test_mode=True)) == 12
    assert len(make(tmp_path, metainfo=classes, part="all")) == 12


def test_labels_outside_every_image_are_told_with_both_places(tmp_path, pairs):
    write_random_labels(tmp_path / "far.tif", georeference=placed(10.0, 80_000))
    with pytest.raises(
        DatasetError, match=r"outside every image \(2 in all\): .*far\.tif lies outside .*s1\.tif: .*longitude 10\."
    ):
        make(tmp_path, labels="far.tif")


def test_a_missing_coordinate_system_is_told(tmp_path, pairs):
    write_random_labels(tmp_path / "nameless.tif", georeference=placed(20.0, crs=None))
    with pytest.raises(InputError, match=r"nameless\.tif names no coordinate system \(CRS\).*rio edit-info"):
        make(tmp_path, labels="nameless.tif")


def test_photographs_need_labels_of_their_size(tmp_path):
    for name, shape in (
        ("images/a.png", (20, 20)),
        ("labels/a.png", (20, 20)),
        ("images/b.png", (20, 20)),
        ("labels/b.png", (20, 19)),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_raster(tmp_path / name, np.random.default_rng(0).integers(0, 3, shape).astype(np.uint8))
    options = {"images": "images/{scene}.png", "labels": "labels/{scene}.png"}
    assert len(make(tmp_path, **options, scenes=["a"])) == 1
    with pytest.raises(DatasetError, match=r"b\.png does not lie on .*b\.png: size 20 x 20 against 20 x 19"):
        make(tmp_path, **options)


def test_a_config_file_says_all_of_it(tmp_path, pairs):
    text = f"""
dataset = dict(
    type='RasterFolderDataset', data_root={str(tmp_path)!r}, images='images/{{scene}}.tif', window_size=20,
    labels=dict(path='labels/{{scene}}.tif', band=1),
    label_codes={{0: 'x', 1: 'x', 2: 'ignore', (1, 2, 3): 'x'}}, other_labels='error',
    masks=[dict(path='labels/{{scene}}.tif', kind='values', invalid=[2])],
    area_of_interest=(0, 0, 1e6, 1e7), groups=dict(n=r'\\d'),
    metainfo=dict(classes=('x',)), scale=[1, 2, 3], pipeline=[dict(type='LoadRaster'), dict(type='LoadRasterLabel')])
"""
    (tmp_path / "config.py").write_text(text)
    config = Config.fromfile(tmp_path / "config.py")
    (tmp_path / "dumped.py").write_text(config.pretty_text)
    for one in (config, Config.fromfile(tmp_path / "dumped.py")):
        sample = DATASETS.build(one.dataset)[0]
        image, labels = pairs["s1"]
        np.testing.assert_array_equal(sample["img"], image[:20, :20] * np.float32([1, 2, 3]))
        np.testing.assert_array_equal(sample["gt_seg_map"], np.where(labels[:20, :20] < 2, 0, 255))
        np.testing.assert_array_equal(sample["valid_mask"], labels[:20, :20] != 2)
        assert sample["groups"] == {"n": "1"}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"image_dir": "x"}, "has no image_dir; give images="),
        ({"label_values": {1: 0}}, "has no label_values; give label_codes="),
        ({"mask_dir": "x"}, r"has no mask_dir; give masks=\["),
    ],
)
def test_arguments_of_data_sets_in_folders_are_refused(tmp_path, pairs, option, said):
    with pytest.raises(DatasetError, match=said):
        make(tmp_path, **option)


def test_classes_must_be_named(tmp_path, pairs):
    with pytest.raises(DatasetError, match=r"The data set has no classes; .*metainfo=dict\(classes="):
        make(tmp_path, metainfo=None)


def test_the_check_finds_what_is_wrong_with_labels(tmp_path):
    write_random_image(tmp_path / "images/s.tif")
    bowtie = [[WEST, NORTH], [WEST + 90, NORTH - 90], [WEST + 90, NORTH], [WEST, NORTH - 90], [WEST, NORTH]]
    write_shapes(tmp_path / "l.gpkg", [(bowtie, {"kind": "a"}), (rectangle(20, 3, 4, 5), {"kind": "sea"})])
    with pytest.warns(UserWarning, match="mended"):
        problems = check_files(make(tmp_path, labels={"path": "l.gpkg", "field": "kind"}, lazy_init=True))
    assert [problem.kind for problem in problems] == ["broken geometry", "mislabelled"]
    assert "1 self-crossing" in problems[0].text
    assert "'sea'" in problems[1].text


def test_the_check_reads_warped_labels_and_describes_the_windows(tmp_path, pairs):
    labels = np.random.default_rng(0).integers(0, 3, (20, 30)).astype(np.uint8)
    write_raster(tmp_path / "mosaic.tif", labels, georeference=placed(20.0))
    report = check_datasets({"train": make(tmp_path, labels="mosaic.tif", lazy_init=True)})
    assert report.problems == ()
    assert [one.pixels for one in report.parts[0].statistics.classes] == (np.bincount(labels.ravel()) * 8).tolist()
    labels[3, 4] = 77
    write_raster(tmp_path / "mosaic.tif", labels, georeference=placed(20.0))
    problems = check_files(make(tmp_path, labels="mosaic.tif", lazy_init=True))
    assert {(problem.kind, problem.scene) for problem in problems} == {("mislabelled", "s1"), ("mislabelled", "s2")}
    assert "value 77 on 4 pixels, the first at row 6, column 8" in problems[0].text


def test_a_split_is_kept_and_refused_when_the_shapes_change(tmp_path, pairs):
    shapes = [(rectangle(row, col, 5, 5), {"kind": kind}) for row in (0, 20) for col, kind in ((0, "a"), (20, "b"), (40, "c"))]
    write_shapes(tmp_path / "l.gpkg", shapes)
    options = {
        "labels": {"path": "l.gpkg", "field": "kind"},
        "split": {"type": "random", "ratios": (1, 1), "seed": 0},
        "part": "val",
    }
    first = [sample["window"] for sample in make(tmp_path, **options)]
    assert [sample["window"] for sample in make(tmp_path, **options)] == first
    (tmp_path / "l.gpkg").unlink()
    write_shapes(tmp_path / "l.gpkg", shapes[::-1])
    with pytest.raises(DatasetError, match="changed files of 's1'"):
        make(tmp_path, **options)
