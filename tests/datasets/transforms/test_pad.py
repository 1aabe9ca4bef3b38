from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.transforms import PadToSize
from rs_da_mm.datasets.transforms.pad import as_pair, pad_array
from rs_da_mm.errors import InputError


def _sample(height: int, width: int, bands: int = 6) -> dict:
    return {
        "img": np.full((height, width, bands), 7, np.uint16),
        "gt_seg_map": np.full((height, width), 3, np.uint8),
        "index_map": np.full((height, width), 5, np.int32),
        "seg_fields": ["gt_seg_map"],
    }


@pytest.mark.parametrize(
    ("size", "divisor", "expected"),
    [(8, None, (8, 8)), ((8, 10), None, (8, 10)), (None, 4, (8, 8)), (9, 4, (12, 12)), (2, 5, (5, 10))],
)
def test_size_fill_and_mask(size, divisor, expected):
    out = PadToSize(size, divisor).transform(_sample(5, 6))
    assert out["img"].shape == (*expected, 6)
    assert out["img"].dtype == np.uint16
    assert out["img_shape"] == out["pad_shape"] == expected
    inside = np.zeros(expected, bool)
    inside[:5, :6] = True
    for key, value, fill in (("img", 7, 0), ("gt_seg_map", 3, 255), ("index_map", 5, -1), ("valid_mask", 1, 0)):
        array = out[key][..., 0] if key == "img" else out[key]
        np.testing.assert_array_equal(array, np.where(inside, value, fill))


def test_nothing_to_do():
    sample = _sample(8, 8)
    before = sample["img"]
    out = PadToSize(8).transform(sample)
    assert out["img"] is before
    assert "valid_mask" not in out


def test_pad_array_keeps_dtype():
    assert pad_array(np.ones((2, 2), np.float64), 3, 4, -1).tolist() == [[1, 1, -1, -1], [1, 1, -1, -1], [-1] * 4]


@pytest.mark.parametrize("kwargs", [{}, {"size": 0}, {"size": (4, -1)}, {"size": (1, 2, 3)}, {"divisor": 0}])
def test_bad_arguments(kwargs):
    with pytest.raises(InputError, match="PadToSize"):
        PadToSize(**kwargs)


def test_as_pair():
    assert as_pair("x", [2, 3]) == (2, 3)
