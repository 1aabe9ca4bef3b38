from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.raster.vectors import check_codes, class_numbers
from rs_da_mm.raster.vectors.attributes import plain_values

IDS = np.array([11, 12, 13, 14], np.int64)


def test_values_become_plain():
    assert plain_values(np.array([3.0, 0.5, np.nan, np.inf])) == [3, 0.5, None, None]
    assert plain_values(np.array([True, False])) == [1, 0]
    assert plain_values(np.array(["a", None, ""], object)) == ["a", None, ""]
    assert plain_values(np.array(["2020-01-02", "NaT"], "datetime64[D]")) == ["2020-01-02", None]
    assert all(type(value) is int for value in plain_values(np.array([1, 2], np.int16)))


def test_classes_by_name_number_and_the_number_as_text():
    assert class_numbers(["a", "b", "a", None], IDS, {"a": 3, "b": 255, None: 0}, "f").tolist() == [3, 255, 3, 0]
    assert class_numbers([1, 2, 1, 2], IDS, {"1": 5, "2": 6}, "f").tolist() == [5, 6, 5, 6]
    assert class_numbers(["1", "2", "1", "2"], IDS, {1: 5, 2.0: 6}, "f").tolist() == [5, 6, 5, 6]
    found = class_numbers([0, 255, 7, "9"], IDS, None, "f")
    assert found.tolist() == [0, 255, 7, 9]
    assert found.dtype == np.uint8


def test_a_value_without_a_class_is_told():
    with pytest.raises(
        InputError, match=r"^f holds 'c' \(2 features, the first is 12\), None \(1 feature, the first is 14\), .* 'a'"
    ):
        class_numbers(["a", "c", "c", None], IDS, {"a": 0}, "f")
    with pytest.raises(InputError, match=r"^f holds 300 \(1 feature, the first is 13\), which is no class number"):
        class_numbers([0, 1, 300, 1], IDS, None, "f")
    many = np.arange(20)
    with pytest.raises(InputError, match="and 15 more values"):
        class_numbers([f"v{index}" for index in many], many, {"a": 0}, "f")


def test_classes_that_none_can_be():
    for wrong in (256, -1, 1.5, "a", True, None):
        with pytest.raises(InputError, match="the class of 'a' is"):
            check_codes({"a": wrong}, "f")
    with pytest.raises(InputError, match="1 is named twice, for class 0 and for 2"):
        check_codes({1: 0, "1": 2}, "f")
    check_codes({1: 0, "1": 0, "x": np.int64(255)}, "f")
    check_codes(None, "f")
