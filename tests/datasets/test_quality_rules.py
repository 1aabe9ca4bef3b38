from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.datasets.quality_rules import QualityRule
from rs_da_mm.errors import DatasetError


def test_clouds_of_sentinel2():
    rule = QualityRule.parse({"kind": "scl", "path": "x"})
    assert np.flatnonzero(rule.is_invalid(np.arange(12, dtype=np.uint8))).tolist() == [0, 1, 3, 8, 9, 10]
    snow = QualityRule.parse({"kind": "scl", "invalid": [0, 11]})
    assert np.flatnonzero(snow.is_invalid(np.arange(12, dtype=np.uint8))).tolist() == [0, 11]


def test_clouds_of_landsat():
    # As the Landsat 8-9 product guide lists them: clear, water, snow; fill, dilated cloud, cirrus, cloud, shadow.
    clear, clouded = [21824, 21952, 30048], [1, 22018, 54596, 22280, 23888]
    rule = QualityRule.parse({"kind": "landsat_qa"})
    assert rule.is_invalid(np.array(clear, np.uint16)).tolist() == [False] * 3
    assert rule.is_invalid(np.array(clouded, np.uint16)).tolist() == [True] * 5


@given(st.sets(st.integers(0, 15), min_size=1), st.integers(0, 2**16 - 1))
def test_any_of_the_bits_makes_a_pixel_invalid(bits, value):
    rule = QualityRule.parse({"kind": "bits", "invalid": sorted(bits)})
    expected = any(value // 2**bit % 2 for bit in bits)
    assert rule.is_invalid(np.array([value], np.uint16)).tolist() == [expected]


def test_the_sign_bit_of_a_signed_mask_is_a_bit():
    rule = QualityRule.parse({"kind": "bits", "invalid": 15})
    assert rule.is_invalid(np.array([-(2**15), 1], np.int16)).tolist() == [True, False]


def test_values_and_zero():
    values = np.array([0, 1, 2], np.float32)
    assert QualityRule.parse({"kind": "values", "invalid": [1, 2]}).is_invalid(values).tolist() == [False, True, True]
    assert QualityRule.parse({}).is_invalid(values).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"kind": "clouds"}, "the kind is 'clouds'; it can be 'scl', 'landsat_qa', 'bits', 'values', 'zero'"),
        ({"kind": "bits"}, r"kind='bits' needs invalid=\[…\], the bits"),
        ({"kind": "values"}, r"needs invalid=\[…\], the values"),
        ({"kind": "values", "invalid": []}, "must be whole numbers"),
        ({"kind": "values", "invalid": [1.5]}, "must be whole numbers"),
        ({"kind": "scl", "band": 0}, "must be whole numbers"),
        ({"kind": "bits", "invalid": [64]}, "counted from 0 to 63"),
    ],
)
def test_what_makes_no_sense_is_refused(config, said):
    with pytest.raises(DatasetError, match=said):
        QualityRule.parse(config)


def test_bits_need_whole_numbers():
    with pytest.raises(DatasetError, match="reads bits, and the mask holds float32"):
        QualityRule.parse({"kind": "landsat_qa"}).is_invalid(np.zeros(3, np.float32))
