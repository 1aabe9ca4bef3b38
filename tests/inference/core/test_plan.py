"""Which windows are computed: all that is needed, and nothing twice."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.errors import InputError
from rs_da_mm.inference.core.data_map import DataMap
from rs_da_mm.inference.core.plan import plan_windows
from rs_da_mm.raster import Window, clip_window, window_slices

LENGTHS = st.integers(1, 70)
SIZES = st.tuples(st.integers(1, 20), st.integers(1, 20))
OVERLAPS = st.floats(0, 0.95)


def counted(plan):
    times = np.zeros((plan.height, plan.width), int)
    for row in plan.rows:
        for window in row.windows:
            times[window_slices(clip_window(window, plan.height, plan.width))] += 1
    return times


@given(LENGTHS, LENGTHS, SIZES, OVERLAPS)
def test_every_pixel_is_covered_by_the_fewest_windows_of_that_overlap(height, width, size, overlap):
    plan = plan_windows(height, width, size, overlap)
    assert (counted(plan) >= 1).all()
    strides = [s - min(round(s * overlap), s - 1) for s in size]
    fewest = [-(-max(length - s, 0) // stride) + 1 for length, s, stride in zip((height, width), size, strides, strict=True)]
    assert plan.window_count == fewest[0] * fewest[1]
    assert len(plan.rows) == fewest[0]
    # No more windows on a pixel than strides fit into a window, and one for the last row and column, moved to the edge.
    assert counted(plan).max() <= (-(-size[0] // strides[0]) + 1) * (-(-size[1] // strides[1]) + 1)


def test_an_overlap_that_fits_covers_each_pixel_as_often_as_it_asks():
    times = counted(plan_windows(40, 40, 8, 0.75))
    assert times[6:-6, 6:-6].min() == times.max() == 16
    assert (counted(plan_windows(40, 40, 8, 0)) == 1).all()


def test_the_last_windows_are_moved_to_the_edge():
    plan = plan_windows(21, 13, (8, 6), overlap=2)
    assert [row.row for row in plan.rows] == [0, 6, 12, 13]
    assert plan.rows[0].columns == (0, 4, 7)
    assert plan.rows[3].windows == (Window(13, 0, 8, 6), Window(13, 4, 8, 6), Window(13, 7, 8, 6))
    assert plan.columns == (0, 13)


def test_a_scene_smaller_than_a_window_gets_one_that_reaches_beyond():
    plan = plan_windows(3, 9, 5, 0.2)
    assert [row.windows for row in plan.rows] == [(Window(0, 0, 5, 5), Window(0, 4, 5, 5))]
    assert plan.finished_rows(0) == (0, 3)


@given(LENGTHS, st.integers(1, 20), OVERLAPS)
def test_rows_finish_once_and_no_later_window_touches_them(height, size, overlap):
    plan = plan_windows(height, 5, size, overlap)
    end = 0
    for index in range(len(plan.rows)):
        start, stop = plan.finished_rows(index)
        assert start == end < stop
        end = stop
        assert all(row.row >= stop for row in plan.rows[index + 1 :])
    assert end == height


@given(LENGTHS, st.integers(1, 20), OVERLAPS, st.data())
def test_going_on_needs_just_the_windows_that_reach_below_what_is_done(height, size, overlap, data):
    plan = plan_windows(height, 5, size, overlap)
    done = data.draw(st.sampled_from([0, *(plan.finished_rows(index)[1] for index in range(len(plan.rows)))]))
    needed = [index for index, row in enumerate(plan.rows) if row.row + size > done and done < height]
    assert list(range(plan.first_row_needed(done), len(plan.rows))) == needed


def test_going_on_from_a_row_where_nothing_finishes_is_refused():
    with pytest.raises(InputError, match=r"0\.\.6 are said to be done"):
        plan_windows(20, 20, 8, 0.5).first_row_needed(7)


@given(LENGTHS, LENGTHS, SIZES, OVERLAPS, st.integers(0, 2**32 - 1), st.floats(0, 0.1))
def test_windows_without_data_are_left_out_and_no_other(height, width, size, overlap, seed, share):
    has_data = np.random.default_rng(seed).random((height, width)) < share
    plan = plan_windows(height, width, size, overlap, lambda w: bool(has_data[window_slices(w)].any()))
    every = [window for row in plan_windows(height, width, size, overlap).rows for window in row.windows]
    kept = [window for row in plan.rows for window in row.windows]
    assert kept == [window for window in every if has_data[window_slices(window)].any()]
    assert plan.skipped == len(every) - len(kept)
    assert (counted(plan) >= has_data).all()
    if kept:
        assert plan.columns == (min(w.col for w in kept), min(width, max(w.col + w.width for w in kept)))
    else:
        assert plan.columns == (0, 0)


def test_a_sparse_scene_of_ten_thousand_million_pixels_costs_what_its_data_costs():
    side, size = 100_000, 64
    cells = np.zeros((391, 391), bool)
    for row, col in ((0, 0), (100, 390), (390, 3), (390, 390)):
        cells[row, col] = True
    asked = []
    data = DataMap(cells, (256, 256))
    tracemalloc.start()
    plan = plan_windows(side, side, size, 0.5, lambda window: asked.append(1) or data(window))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    grid = -(-(side - size) // 32) + 1
    assert plan.window_count + plan.skipped == grid**2 > 9_000_000
    assert plan.window_count < 4 * 10**2
    assert len(asked) < grid + 2 * 12 * plan.window_count  # one per row, and a bisection per window: this is the time it takes
    assert peak < 2 << 20  # what the grid's rows and the answers need, not its windows


def test_a_full_scene_keeps_numbers_and_not_windows():
    tracemalloc.start()
    plan = plan_windows(100_000, 100_000, 64, 0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert plan.window_count > 9_000_000
    assert peak < 2 << 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(height=0, width=5, size=2), "0 x 5"),
        (dict(height=5, width=5, size=(2, 0)), "window of 0"),
        (dict(height=5, width=5, size=4, overlap=1.0), "overlap is 1.0"),
        (dict(height=5, width=5, size=4, overlap=4), "overlap is 4 and the window 4"),
        (dict(height=5, width=5, size=4, overlap=-1), "overlap is -1"),
        (dict(height=5, width=5, size=4, overlap=2, margin=2), "two margins of 2"),
    ],
)
def test_what_cannot_be_planned_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        plan_windows(**arguments)
