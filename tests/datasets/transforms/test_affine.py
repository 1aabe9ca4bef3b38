from __future__ import annotations

import numpy as np
import pytest
from mmcv.transforms.utils import cache_random_params
from skimage.transform import AffineTransform, warp

from rs_da_mm.datasets.transforms import RandomAffineWarp
from rs_da_mm.datasets.transforms.affine import affine_matrix, warp_array, wholly_inside
from rs_da_mm.errors import InputError

DTYPES = ["uint8", "uint16", "int16", "int32", "uint32", "int8", "float32", "float64"]


def _smooth(size: int = 64, bands: int = 1, dtype: str = "float32", scale: float = 100.0) -> np.ndarray:
    rows, columns = np.indices((size, size)) / size
    image = [scale * (1.1 + np.sin(4 * rows + band) * np.cos(3 * columns)) for band in range(bands)]
    return np.stack(image, -1).astype(dtype)


def test_matrix_keeps_the_centre_and_turns_counter_clockwise():
    matrix = affine_matrix(90, 2.0, 0, 5, 7)
    np.testing.assert_allclose(matrix @ [3, 2, 1], [3, 2], atol=1e-12)
    # One pixel to the right of the centre goes two pixels up.
    np.testing.assert_allclose(matrix @ [4, 2, 1], [3, 0], atol=1e-12)
    sheared = affine_matrix(0, 1, 45, 5, 7)
    np.testing.assert_allclose(sheared @ [3, 3, 1], [4, 3], atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bands", [1, 3, 4, 7])
def test_quarter_turns_are_exact_for_every_dtype_and_band_count(bands, dtype):
    image = np.random.default_rng(0).integers(0, 100, (9, 9, bands)).astype(dtype)
    for quarter in range(4):
        for interpolation in ("linear", "nearest"):
            turned = warp_array(image, affine_matrix(90 * quarter, 1, 0, 9, 9), interpolation)
            # OpenCV 5 weighs floats without rounding, and the sine of a straight angle is 1e-16.
            np.testing.assert_allclose(turned, np.rot90(image, quarter), rtol=0, atol=1e-6 if image.dtype.kind == "f" else 0)
            assert turned.dtype == image.dtype
            assert turned.shape == image.shape


def test_large_integers_stay_exact():
    values = np.array([[2**31 - 1, -(2**31)], [2**24 + 1, 16_777_219]], np.int32)
    np.testing.assert_array_equal(warp_array(values, affine_matrix(180, 1, 0, 2, 2), "nearest"), np.rot90(values, 2))


def test_equals_skimage():
    image = _smooth(64)[..., 0]
    matrix = affine_matrix(27, 1.2, 8, 64, 64)
    full = np.vstack([matrix, [0, 0, 1]])
    expected = warp(image, AffineTransform(full).inverse, order=1, mode="edge", preserve_range=True)
    inside = wholly_inside(np.ones((64, 64), bool), matrix)
    # OpenCV places samples on a grid of 1/32 pixel; the image changes by less than 10 per pixel.
    np.testing.assert_allclose(warp_array(image, matrix, "linear")[inside], expected[inside], atol=10 / 32)


def test_there_and_back():
    image = _smooth(64, 5)
    matrix = affine_matrix(33, 1.0, 0, 64, 64)
    back = affine_matrix(-33, 1.0, 0, 64, 64)
    again = warp_array(warp_array(image, matrix, "linear"), back, "linear")
    middle = slice(16, 48)
    assert np.abs(again[middle, middle] - image[middle, middle]).max() < 0.5  # of values that span 200


def test_image_and_label_take_the_same_way(reseed):
    # The image encodes the column; the label is its nearest whole number, so both must tell the same place.
    columns = np.indices((64, 64))[1]
    sample = {
        "img": columns[..., None].astype(np.float32),
        "gt_seg_map": columns.astype(np.uint8),
        "height": columns.astype(np.float32),
        "index_map": columns.astype(np.int32),
        "valid_mask": np.ones((64, 64), np.uint8),
        "seg_fields": ["gt_seg_map", "valid_mask"],
    }
    reseed(1)
    out = RandomAffineWarp(angle=(20, 40), scale=(0.8, 1.3), shear=10).transform(sample)
    inside = out["valid_mask"] == 1
    assert 0.3 < inside.mean() < 1
    np.testing.assert_array_equal(out["height"], out["img"][..., 0])
    assert np.abs(out["img"][..., 0] - out["gt_seg_map"])[inside].max() <= 0.5 + 1 / 16
    np.testing.assert_array_equal(out["gt_seg_map"][inside], out["index_map"][inside])
    outside = ~inside
    assert (out["gt_seg_map"][outside] == 255).all()
    assert (out["index_map"][outside] == -1).all()
    assert (out["img"][outside] == 0).all()


def test_nodata_never_bleeds_into_valid_pixels():
    image = np.full((32, 32, 1), 500.0, np.float32)
    valid = np.ones((32, 32), np.uint8)
    image[10:20, 5:15], valid[10:20, 5:15] = -9999, 0
    sample = {"img": image, "valid_mask": valid, "seg_fields": ["valid_mask"]}
    for _ in range(10):
        out = RandomAffineWarp(angle=180, scale=(0.7, 1.4), shear=15).transform(dict(sample))
        assert (out["img"][out["valid_mask"] == 1] == 500).all()
        lost = (out["valid_mask"] == 0) & (out["img"][..., 0] == 500)
        assert lost.sum() < 4 * 14 * 1.5  # about one pixel around the gap


def test_a_mask_that_mmseg_filled_with_255_is_understood():
    valid = np.ones((16, 16), np.uint8)
    valid[:4] = 255
    sample = {"img": np.ones((16, 16, 1), np.uint8), "valid_mask": valid, "seg_fields": ["valid_mask"]}
    out = RandomAffineWarp(angle=0).transform(sample)
    np.testing.assert_array_equal(out["valid_mask"], (np.indices((16, 16))[0] >= 4).astype(np.uint8))


def test_identity_changes_nothing_and_adds_a_mask():
    image = _smooth(16, 6, "uint16")
    out = RandomAffineWarp(angle=0).transform({"img": image.copy()})
    np.testing.assert_array_equal(out["img"], image)
    assert out["valid_mask"].all()


def test_scale_enlarges():
    image = np.zeros((33, 33), np.float32)
    image[12:21, 12:21] = 1
    grown = warp_array(image, affine_matrix(0, 2, 0, 33, 33), "linear")
    assert grown.sum() == pytest.approx(4 * image.sum(), rel=0.02)


def test_prob_seed_and_shared_draw(reseed):
    image = _smooth(16)
    np.testing.assert_array_equal(RandomAffineWarp(prob=0.0).transform({"img": image.copy()})["img"], image)
    transform = RandomAffineWarp(angle=90, scale=(0.5, 2))
    with cache_random_params(transform):
        first, second = (transform.transform({"img": image.copy()})["img"] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    outs = []
    for _ in range(2):
        reseed(4)
        outs.append(transform.transform({"img": image.copy()})["img"])
    np.testing.assert_array_equal(outs[0], outs[1])


@pytest.mark.parametrize("kwargs", [{"scale": 0}, {"scale": (-1, 2)}, {"shear": 90}])
def test_bad_arguments(kwargs):
    with pytest.raises(InputError, match="RandomAffineWarp"):
        RandomAffineWarp(**kwargs)
