from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.datasets.label_tables import UNKNOWN, classes_of_colours, classes_of_values
from rs_da_mm.errors import DatasetError


@given(
    st.dictionaries(st.integers(-100, 40_000), st.integers(0, 253), min_size=1), st.lists(st.integers(-200, 50_000), min_size=1)
)
def test_values_have_the_class_of_the_code_or_none(code, values):
    found = classes_of_values(np.array([values], np.int32), tuple(sorted(code.items())), "x")
    assert found.tolist() == [[code.get(value, UNKNOWN) for value in values]]


def test_bytes_have_the_class_of_the_code_or_none():
    code = {0: 3, 7: 0, 255: 255, 300: 1}
    found = classes_of_values(np.arange(256, dtype=np.uint8).reshape(16, 16), tuple(sorted(code.items())), "x")
    assert found.ravel().tolist() == [code.get(value, UNKNOWN) for value in range(256)]


def test_colours_have_the_class_of_the_code_or_none():
    code = (((0, 0, 1), 3), ((0, 1, 0), 4), ((255, 255, 255), 0))
    raw = np.array([[(0, 0, 1), (0, 1, 0), (1, 0, 0), (255, 255, 255)]], np.uint8)
    assert classes_of_colours(raw, code, "x").tolist() == [[3, 4, UNKNOWN, 0]]


def test_other_dtypes_are_refused():
    with pytest.raises(DatasetError, match="x: label values must be whole numbers, found float64"):
        classes_of_values(np.zeros((1, 1)), ((0, 0),), "x")
    with pytest.raises(DatasetError, match="x: label colours must be 8 bit"):
        classes_of_colours(np.zeros((1, 1, 3), np.uint16), (((0, 0, 0), 0),), "x")
