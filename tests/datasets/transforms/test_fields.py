from __future__ import annotations

import numpy as np

from rs_da_mm.datasets.transforms.fields import SPATIAL_FIELDS, add_seg_field, ensure_valid_mask, fields_of


def test_known_arrays_and_what_mmseg_lists_are_found_once():
    results = {
        "img": np.zeros((2, 2, 1)),
        "gt_seg_map": np.zeros((2, 2)),
        "height": None,
        "own_map": np.zeros((2, 2)),
        "seg_fields": ["gt_seg_map", "own_map", "not_there"],
        "img_path": "a.tif",
    }
    found = dict(fields_of(results))
    assert list(found) == ["img", "gt_seg_map", "own_map"]
    assert found["img"] == SPATIAL_FIELDS["img"]
    assert found["own_map"] == ("nearest", 255)


def test_valid_mask_is_added_once_and_listed():
    results = {"img": np.zeros((2, 3, 1))}
    ensure_valid_mask(results)
    np.testing.assert_array_equal(results["valid_mask"], np.ones((2, 3), np.uint8))
    assert results["seg_fields"] == ["valid_mask"]
    add_seg_field(results, "valid_mask", np.zeros((2, 3), np.uint8))
    ensure_valid_mask(results)
    assert results["seg_fields"] == ["valid_mask"]
    assert not results["valid_mask"].any()
