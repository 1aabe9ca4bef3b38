from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.transforms import RandomWindowCrop
from rs_da_mm.errors import InputError


def _sample(height: int = 12, width: int = 16) -> dict:
    rows, columns = np.indices((height, width))
    code = rows * width + columns
    return {
        "img": np.stack([code, code + 1000], -1).astype(np.int32),
        "gt_seg_map": (columns >= width // 2).astype(np.uint8),
        "valid_mask": (rows >= height // 2).astype(np.uint8),
        "index_map": code.astype(np.int32),
        "seg_fields": ["gt_seg_map", "valid_mask"],
    }


def test_is_a_window_of_the_sample():
    whole = _sample()
    corners = set()
    for _ in range(300):
        out = RandomWindowCrop((5, 7)).transform(_sample())
        row, column = divmod(int(out["index_map"][0, 0]), 16)
        corners.add((row, column))
        for key in ("img", "gt_seg_map", "valid_mask", "index_map"):
            np.testing.assert_array_equal(out[key], whole[key][row : row + 5, column : column + 7])
    assert corners <= {(row, column) for row in range(8) for column in range(10)}
    assert len(corners) > 70  # of 80 that there are


def test_largest_class_share_is_kept():
    crop = RandomWindowCrop(6, cat_max_ratio=0.7, attempts=200)
    for _ in range(30):
        label = crop.transform(_sample())["gt_seg_map"]
        assert max(np.mean(label == 0), np.mean(label == 1)) <= 0.7


def test_ignored_pixels_do_not_count_as_a_class():
    for _ in range(20):
        sample = _sample()
        sample["gt_seg_map"] = np.where(sample["gt_seg_map"] == 1, 255, np.indices((12, 16))[0] % 2).astype(np.uint8)
        label = RandomWindowCrop(6, cat_max_ratio=0.5, attempts=200).transform(sample)["gt_seg_map"]
        assert (label == 0).sum() == (label == 1).sum() > 0


def test_least_valid_share_is_kept():
    crop = RandomWindowCrop(6, min_valid=0.8, attempts=200)
    assert all(crop.transform(_sample())["valid_mask"].mean() >= 0.8 for _ in range(30))


def test_the_last_attempt_is_taken_as_it_is():
    out = RandomWindowCrop(4, cat_max_ratio=0.01, attempts=3).transform(_sample())
    assert out["img"].shape == (4, 4, 2)


def test_smaller_samples_are_padded_and_say_so():
    sample = _sample()
    del sample["valid_mask"]
    sample["seg_fields"] = ["gt_seg_map"]
    out = RandomWindowCrop(20).transform(sample)
    assert out["img_shape"] == (20, 20)
    inside = np.zeros((20, 20), np.uint8)
    inside[:12, :16] = 1
    np.testing.assert_array_equal(out["valid_mask"], inside)
    np.testing.assert_array_equal(out["gt_seg_map"] == 255, inside == 0)


def test_same_seed_same_window(reseed):
    outs = []
    for _ in range(2):
        reseed(9)
        outs.append([RandomWindowCrop(5).transform(_sample())["index_map"][0, 0] for _ in range(10)])
    assert outs[0] == outs[1]


@pytest.mark.parametrize("kwargs", [{"cat_max_ratio": 0}, {"cat_max_ratio": 1.2}, {"min_valid": -0.1}, {"attempts": 0}])
def test_bad_arguments(kwargs):
    with pytest.raises(InputError, match="RandomWindowCrop"):
        RandomWindowCrop(8, **kwargs)
