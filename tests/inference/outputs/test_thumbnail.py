from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_da_mm.inference.outputs import Thumbnail, map_classes

CLASSES = map_classes(["a", "b", "c"])


def most_frequent(labels, factor):
    """The same, cell by cell."""
    height, width = (-(-side // factor) for side in labels.shape)
    small = np.full((height, width), 255, np.uint8)
    for row, col in np.ndindex(height, width):
        cell = labels[row * factor : (row + 1) * factor, col * factor : (col + 1) * factor]
        if (cell != 255).any():
            small[row, col] = np.bincount(cell[cell != 255]).argmax()
    return small


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    side=st.integers(10, 50),
    cut=st.tuples(st.integers(1, 39), st.integers(1, 39)),
    seed=st.integers(0, 99),
)
def test_any_parts_give_the_most_frequent_class(height, width, side, cut, seed):
    labels = np.random.default_rng(seed).choice(np.array([0, 1, 2, 255], np.uint8), (height, width))
    thumbnail = Thumbnail(height, width, CLASSES, side)
    for rows in (slice(0, cut[0]), slice(cut[0], None)):
        for cols in (slice(0, cut[1]), slice(cut[1], None)):
            thumbnail.write(labels[rows, cols], rows.start, cols.start)
    assert thumbnail.factor <= 4
    np.testing.assert_array_equal(thumbnail.labels(), most_frequent(labels, thumbnail.factor))


@pytest.mark.parametrize("factor", [5, 13, 100])
def test_of_large_cells_a_part_of_the_pixels_decides(factor):
    coarse = np.random.default_rng(0).choice(np.array([0, 1, 2, 255], np.uint8), (6, 7))
    labels = np.kron(coarse, np.ones((factor, factor), np.uint8))
    thumbnail = Thumbnail(*labels.shape, CLASSES, 7)
    for row in range(0, labels.shape[0], 11):
        thumbnail.write(labels[row : row + 11], row)
    assert thumbnail.factor == factor
    np.testing.assert_array_equal(thumbnail.labels(), coarse)
