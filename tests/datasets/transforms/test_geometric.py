from __future__ import annotations

import numpy as np

from rs_da_mm.datasets.transforms import SPATIAL_FIELDS, SpatialTransform


class _DropFirstRow(SpatialTransform):
    """The smallest transform there can be: a new one is a mapping and what it does to an array."""

    def __init__(self, skip: bool = False, adds_outside: bool = False) -> None:
        self.skip = skip
        self.adds_outside = adds_outside
        self.drawn = 0

    def draw(self, results):
        self.drawn += 1
        return None if self.skip else 1

    def move(self, array, field, mapping):
        return array[mapping:]


def _sample() -> dict:
    sample = {key: np.zeros((4, 3), np.float32) for key in SPATIAL_FIELDS}
    return {**sample, "img": np.zeros((4, 3, 2), np.uint8), "own": np.zeros((4, 3)), "seg_fields": ["own"], "img_path": "a.tif"}


def test_one_draw_moves_every_array():
    transform = _DropFirstRow()
    out = transform(_sample())
    assert transform.drawn == 1
    assert all(out[key].shape[:2] == (3, 3) for key in [*SPATIAL_FIELDS, "own"])
    assert out["img_shape"] == (3, 3)
    assert out["img_path"] == "a.tif"


def test_no_mapping_leaves_the_sample():
    sample = _sample()
    image = sample["img"]
    out = _DropFirstRow(skip=True, adds_outside=True)({"img": image})
    assert out["img"] is image
    assert "valid_mask" not in out


def test_a_mask_is_added_only_by_what_can_reach_outside():
    assert "valid_mask" not in _DropFirstRow()({"img": np.zeros((4, 3, 1))})
    out = _DropFirstRow(adds_outside=True)({"img": np.zeros((4, 3, 1))})
    assert out["valid_mask"].tolist() == np.ones((3, 3)).tolist()
    assert out["seg_fields"] == ["valid_mask"]
