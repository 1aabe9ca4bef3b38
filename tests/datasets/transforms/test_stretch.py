from __future__ import annotations

import numpy as np
import pytest
from skimage.exposure import rescale_intensity

from rs_da_mm.datasets.transforms import StretchTo8Bit
from rs_da_mm.datasets.transforms.stretch import percentile_limits, stretch
from rs_da_mm.errors import InputError


def test_formula_with_given_limits():
    image = np.array([[[0], [100], [150], [200], [65_535]]], np.uint16)
    out = StretchTo8Bit(limits=[(100, 200)]).transform({"img": image})
    assert out["img"].dtype == np.uint8
    # 255 * 0.5 = 127.5 rounds to the even 128
    assert out["img"].ravel().tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_percentiles_equal_skimage(dtype):
    image = (np.random.default_rng(0).gamma(2, 20, (40, 50, 3)) * [1, 0.5, 0.8]).astype(dtype)
    out = StretchTo8Bit(percentiles=(5, 95)).transform({"img": image})["img"]
    for band in range(3):
        low, high = np.percentile(image[..., band], (5, 95))
        expected = rescale_intensity(image[..., band].astype(np.float64), in_range=(low, high), out_range=(0, 255))
        np.testing.assert_allclose(out[..., band], expected, atol=0.5 + 1e-9)


def test_invalid_pixels_take_no_part_and_become_black():
    image = np.random.default_rng(0).integers(1000, 2000, (30, 30, 2)).astype(np.uint16)
    valid = np.ones((30, 30), np.uint8)
    valid[:10] = 0
    valid[10] = 255  # mmseg's way to say "outside"
    wild = image.copy()
    wild[:11] = 60_000
    out = StretchTo8Bit().transform({"img": wild, "valid_mask": valid})["img"]
    alone = StretchTo8Bit().transform({"img": image[11:]})["img"]
    np.testing.assert_array_equal(out[11:], alone)
    assert not out[:11].any()


def test_constant_band_and_no_valid_pixel():
    image = np.stack([np.full((5, 5), 7), np.arange(25).reshape(5, 5)], -1).astype(np.uint16)
    out = StretchTo8Bit(percentiles=(0, 100)).transform({"img": image})["img"]
    assert not out[..., 0].any()
    assert out[..., 1].max() == 255
    nothing = StretchTo8Bit().transform({"img": image, "valid_mask": np.zeros((5, 5), np.uint8)})["img"]
    assert not nothing.any()
    # The limit of the formula: 0 up to the one value, 255 above.
    assert stretch(np.array([[[6], [7], [8]]]), np.array([[7.0, 7.0]])).ravel().tolist() == [0, 0, 255]


def test_nan_and_infinity():
    image = np.array([[[np.nan], [np.inf], [-np.inf], [0.0], [1.0]]], np.float32)
    limits = percentile_limits(image, np.ones((1, 5), bool), (0, 100))
    assert limits.tolist() == [[0, 1]]
    assert stretch(image, limits).ravel().tolist() == [0, 255, 0, 0, 255]


def test_image_without_band_axis():
    out = StretchTo8Bit(limits=[(0, 510)]).transform({"img": np.full((2, 2), 510, np.uint16)})
    assert out["img"].tolist() == np.full((2, 2, 1), 255).tolist()


def test_limits_for_another_number_of_bands_name_the_file():
    with pytest.raises(InputError, match=r"a\.tif: the image has 4 bands.*limits for 2"):
        StretchTo8Bit(limits=[(0, 1), (0, 1)]).transform({"img": np.zeros((2, 2, 4)), "img_path": "a.tif"})


@pytest.mark.parametrize("kwargs", [{"percentiles": (98, 2)}, {"percentiles": (-1, 50)}, {"limits": [(3, 1)]}])
def test_bad_arguments(kwargs):
    with pytest.raises(InputError, match="StretchTo8Bit"):
        StretchTo8Bit(**kwargs)
