from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.errors import InputError
from rs_da_mm.raster import Window, clip_window, window_grid, window_slices

LENGTHS = st.integers(1, 60)
SIZES = st.integers(1, 25)


def counted(windows: list[Window], height: int, width: int) -> np.ndarray:
    """How often each pixel of a scene is covered."""
    times = np.zeros((height, width), dtype=int)
    for window in windows:
        times[window_slices(clip_window(window, height, width))] += 1
    return times


def test_a_gid_scene_has_728_windows_of_256():
    windows = window_grid(6800, 7200, 256)
    assert len(windows) == 728 == (6800 // 256) * (7200 // 256)
    times = counted(windows, 6800, 7200)
    assert times.sum() == 728 * 256 * 256
    assert (times[: 26 * 256, : 28 * 256] == 1).all()
    assert times[26 * 256 :].sum() == times[:, 28 * 256 :].sum() == 0


def test_windows_go_row_by_row():
    assert window_grid(4, 6, 2, edge="drop") == [Window(r, c, 2, 2) for r in (0, 2) for c in (0, 2, 4)]


@pytest.mark.parametrize(("edge", "rows"), [("drop", [0, 4]), ("pad", [0, 4, 8]), ("shift", [0, 4, 6])])
def test_the_rest_at_the_edge(edge, rows):
    assert [window.row for window in window_grid(10, 4, 4, edge=edge)] == rows


@pytest.mark.parametrize("edge", ["drop", "pad", "shift"])
def test_a_scene_that_the_windows_fit_has_the_same_windows_under_every_edge(edge):
    assert window_grid(8, 8, 4, edge=edge) == window_grid(8, 8, 4)


@pytest.mark.parametrize("edge", ["drop", "pad", "shift"])
def test_a_stride_above_the_size_leaves_gaps(edge):
    times = counted(window_grid(20, 20, 2, stride=6, edge=edge), 20, 20)
    assert times.max() == 1
    assert (times[2:6] == 0).all()


def test_a_scene_smaller_than_a_window():
    assert window_grid(3, 9, 5, edge="drop") == []
    assert window_grid(3, 9, 5, edge="pad") == [Window(0, 0, 5, 5), Window(0, 5, 5, 5)]
    with pytest.raises(InputError, match=r"3 rows and the window 5.*edge='pad'"):
        window_grid(3, 9, 5, edge="shift")


def test_size_and_stride_can_differ_by_axis():
    assert window_grid(6, 10, (3, 5), (2, 5), edge="drop") == [
        Window(0, 0, 3, 5),
        Window(0, 5, 3, 5),
        Window(2, 0, 3, 5),
        Window(2, 5, 3, 5),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 4, 0), "size is 0"),
        ((4, 4, 2, 0), "stride is 0"),
        ((4, 4, (2, -1)), r"size is \(2, -1\)"),
        ((0, 4, 2), "0 rows"),
        ((4, 4, 2, None, "wrap"), "edge is 'wrap'"),
    ],
)
def test_what_makes_no_grid_is_told(arguments, message):
    with pytest.raises(InputError, match=message):
        window_grid(*arguments)


@given(height=LENGTHS, width=LENGTHS, size=SIZES, stride=SIZES, edge=st.sampled_from(["drop", "pad", "shift"]))
def test_windows_are_unique_of_one_size_and_touch_the_scene(height, width, size, stride, edge):
    if edge == "shift" and size > min(height, width):
        return
    windows = window_grid(height, width, size, stride, edge)
    assert len(set(windows)) == len(windows)
    assert windows == sorted(windows)
    for window in windows:
        assert (window.height, window.width) == (size, size)
        inside = clip_window(window, height, width)
        assert inside.height > 0
        assert inside.width > 0
        assert edge == "pad" or inside == window


@given(height=LENGTHS, width=LENGTHS, size=SIZES, data=st.data(), edge=st.sampled_from(["pad", "shift"]))
def test_pad_and_shift_leave_no_pixel_out(height, width, size, data, edge):
    if edge == "shift" and size > min(height, width):
        return
    stride = data.draw(st.integers(1, size))
    assert counted(window_grid(height, width, size, stride, edge), height, width).min() >= 1


@given(height=LENGTHS, width=LENGTHS, size=SIZES)
def test_pad_covers_each_pixel_once_and_drop_counts_whole_windows(height, width, size):
    assert (counted(window_grid(height, width, size, edge="pad"), height, width) == 1).all()
    dropped = window_grid(height, width, size, edge="drop")
    assert len(dropped) == (height // size) * (width // size)
    assert counted(dropped, height, width).sum() == len(dropped) * size * size


def test_clipping_and_slicing():
    assert clip_window(Window(-2, 3, 5, 9), 10, 8) == Window(0, 3, 3, 5)
    assert clip_window(Window(12, 0, 4, 4), 10, 8)[2] == 0
    assert window_slices(Window(5, 7, 2, 3), origin=(4, 5)) == (slice(1, 3), slice(2, 5))
    assert Window(5, 7, 2, 3).spelled == "rows 5..6, columns 7..9"
