from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rs_da_mm.datasets import GID15Dataset
from rs_da_mm.datasets.samples.catalogue import MINIATURES
from rs_da_mm.datasets.samples.gid15 import COLOURS, GID15, SCENES, SET, UNKNOWN
from rs_da_mm.datasets.samples.miniature import make_miniature
from rs_da_mm.raster import Scene

FEW = replace(SET, scenes=(*SCENES[:2], *SCENES[5:7]))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("gid15")
    FEW.write(root, 0, "small")
    return root


def test_it_stands_where_the_data_set_looks_for_it():
    assert MINIATURES["gid15"] is GID15
    assert f"data/{GID15.folder}" == GID15Dataset.DEFAULT_ROOT
    assert GID15Dataset.METAINFO["palette"] == list(COLOURS[:UNKNOWN])
    assert len(set(SCENES)) == 10


def test_the_layout_is_the_publishers(root):
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    images = ("image_RGB", "image_NirRGB", "image_16bit_NirRGB")
    assert files == (
        {f"{folder}/{scene}.tif" for folder in images for scene in FEW.scenes}
        | {f"label_15classes/{scene}_label.tif" for scene in FEW.scenes}
    )
    for folder, count, dtype in zip(images, (3, 4, 4), (np.uint8, np.uint8, np.uint16), strict=True):
        image = Scene(root / folder / f"{FEW.scenes[3]}.tif")
        assert (image.shape, image.count, image.dtype, image.nodata) == (SET.shapes["small"], count, dtype, 0)


def test_every_class_is_there_and_some_is_unknown(root, decode_labels):
    labels = np.stack([decode_labels(root / "label_15classes" / f"{scene}_label.tif", COLOURS) for scene in FEW.scenes])
    shares = np.bincount(labels.ravel(), minlength=16) / labels.size
    assert shares[:UNKNOWN].min() > 0.01
    assert 0.1 < shares[UNKNOWN] < 0.4
    # The second scene is half left out.
    assert (labels[1] == UNKNOWN).mean() > 0.5


@pytest.mark.slow
def test_the_whole_one_repeats_and_some_windows_are_too_unknown(tmp_path, file_hashes, decode_labels, cut_windows):
    made = [make_miniature(GID15, tmp_path / folder, size="small") for folder in "ab"]
    assert file_hashes(made[0].root) == file_hashes(made[1].root)
    unknown = [
        (window == UNKNOWN).mean()
        for scene in SCENES
        for window in cut_windows(decode_labels(made[0].root / "label_15classes" / f"{scene}_label.tif", COLOURS))
    ]
    assert len(unknown) == 40
    kept = sum(share <= 0.8 for share in unknown)
    assert 30 <= kept < 40
    split = {"type": "random", "ratios": (0.6, 0.2, 0.2), "seed": 0}
    total = 0
    for part in ("train", "val", "test"):
        data = GID15Dataset(made[0].root, split=split, part=part, pipeline=[{"type": "LoadRasterLabel"}])
        total += len(data)
        seen = np.unique(np.concatenate([np.unique(data[number]["gt_seg_map"]) for number in range(len(data))]))
        assert set(range(15)) <= set(seen)
    assert total == kept


@pytest.mark.slow
def test_the_default_one_fits_its_limits(tmp_path):
    made = make_miniature(GID15, tmp_path)
    assert made.files == 40
    assert made.megabytes < 60
    assert 60 < len(GID15Dataset(made.root)) < 80
