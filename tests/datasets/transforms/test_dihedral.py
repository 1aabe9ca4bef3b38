from __future__ import annotations

import numpy as np
import pytest
from mmcv.transforms.utils import cache_random_params

from rs_da_mm.datasets.transforms import RandomDihedral
from rs_da_mm.datasets.transforms.dihedral import dihedral


def coded_sample(height: int = 8, width: int = 8, bands: int = 5, dtype: str = "uint16") -> dict:
    """A sample whose every array encodes row and column, so that what moved where can be read off."""
    rows, columns = np.indices((height, width))
    code = (rows * width + columns + 1).astype(np.int64)
    return {
        "img": np.stack([code + 100 * band for band in range(bands)], axis=-1).astype(dtype),
        "gt_seg_map": (code % 256).astype(np.uint8),
        "valid_mask": (code % 2).astype(np.uint8),
        "height": code.astype(np.float32),
        "index_map": code.astype(np.int32),
        "seg_fields": ["gt_seg_map", "valid_mask"],
        "img_shape": (height, width),
    }


def assert_moved_together(sample: dict) -> None:
    code = sample["index_map"].astype(np.int64)
    for band in range(sample["img"].shape[2]):
        np.testing.assert_array_equal(sample["img"][..., band], code + 100 * band)
    np.testing.assert_array_equal(sample["gt_seg_map"], code % 256)
    np.testing.assert_array_equal(sample["valid_mask"], code % 2)
    np.testing.assert_array_equal(sample["height"], code)


def test_eight_different_symmetries_that_form_the_dihedral_group():
    square = np.arange(9).reshape(3, 3)
    elements = [dihedral(square, element).tolist() for element in range(8)]
    assert len({str(element) for element in elements}) == 8
    table = [[elements.index(dihedral(dihedral(square, a), b).tolist()) for b in range(8)] for a in range(8)]
    assert all(sorted(row) == list(range(8)) for row in table)  # closed, and every element has an inverse
    # Orders of D4: identity 1; half turn and four mirrors 2; quarter turns 4.
    orders = []
    for element in range(8):
        array, order = dihedral(square, element), 1
        while array.tolist() != square.tolist():
            array, order = dihedral(array, element), order + 1
        orders.append(order)
    assert orders == [1, 4, 2, 4, 2, 2, 2, 2]


def test_quarter_turn_is_counter_clockwise_and_mirror_comes_first():
    image = np.array([[1, 2], [3, 4]])
    np.testing.assert_array_equal(dihedral(image, 1), [[2, 4], [1, 3]])
    np.testing.assert_array_equal(dihedral(image, 4), [[2, 1], [4, 3]])
    np.testing.assert_array_equal(dihedral(image, 5), np.rot90(np.fliplr(image)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("bands", [1, 3, 6])
def test_everything_moves_together(bands, dtype):
    size = 4 if dtype == "uint8" else 8  # so that the code fits
    sample = coded_sample(size, size, 1 if dtype == "uint8" else bands, dtype)
    out = RandomDihedral().transform(sample)
    assert_moved_together(out)
    assert out["img"].dtype == dtype
    assert all(out[key].flags.c_contiguous for key in ("img", "gt_seg_map", "valid_mask", "height", "index_map"))


def test_all_eight_are_drawn_and_samples_that_are_not_square_keep_their_shape():
    transform = RandomDihedral()
    seen = {transform.transform(coded_sample(4, 4, 1))["index_map"].tobytes() for _ in range(120)}
    assert len(seen) == 8
    oblong = [transform.transform(coded_sample(4, 6, 1)) for _ in range(60)]
    assert {out["img"].shape for out in oblong} == {(4, 6, 1)}
    assert len({out["index_map"].tobytes() for out in oblong}) == 4


def test_prob_and_seed(reseed):
    assert RandomDihedral(prob=0.0).transform(coded_sample())["index_map"].tolist() == coded_sample()["index_map"].tolist()
    outs = []
    for _ in range(2):
        reseed(3)
        outs.append([RandomDihedral(prob=0.7).transform(coded_sample())["index_map"].tolist() for _ in range(10)])
    assert outs[0] == outs[1]


def test_two_images_can_share_the_draw():
    transform = RandomDihedral()
    with cache_random_params(transform):
        maps = [transform.transform(coded_sample())["index_map"].tolist() for _ in range(6)]
    assert all(other == maps[0] for other in maps)


def test_image_without_band_axis_gets_one():
    out = RandomDihedral().transform({"img": np.zeros((4, 4), np.uint8)})
    assert out["img"].shape == (4, 4, 1)
