from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from rs_da_mm.datasets import GIDDataset
from rs_da_mm.datasets.samples.catalogue import MINIATURES
from rs_da_mm.datasets.samples.gid import COLOURS, GID, SCENES, SET
from rs_da_mm.datasets.samples.miniature import make_miniature
from rs_da_mm.raster import Scene, check_alignment, check_readable

FEW = replace(SET, scenes=(SCENES[0], SCENES[8], SCENES[1], SCENES[9], SCENES[12]))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("gid")
    FEW.write(root, 0, "small")
    return root


def test_it_stands_where_the_data_set_looks_for_it():
    assert MINIATURES["gid"] is GID
    assert f"data/{GID.folder}" == GIDDataset.DEFAULT_ROOT
    assert GIDDataset.PAPER_SCENES == SCENES
    assert GIDDataset.METAINFO["palette"] == list(COLOURS)


def test_the_layout_is_the_publishers(root):
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert files == (
        {f"{folder}/{scene}.tif" for folder in ("image_RGB", "image_NirRGB") for scene in FEW.scenes}
        | {f"label_5classes/{scene}_label.tif" for scene in FEW.scenes}
        | {f"image_16bit_NirRGB/{FEW.scenes[number]}.tif" for number in (0, 4)}
    )


def test_files_are_what_they_should_be(root):
    for number, scene in enumerate(FEW.scenes):
        rgb = Scene(root / "image_RGB" / f"{scene}.tif")
        nir = Scene(root / "image_NirRGB" / f"{scene}.tif")
        label = Scene(root / "label_5classes" / f"{scene}_label.tif")
        assert (rgb.shape, rgb.count, rgb.dtype, rgb.nodata) == (SET.shapes["small"], 3, np.uint8, 0)
        assert (nir.shape, nir.count, nir.dtype, nir.nodata) == (SET.shapes["small"], 4, np.uint8, 0)
        assert (label.count, label.dtype, label.nodata) == (3, np.uint8, None)
        assert rgb.crs.to_epsg() == 32649 + number % 2
        assert rgb.res == (4.0, 4.0)
        assert nir.descriptions == ("nir", "red", "green", "blue")
        assert np.array_equal(nir.read()[..., 1:], rgb.read())
        assert check_alignment(rgb, label) == check_alignment(rgb, nir) == []
        check_readable(root / "image_RGB" / f"{scene}.tif")
    deep = Scene(root / "image_16bit_NirRGB" / f"{FEW.scenes[4]}.tif")
    assert (deep.count, deep.dtype, deep.nodata) == (4, np.uint16, 0)
    assert 256 < deep.read().max() <= 1023


def test_no_two_scenes_overlap(root):
    places = [Scene(root / "image_RGB" / f"{scene}.tif") for scene in FEW.scenes]
    for number, one in enumerate(places):
        for other in places[number + 1 :]:
            apart = one.bounds[1] > other.bounds[3] or other.bounds[1] > one.bounds[3]
            assert apart or one.crs != other.crs


def test_corners_without_data_are_0_and_others(root, decode_labels):
    shares = []
    for scene in FEW.scenes:
        image = Scene(root / "image_RGB" / f"{scene}.tif")
        valid = image.read_valid().astype(bool)
        assert (image.read()[valid] > 0).all()
        assert (decode_labels(root / "label_5classes" / f"{scene}_label.tif", COLOURS)[~valid] == 0).all()
        shares.append(1 - valid.mean())
    assert 0.05 < shares[0] < 0.2
    assert shares[1:] == [0, 0, 0, 0]


def test_every_class_is_in_every_scene_and_no_colour_is_unknown(root, decode_labels):
    for scene in FEW.scenes:
        labels = decode_labels(root / "label_5classes" / f"{scene}_label.tif", COLOURS)
        assert np.bincount(labels.ravel(), minlength=6).min() > 0.005 * labels.size


@pytest.mark.parametrize("threads", [1, 4])
def test_the_same_seed_gives_the_same_bytes(root, tmp_path, file_hashes, threads):
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        replace(SET, scenes=FEW.scenes[:1]).write(tmp_path, 0, "small")
    finally:
        cv2.setNumThreads(before)
    expected = file_hashes(root)
    written = file_hashes(tmp_path)
    assert len(written) == 4
    assert all(expected[name] == digest for name, digest in written.items())


def test_another_seed_and_another_size_give_other_landscapes(root, tmp_path):
    replace(SET, scenes=FEW.scenes[:1]).write(tmp_path, 1, "small")
    name = f"image_RGB/{FEW.scenes[0]}.tif"
    assert (Scene(root / name).read() != Scene(tmp_path / name).read()).mean() > 0.5


@pytest.mark.slow
def test_the_whole_one_repeats_and_splits_hold_every_class(tmp_path, file_hashes):
    made = [make_miniature(GID, tmp_path / folder, size="small") for folder in "ab"]
    assert file_hashes(made[0].root) == file_hashes(made[1].root)
    for seed in range(3):
        split = {"type": "random", "ratios": (0.6, 0.2, 0.2), "seed": seed}
        sizes = []
        for part in ("train", "val", "test"):
            data = GIDDataset(
                made[0].root,
                scenes="paper",
                split=split,
                part=part,
                cache_dir=tmp_path / "splits",
                pipeline=[{"type": "LoadRasterLabel"}],
            )
            sizes.append(len(data))
            seen = np.unique(np.concatenate([np.unique(data[number]["gt_seg_map"]) for number in range(len(data))]))
            assert set(range(6)) <= set(seen)
        assert sizes == [18, 6, 6]


@pytest.mark.slow
def test_the_default_one_fits_its_limits(tmp_path):
    made = make_miniature(GID, tmp_path)
    assert made.files == 49
    assert made.megabytes < 60
    assert len(GIDDataset(made.root, scenes="paper")) == 120
