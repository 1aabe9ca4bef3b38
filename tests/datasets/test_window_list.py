from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from mmengine.dataset import BaseDataset

from rs_da_mm.datasets.window_list import WindowList
from rs_da_mm.raster import Window, window_grid

RECORDS = [
    {"img_path": ["a.tif", "b.tif"], "scene": "a", "seg_fields": []},
    {"img_path": "c.tif", "scene": "c", "seg_fields": []},
]
WINDOWS = [window_grid(16, 24, 8), window_grid(8, 16, 8)]
PLAIN = [{**record, "window": tuple(w)} for record, some in zip(RECORDS, WINDOWS, strict=True) for w in some]


def made():
    return WindowList(RECORDS, WINDOWS)


def test_it_holds_what_a_list_of_dicts_would():
    samples = made()
    assert list(samples) == PLAIN
    assert len(samples) == 8
    assert samples[np.int64(3)] == PLAIN[3]
    assert samples[-1] == PLAIN[-1]
    assert type(samples[0]["window"][0]) is int
    with pytest.raises(IndexError):
        samples[8]
    assert list(WindowList([], [])) == []
    with pytest.raises(ValueError, match="2 scenes and windows of 1"):
        WindowList(RECORDS, WINDOWS[:1])


def test_slices_and_choices():
    samples = made()
    assert list(samples[2:7:2]) == PLAIN[2:7:2]
    assert list(samples[-3:]) == PLAIN[-3:]
    assert list(samples.take([7, 0, -1, 0])) == [PLAIN[i] for i in (7, 0, 7, 0)]
    assert samples[1:3] == samples.take(np.array([1, 2]))
    assert samples[1:3] != samples[1:4]
    with pytest.raises(IndexError):
        samples.take([8])


def test_a_sample_can_be_changed_without_changing_others():
    samples = made()
    samples[0]["seg_fields"].append("gt_seg_map")
    samples[0]["img_path"].clear()
    assert list(samples) == PLAIN


def test_it_says_what_is_in_it():
    samples = made()[1:]
    assert samples.scene_places().tolist() == [0] * 5 + [1] * 2
    assert samples.boxes()[0].tolist() == [0, 8, 8, 8]
    assert samples.record(1) == RECORDS[1]
    assert repr(samples) == "WindowList(7 windows of 2 scenes)"


def test_a_hundred_thousand_windows_are_small_and_quick_to_copy():
    windows = [[Window(row, col, 256, 256) for row in range(100) for col in range(100)]] * 10
    samples = WindowList([{"img_path": f"/data/scenes/{i}.tif", "scene": str(i)} for i in range(10)], windows)
    content = pickle.dumps(samples)
    assert len(samples) == 100_000
    assert len(content) < 3_000_000
    assert pickle.loads(content)[99_999] == samples[99_999]
    assert copy.deepcopy(samples) is samples
    assert np.shares_memory(samples[5:]._boxes, samples._boxes)


class Windows(BaseDataset):
    def load_data_list(self):
        return made()


def test_mmengines_data_set_takes_it_for_a_list():
    dataset = Windows(serialize_data=False, indices=7)
    assert len(dataset) == 7
    assert dataset[3] == {**PLAIN[3], "sample_idx": 3}
    assert [sample["window"] for sample in dataset.get_subset([5, 1]).data_list] == [PLAIN[5]["window"], PLAIN[1]["window"]]
    assert len(dataset.get_subset(3)) == 3
    dataset.get_subset_(-2)
    assert [dataset.get_data_info(i)["window"] for i in range(2)] == [PLAIN[5]["window"], PLAIN[6]["window"]]
