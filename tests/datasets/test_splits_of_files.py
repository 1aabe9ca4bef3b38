"""Splits, random windows and balanced draws through whole data sets: files on the disk, overlapping and of two UTM zones."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from mmengine.runner import set_random_seed
from rasterio.crs import CRS
from torch.utils.data import DataLoader

from rs_da_mm.datasets import RasterFolderDataset, SceneWindowDataset
from rs_da_mm.datasets.window_list import WindowList
from rs_da_mm.engine import ClassBalancedSampler
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Georeference, Scene, Window, write_raster

pyproj = pytest.importorskip("pyproj")
SIZE = 128
CLASSES = {"classes": ("soil", "hut", "lake"), "palette": [(1, 1, 1), (2, 2, 2), (3, 3, 3)]}


def write(root, name, epsg=32633, east=0.0, south=0.0):
    """A scene of 10 m pixels, so many metres from 12.2° east, 48° north; each pixel of the image tells its row and column."""
    x, y = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(12.2, 48.0)
    place = Georeference(CRS.from_epsg(epsg), Affine(10, 0, x + east, 0, -10, y - south))
    rows, cols = np.mgrid[:SIZE, :SIZE].astype(np.uint16)
    labels = np.zeros((SIZE, SIZE), np.uint8)
    labels[:, SIZE // 2 :] = 1
    labels[:8, :8] = 2
    write_raster(root / "images" / f"{name}.tif", np.stack([rows, cols], axis=2), georeference=place)
    write_raster(root / "labels" / f"{name}.tif", labels, georeference=place)


def make(root, kind=SceneWindowDataset, **options):
    options = {"label_values": {0: 0, 1: 1, 2: 2}, **options} if kind is SceneWindowDataset else options
    return kind(root, metainfo=CLASSES, window_size=16, **options)


def boxes(dataset):
    return {(sample["scene"], *sample["window"]) for sample in map(dataset.get_data_info, range(len(dataset)))}


GROUND = {"type": "ground", "block": 300, "gap": 200, "ratios": (2, 1)}


def test_overlapping_scenes_of_two_zones_are_split_by_ground(tmp_path):
    write(tmp_path, "west", 32632)
    write(tmp_path, "east", 32633, 640)
    parts = [make(tmp_path, split=GROUND, part=part) for part in ("train", "val")]
    (path,) = (tmp_path / "splits").glob("ground_*.json")
    notes = json.loads(path.read_text(encoding="utf-8"))["notes"]
    assert notes["distances"]["train-val"] >= 200
    assert not boxes(parts[0]) & boxes(parts[1])
    # Where the scenes overlap, a window of one lies over windows of the other: 640 m are four windows.
    shifted = {(row, col - 64) for scene, row, col, *_ in boxes(parts[0]) if scene == "west"}
    assert not shifted & {(row, col) for scene, row, col, *_ in boxes(parts[1]) if scene == "east"}


def test_a_data_set_without_coordinates_cannot_be_split_by_ground(tmp_path):
    for name in "abc":
        write_raster(tmp_path / "images" / f"{name}.tif", np.ones((64, 64, 2), np.uint8))
        write_raster(tmp_path / "labels" / f"{name}.tif", np.zeros((64, 64), np.uint8))
    with pytest.raises(DatasetError, match=r"3 of 3 .*'a', 'b', 'c'.*block='scene'"):
        make(tmp_path, split=GROUND)


def test_classes_count_in_a_stratified_split(tmp_path):
    for place, name in enumerate("abcd"):
        write(tmp_path, name, east=5000 * place)
    split = {"type": "blocked", "block": 2, "stratified": True, "ratios": (1, 1), "seed": 3}
    one, other = (make(tmp_path, split=split, part=part).class_counts().sum(axis=0) for part in ("train", "val"))
    assert one[2] > 0
    assert other[2] > 0
    np.testing.assert_allclose(one[:2] / one.sum(), other[:2] / other.sum(), atol=0.06)


def test_windows_that_were_left_out_as_unknown_do_not_shift_the_classes_of_others(tmp_path):
    for place, name in enumerate("abc"):
        write(tmp_path, name, east=5000 * place)
    # The first half of each scene is unknown, so that only windows of huts are left, and lakes and huts in one more.
    options = {"label_values": {0: 255, 1: 1, 2: 2}, "max_ignored": 0.9, "split_file": tmp_path / "split.json"}
    split = {"type": "blocked", "block": 2, "stratified": True, "ratios": (1, 1)}
    one, other = (make(tmp_path, split=split, part=part, **options).class_counts()[:, :-1] for part in ("train", "val"))
    shares = json.loads((tmp_path / "split.json").read_text(encoding="utf-8"))["notes"]["class_shares"]
    for name, counts in (("train", one), ("val", other)):
        np.testing.assert_allclose(shares[name], counts.sum(axis=0) / counts.sum(), atol=1e-9)
    assert shares["all"] == pytest.approx([0, 3 * 8192 / (3 * 8256), 3 * 64 / (3 * 8256)])


def test_scenes_go_by_the_groups_in_their_names(tmp_path):
    for place, name in enumerate(("rome_a", "rome_b", "oslo_a", "bern_a")):
        write(tmp_path, name, east=5000 * place)
    options = {"images": "images/{city}_{scene}.tif", "labels": "labels/{city}_{scene}.tif"}
    split = {"type": "group", "by": "city", "ratios": (2, 1, 1)}
    cities = []
    for part in ("train", "val", "test"):
        dataset = make(tmp_path, RasterFolderDataset, split=split, part=part, **options)
        cities.append({dataset.get_data_info(place)["groups"]["city"] for place in range(len(dataset))})
    assert sorted(map(len, cities)) == [1, 1, 1]
    assert set.union(*cities) == {"rome", "oslo", "bern"}
    with pytest.raises(DatasetError, match=r"goes by 'year'.*there are 'city', 'scene'|goes by 'year'.*there are 'city'"):
        make(tmp_path, RasterFolderDataset, split={**split, "by": "year"}, **options)


def test_random_windows_are_loaded_where_they_were_moved_to(tmp_path):
    write(tmp_path, "a")
    split = {"type": "blocked", "block": 2, "ratios": (1, 1)}
    pipeline = [{"type": "LoadRaster"}, {"type": "LoadRasterLabel"}]
    part, other = (make(tmp_path, split=split, part=name, random_windows=True, pipeline=pipeline) for name in ("train", "val"))
    owned = np.zeros((2, SIZE, SIZE), dtype=bool)
    for ground, dataset in zip(owned, (part, other), strict=True):
        for _, row, col, height, width in boxes(dataset):
            ground[row : row + height, col : col + width] = True
    set_random_seed(0)
    moved = 0
    for epoch in range(3):
        for place in range(len(part)):
            sample, grid = part[place], Window(*part.get_data_info(place)["window"])
            row, col = sample["img"][0, 0].tolist()
            assert sample["window"] == (row, col, 16, 16), epoch
            assert owned[0, row : row + 16, col : col + 16].all()
            assert not owned[1, row : row + 16, col : col + 16].any()
            expected = np.where(np.mgrid[row : row + 16, col : col + 16][1] >= SIZE // 2, 1, 0)
            np.testing.assert_array_equal(sample["gt_seg_map"][8:, 8:], expected[8:, 8:])
            moved += (row, col) != (grid.row, grid.col)
    assert moved > 1.5 * len(part)


def test_without_random_windows_nothing_moves_and_tests_have_none(tmp_path):
    write(tmp_path, "a")
    dataset = make(tmp_path, pipeline=[{"type": "LoadRaster"}])
    assert [dataset[place]["window"] for place in range(9)] == [dataset.get_data_info(place)["window"] for place in range(9)]
    with pytest.raises(DatasetError, match="random_windows=True would test on other windows"):
        make(tmp_path, random_windows=True, test_mode=True)


def test_counts_are_those_of_the_grid_whatever_moves(tmp_path):
    write(tmp_path, "a")
    still, moving = make(tmp_path), make(tmp_path, random_windows=True)
    np.testing.assert_array_equal(moving.class_counts(), still.class_counts())
    subset = moving.get_subset([5, 0, 63])
    np.testing.assert_array_equal(subset.class_counts(), still.class_counts()[[5, 0, 63]])


def test_samples_are_kept_in_a_few_arrays(tmp_path):
    write(tmp_path, "a")
    dataset = make(tmp_path, indices=10)
    assert isinstance(dataset.data_list, WindowList)
    assert isinstance(dataset.get_subset([3, 1]).data_list, WindowList)
    assert dataset.get_subset([3, 1])[0]["window"] == dataset[3]["window"]
    assert dataset.get_data_info(-1) == dataset.get_data_info(9)
    dataset.get_data_info(0)["seg_fields"].append("img")
    assert dataset.get_data_info(0)["seg_fields"] == []


def test_rare_classes_are_drawn_as_often_as_the_sampler_is_told(tmp_path):
    write(tmp_path, "a")
    dataset = make(tmp_path)
    alike = ClassBalancedSampler(dataset, exponent=1, samples_per_epoch=3000, seed=0)
    # Only the first of 64 windows has lakes, and these are a quarter of it; soil has 31.75 windows, huts 32.
    expected = 1 / 3 + 1 / 3 * 192 / (SIZE * SIZE / 2 - 64)
    assert alike.probabilities[0] == pytest.approx(expected)
    drawn = [len(batch) for batch in DataLoader(range(64), 100, sampler=alike)]
    assert sum(drawn) == 3000
    assert abs(list(alike).count(0) / 3000 - expected) < 5 * (expected * (1 - expected) / 3000) ** 0.5


@pytest.mark.parametrize("stored", ["bytes", "nodata", "nodata of a class", "palette", "shorts", "mask", "moved"])
def test_counts_are_those_of_the_labels_however_they_are_stored(tmp_path, stored):
    write(tmp_path, "a")
    drawn = np.random.default_rng(0).choice([0, 1, 2, 9], (SIZE, SIZE)).astype(np.uint8)
    place = Scene(tmp_path / "images" / "a.tif").georeference()
    options = {
        "nodata": {"nodata": 9},
        "nodata of a class": {"nodata": 0},
        "palette": {"palette": [(1, 1, 1), (2, 2, 2), (3, 3, 3)]},
        "moved": {"nodata": 9, "georeference": place.window(3, 5)},
    }.get(stored, {})
    if stored == "palette":
        drawn[drawn == 9] = 0
    labels = drawn.astype(np.uint16) if stored == "shorts" else drawn
    write_raster(tmp_path / "labels" / "a.tif", labels, **{"georeference": place, **options})
    if stored == "mask":
        with rasterio.open(tmp_path / "labels" / "a.tif", "r+") as file:
            file.write_mask(np.where(drawn == 9, 0, 255).astype(np.uint8))
    codes = {0: "soil", 1: "hut", 2: "lake", **({9: "ignore"} if stored in ("bytes", "shorts", "nodata of a class") else {})}
    dataset = make(
        tmp_path,
        RasterFolderDataset,
        images="images/{scene}.tif",
        labels="labels/{scene}.tif",
        label_codes=None if stored == "palette" else codes,
        pipeline=[{"type": "LoadRaster"}, {"type": "LoadRasterLabel"}],
    )
    loaded = [np.bincount(dataset[place]["gt_seg_map"].ravel(), minlength=256) for place in range(len(dataset))]
    np.testing.assert_array_equal(dataset.class_counts(), [[*one[:3], one[255]] for one in loaded])
    assert (dataset.class_counts()[:, 3] > 0).any() == (stored != "palette")
