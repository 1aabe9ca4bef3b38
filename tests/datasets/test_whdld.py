from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image

from rs_da_mm.datasets import WHDLDDataset
from rs_da_mm.datasets.label_reading import read_label
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Scene, Window

PALETTE = WHDLDDataset.METAINFO["palette"]


def write(root, count=1, labels=None):
    (root / "Images").mkdir()
    (root / "ImagesPNG").mkdir()
    image = Image.fromarray(np.zeros((8, 8, 3), dtype=np.uint8))
    label = labels or Image.fromarray(np.ones((8, 8), dtype=np.uint8))
    for number in range(1, count + 1):
        image.save(root / "Images" / f"wh{number:04d}.jpg")
        label.save(root / "ImagesPNG" / f"wh{number:04d}.png")


def decoded(root):
    dataset = WHDLDDataset(root)
    sample = dataset[0]
    return read_label(Scene(sample["seg_map_path"]), sample["label_code"], Window(*sample["window"]))


VALUES = np.arange(56, dtype=np.uint8).reshape(7, 8) % 7


def forms():
    colours = np.array([(0, 0, 0), *PALETTE], dtype=np.uint8)
    shown = Image.fromarray(VALUES, mode="P")
    shown.putpalette([*(0, 0, 0), *itertools.chain(*PALETTE)])
    strange = Image.fromarray(VALUES, mode="P")
    strange.putpalette([*(0, 0, 0), *(10, 20, 30) * 6])
    return {
        "values": Image.fromarray(VALUES),
        "colours": Image.fromarray(colours[VALUES]),
        "palette": shown,
        "odd palette": strange,
    }


@pytest.mark.parametrize("form", forms())
def test_labels_are_read_as_numbers_from_1_as_colours_and_as_palettes(tmp_path, form):
    (tmp_path / "Images").mkdir()
    (tmp_path / "ImagesPNG").mkdir()
    Image.fromarray(np.zeros((7, 8, 3), dtype=np.uint8)).save(tmp_path / "Images/wh0001.jpg")
    forms()[form].save(tmp_path / "ImagesPNG/wh0001.png")
    np.testing.assert_array_equal(decoded(tmp_path), np.array([255, 0, 1, 2, 3, 4, 5], dtype=np.uint8)[VALUES])


def test_a_value_that_is_no_class_is_an_error(tmp_path):
    write(tmp_path, labels=Image.fromarray(np.full((8, 8), 7, dtype=np.uint8)))
    with pytest.raises(DatasetError, match=r"wh0001\.png: unknown label value 7 on 64 pixels"):
        decoded(tmp_path)


def test_every_image_is_one_sample_and_parts_are_60_20_20(tmp_path):
    write(tmp_path, count=50)
    split = {"type": "random", "ratios": (0.6, 0.2, 0.2), "seed": 0}
    assert [len(WHDLDDataset(tmp_path, split=split, part=part)) for part in ("train", "val", "test")] == [30, 10, 10]
    assert WHDLDDataset(tmp_path)[0]["window"] == (0, 0, 8, 8)


def test_a_blocked_split_keeps_runs_of_images_together(tmp_path):
    write(tmp_path, count=60)
    split = {"type": "blocked", "block": 5}
    part_of = {}
    for part in ("train", "val", "test"):
        dataset = WHDLDDataset(tmp_path, split=split, part=part)
        part_of.update({int(dataset[i]["scene"][2:]): part for i in range(len(dataset))})
    for number in range(1, 60):
        assert part_of.get(number) == part_of.get(number + 1) or None in (part_of.get(number), part_of.get(number + 1))
    with pytest.raises(DatasetError, match="keeps no neighbours together"):
        WHDLDDataset(tmp_path, split={"type": "blocked"})
