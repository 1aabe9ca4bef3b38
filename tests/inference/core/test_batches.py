"""Windows read together and put into batches of one shape."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tiny_scenes import ArraySource

from rs_da_mm.inference.core.batches import read_batches
from rs_da_mm.inference.core.plan import WindowRow, plan_windows
from rs_da_mm.raster import Window, window_slices


def ramp(height, width, bands=2):
    return np.arange(1, height * width * bands + 1, dtype=np.uint32).reshape(height, width, bands)


@given(st.integers(1, 60), st.integers(1, 10), st.floats(0, 0.9), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_each_window_with_data_is_in_one_batch_with_its_own_pixels(width, size, overlap, batch_size, seed):
    valid = (np.random.default_rng(seed).random((size, width)) < 0.05).astype(np.uint8)
    source = ArraySource(ramp(size, width), valid)
    (row,) = plan_windows(size, width, size, overlap).rows
    seen = []
    for batch in read_batches(source, row, batch_size):
        assert batch.pixels.shape == (batch_size, size, size, 2)
        assert batch.valid.shape == (batch_size, size, size)
        assert 0 < len(batch.windows) <= batch_size
        for image in range(batch_size):
            window = batch.windows[min(image, len(batch.windows) - 1)]
            pixels, has_data = ArraySource(source.pixels, valid).read_with_valid(window)
            np.testing.assert_array_equal(batch.pixels[image], pixels)
            np.testing.assert_array_equal(batch.valid[image], has_data)
        seen += batch.windows
    assert seen == [window for window in row.windows if valid[window_slices(window)].any()]


def test_windows_that_overlap_are_read_in_one_go():
    source = ArraySource(ramp(4, 40))
    list(read_batches(source, WindowRow(0, (0, 2, 4, 6, 20, 22), (4, 4)), 3))
    assert source.reads == [Window(0, 0, 4, 8), Window(0, 6, 4, 4), Window(0, 20, 4, 6)]
