from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_da_mm.datasets import window_counts
from rs_da_mm.datasets.window_counts import LabelledWindows, class_counts, count_windows
from rs_da_mm.errors import DatasetError, RasterError
from rs_da_mm.raster import Window, clip_window, window_grid, window_slices


class InMemory:
    """Labels that count how often each pixel is read."""

    def read_stored(self, window):
        return None

    def __init__(self, labels, broken=None):
        self.labels, self.broken = labels, broken
        self.reads = np.zeros(labels.shape, dtype=int)
        self.calls, self.lock = 0, threading.Lock()

    def read(self, window):
        found = np.full((window.height, window.width), 255, np.uint8)
        inside = clip_window(window, *self.labels.shape)
        with self.lock:
            self.calls += 1
            self.reads[window_slices(inside)] += 1
        found[window_slices(inside, (window.row, window.col))] = self.labels[window_slices(inside)]
        if self.broken is not None and (found == self.broken).any():
            raise DatasetError("unknown label value 9")
        return found


def drawn(height, width, seed=0, classes=4):
    values = np.append(np.arange(classes), 255)
    return np.random.default_rng(seed).choice(values, (height, width)).astype(np.uint8)


def expected(labels, windows, classes):
    source = InMemory(labels)
    counted = [np.bincount(source.read(w).ravel(), minlength=256) for w in windows]
    return np.array([[*one[:classes], one[255]] for one in counted])


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 25), st.integers(1, 25)),
    st.sampled_from(["drop", "pad"]),
    st.sampled_from([3, 8, 2048]),
)
def test_counts_are_those_of_every_window_by_itself(shape, size, stride, edge, side):
    labels = drawn(*shape)
    windows = window_grid(*shape, size, stride, edge)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_counts, "_SIDE", side)
        (counts,) = count_windows([LabelledWindows(InMemory(labels), *shape, windows)], 4)
    np.testing.assert_array_equal(counts, expected(labels, windows, 4).reshape(-1, 5))


def test_overlapping_windows_read_each_pixel_once():
    labels = InMemory(drawn(100, 90))
    windows = window_grid(100, 90, 16, 4, "shift")
    count_windows([LabelledWindows(labels, 100, 90, windows)], 4)
    assert set(labels.reads.ravel()) == {1}
    assert labels.calls == 1  # and many windows at once


def test_windows_anywhere_are_counted_too():
    labels, rng = drawn(80, 80), np.random.default_rng(0)
    windows = [Window(*rng.integers(-10, 75, 2).tolist(), *rng.integers(1, 30, 2).tolist()) for _ in range(40)]
    (counts,) = count_windows([LabelledWindows(InMemory(labels), 80, 80, windows)], 4)
    np.testing.assert_array_equal(counts, expected(labels, windows, 4))


def test_scenes_keep_their_order_and_some_have_no_windows():
    scenes = [drawn(20 + i, 30, seed=i) for i in range(5)]
    windows = [window_grid(*labels.shape, 8) if i != 2 else [] for i, labels in enumerate(scenes)]
    found = count_windows([LabelledWindows(InMemory(a), *a.shape, some) for a, some in zip(scenes, windows, strict=True)], 4)
    for labels, some, counts in zip(scenes, windows, found, strict=True):
        np.testing.assert_array_equal(counts, expected(labels, some, 4).reshape(-1, 5))


def test_an_unknown_label_between_the_windows_is_no_matter_and_one_inside_is():
    labels = drawn(40, 40)
    labels[9, 9] = 9
    windows = window_grid(40, 40, 8, 10)
    (counts,) = count_windows([LabelledWindows(InMemory(labels, broken=9), 40, 40, windows)], 4)
    np.testing.assert_array_equal(counts, expected(labels, windows, 4))
    labels[11, 11] = 9
    with pytest.raises(DatasetError, match="unknown label value 9"):
        count_windows([LabelledWindows(InMemory(labels, broken=9), 40, 40, windows)], 4)


def test_a_file_that_cannot_be_read_ends_the_count():
    class Damaged:
        def read_stored(self, window):
            raise RasterError("a.tif is cut off")

    with pytest.raises(RasterError, match="cut off"):
        count_windows([LabelledWindows(Damaged(), 64, 64, window_grid(64, 64, 8))] * 3, 2)


def test_many_pixels_are_counted_exactly():
    labels = np.zeros((4097, 4096), dtype=np.uint8)  # more than float32 can count
    labels[0, 0] = 255
    assert class_counts(labels, 2).tolist() == [4097 * 4096 - 1, 0, 1]
    assert class_counts(labels[:100], 2).tolist() == [409_599, 0, 1]


class Stored(InMemory):
    """Labels whose values are 10 more than their classes, 99 for ignored."""

    def read_stored(self, window):
        table = np.full(256, 254, np.uint8)
        table[10:14], table[99] = np.arange(4), 255
        classes = self.labels[window_slices(window)]
        return np.where(classes == 255, 99, classes + 10).astype(np.uint8), table


def test_values_can_be_counted_as_they_are_stored():
    labels, windows = drawn(50, 40), window_grid(50, 40, 16, 8, "pad")
    (counts,) = count_windows([LabelledWindows(Stored(labels), 50, 40, windows)], 4)
    np.testing.assert_array_equal(counts, expected(labels, windows, 4))


def test_a_stored_value_without_a_class_is_looked_for_window_by_window():
    labels, windows = drawn(40, 40), window_grid(40, 40, 8)
    labels[20, 20] = 9
    with pytest.raises(DatasetError, match="unknown label value 9"):
        count_windows([LabelledWindows(Stored(labels, broken=9), 40, 40, windows)], 4)
