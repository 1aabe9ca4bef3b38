"""The class with the highest score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rs_da_mm.inference.core.class_numbers import class_numbers


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(0, 4), st.integers(0, 40)),
        elements=st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 0.25, 1.0, np.inf]),  # few, so that classes share the highest
    )
)
def test_it_is_the_first_class_with_the_highest_score(scores):
    numbers = class_numbers(scores)
    assert numbers.dtype == np.uint8
    np.testing.assert_array_equal(numbers, scores.argmax(axis=0))


@pytest.mark.parametrize("classes", [2, 256])
def test_as_many_classes_as_a_byte_can_tell_apart(classes):
    scores = np.random.default_rng(0).random((classes, 30, 50), np.float32)
    scores[-1, 3, 4] = 2
    scores[:, 5, 6] = 0.5
    np.testing.assert_array_equal(class_numbers(scores), scores.argmax(axis=0))
    assert class_numbers(scores)[3, 4] == classes - 1
    assert class_numbers(scores)[5, 6] == 0


def test_the_scores_stay_as_they_are():
    scores = np.random.default_rng(0).random((3, 4, 5), np.float32)
    before = scores.copy()
    class_numbers(scores)
    np.testing.assert_array_equal(scores, before)
