"""What a pixel of a window counts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.inference.core.blending import BlendingWeights, Sides, cosine_weights
from rs_da_mm.inference.core.plan import plan_windows
from rs_da_mm.raster import Window


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 0.99), st.tuples(*[st.booleans()] * 4))
def test_weights_are_a_positive_product_of_two_profiles(height, width, overlap, flat):
    weights = cosine_weights(height, width, int(overlap * height), int(overlap * width), Sides(*flat))
    assert weights.dtype == np.float32
    assert weights.shape == (height, width)
    assert weights.min() > 0
    assert weights.max() <= 1
    np.testing.assert_allclose(
        weights, np.outer(weights[:, width // 2], weights[height // 2]) / weights[height // 2, width // 2], rtol=1e-5
    )


@pytest.mark.parametrize("margin", [0, 3])
def test_two_neighbours_sum_to_one_and_the_middle_counts_in_full(margin):
    weights = cosine_weights(40, 20, 12, 6, margin=margin)
    column = weights[:, 10]
    np.testing.assert_allclose(column[:12] + column[-12:], 1, rtol=1e-6)
    assert (column[12:-12] == 1).all()
    assert (column[:margin] == 0).all()
    assert (column[margin : -margin or None] > 0).all()


def test_the_ramp_is_half_a_period_of_a_cosine():
    np.testing.assert_allclose(cosine_weights(8, 1, 2, 0)[:2, 0], [np.sin(np.pi / 8) ** 2, np.sin(3 * np.pi / 8) ** 2], rtol=1e-6)


def test_without_overlap_all_counts_in_full():
    assert (cosine_weights(5, 7, 0, 0) == 1).all()


def test_the_edge_of_the_scene_counts_in_full():
    plan = plan_windows(20, 30, 10, 0.4, margin=1)
    weights = BlendingWeights(plan)
    corner, inside, last = weights(Window(0, 0, 10, 10)), weights(Window(6, 6, 10, 10)), weights(Window(10, 20, 10, 10))
    assert (corner[:6, :6] == 1).all()
    assert (last[4:, 4:] == 1).all()
    np.testing.assert_array_equal(inside, cosine_weights(10, 10, 4, 4, margin=1))
    assert (corner[-1] == 0).all()


def test_weights_are_made_once_per_kind_of_place():
    plan = plan_windows(100, 100, 10, 0.5)
    weights = BlendingWeights(plan)
    assert len({id(weights(window)) for row in plan.rows for window in row.windows}) == 9
