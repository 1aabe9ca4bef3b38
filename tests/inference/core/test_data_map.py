"""Asking about rectangles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.errors import InputError
from rs_da_mm.inference.core.data_map import DataMap
from rs_da_mm.raster import Window, clip_window, window_slices


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.builds(Window, st.integers(-5, 70), st.integers(-5, 70), st.integers(1, 30), st.integers(1, 30)),
)
def test_it_answers_as_the_cells_painted_out(seed, cell, window):
    cells = np.random.default_rng(seed).random((7, 6)) < 0.1
    pixels = np.kron(cells, np.ones(cell, bool))
    # A cell is touched as a whole or not at all.
    top, left = window.row // cell[0] * cell[0], window.col // cell[1] * cell[1]
    bottom, right = (-(-(at + length) // size) * size for at, length, size in zip(window[:2], window[2:], cell, strict=True))
    touched = clip_window(Window(top, left, bottom - top, right - left), *pixels.shape)
    assert DataMap(cells, cell)(window) == pixels[window_slices(touched)].any()


def test_cells_without_pixels_are_refused():
    with pytest.raises(InputError, match="0 x 4"):
        DataMap(np.ones((1, 1), bool), (0, 4))
