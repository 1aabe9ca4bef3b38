from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets import WHDLDDataset
from rs_da_mm.datasets.samples import whdld
from rs_da_mm.datasets.samples.catalogue import MINIATURES
from rs_da_mm.datasets.samples.miniature import make_miniature
from rs_da_mm.datasets.samples.whdld import COLOURS, WHDLD
from rs_da_mm.raster import Scene


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("whdld")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(whdld.COUNTS, "small", 6)
        whdld.write(root, 0, "small")
    return root


def test_it_stands_where_the_data_set_looks_for_it():
    assert MINIATURES["whdld"] is WHDLD
    assert f"data/{WHDLD.folder}" == WHDLDDataset.DEFAULT_ROOT
    assert WHDLDDataset.METAINFO["palette"] == list(COLOURS)
    assert whdld.COUNTS == {"default": 120, "small": 24}


def test_the_layout_is_the_publishers(root):
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    names = [f"wh{number:04d}" for number in range(1, 7)]
    assert files == {f"Images/{name}.jpg" for name in names} | {f"ImagesPNG/{name}.png" for name in names}
    for name in names:
        image, label = Scene(root / "Images" / f"{name}.jpg"), Scene(root / "ImagesPNG" / f"{name}.png")
        assert (image.shape, image.count, image.dtype) == ((256, 256), 3, np.uint8)
        assert (label.shape, label.count, label.dtype) == ((256, 256), 1, np.uint8)


def test_labels_are_1_to_6_and_every_class_is_there(root):
    labels = np.stack([Scene(path).read()[..., 0] for path in sorted((root / "ImagesPNG").iterdir())])
    shares = np.bincount(labels.ravel(), minlength=7) / labels.size
    assert len(shares) == 7
    assert shares[0] == 0
    assert shares[1:].min() > 0.01


def test_labels_carry_their_colours(root):
    colormap = Scene(root / "ImagesPNG/wh0001.png").colormap
    assert [tuple(colormap[number][:3]) for number in range(7)] == [(0, 0, 0), *COLOURS]


def test_the_same_seed_gives_the_same_bytes(root, tmp_path, file_hashes, monkeypatch):
    monkeypatch.setitem(whdld.COUNTS, "small", 2)
    whdld.write(tmp_path, 0, "small")
    expected = file_hashes(root)
    assert all(expected[name] == digest for name, digest in file_hashes(tmp_path).items())


@pytest.mark.slow
def test_the_whole_one_repeats_and_splits_hold_every_class(tmp_path, file_hashes):
    made = [make_miniature(WHDLD, tmp_path / folder, size="small") for folder in "ab"]
    assert file_hashes(made[0].root) == file_hashes(made[1].root)
    split = {"type": "random", "ratios": (0.6, 0.2, 0.2), "seed": 0}
    for part in ("train", "val", "test"):
        data = WHDLDDataset(made[0].root, split=split, part=part, pipeline=[{"type": "LoadRasterLabel"}])
        seen = np.unique(np.concatenate([np.unique(data[number]["gt_seg_map"]) for number in range(len(data))]))
        assert set(seen) == set(range(6))
