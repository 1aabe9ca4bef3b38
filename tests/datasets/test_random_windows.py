from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_da_mm.datasets.random_windows import RandomWindows
from rs_da_mm.datasets.splits import blocked_split
from rs_da_mm.raster import Window, window_grid


def covered(windows, shape):
    ground = np.zeros(shape, dtype=bool)
    for w in windows:
        ground[w.row : w.row + w.height, w.col : w.col + w.width] = True
    return ground


def allowed(windows, window, step, shape):
    """Every place that a window may move to, found by looking at each."""
    ground = covered(windows, shape)
    found = []
    for down, right in itertools.product(range(-(step // 2), step - step // 2), repeat=2):
        row, col = window.row + down, window.col + right
        inside = row >= 0 and col >= 0 and row + window.height <= shape[0] and col + window.width <= shape[1]
        if inside and ground[row : row + window.height, col : col + window.width].all():
            found.append((row, col))
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(8, 8), (8, 5), (6, 11), (5, 3)]), st.sampled_from(["drop", "shift", "pad"]))
def test_every_pixel_stays_in_windows_of_the_part(seed, grid, edge):
    rng = np.random.RandomState(seed)
    size, step = grid
    every = window_grid(30, 41, size, step, edge)
    part = [w for w in every if rng.rand() < 0.6] or every[:1]
    windows = RandomWindows({"a": part}, (step, step))
    ground = covered(part, (80, 80))
    for w in part:
        moved = windows.moved(w, "a", rng.randint)
        assert moved[2:] == w[2:]
        assert moved.row >= 0
        assert moved.col >= 0
        assert ground[moved.row : moved.row + size, moved.col : moved.col + size].all()
        assert max(abs(moved.row - w.row), abs(moved.col - w.col)) <= step // 2


@pytest.mark.parametrize("left_out", [(), (Window(8, 8, 8, 8),), tuple(window_grid(8, 40, 8))])
def test_every_place_that_is_allowed_is_as_likely(left_out):
    part = [w for w in window_grid(24, 40, 8) if w not in left_out]
    windows, rng = RandomWindows({"a": part}), np.random.RandomState(0)
    for w in part[:3]:
        places = allowed(part, w, 8, (24, 40))
        draws = 40 * len(places)
        moved = [windows.moved(w, "a", rng.randint) for _ in range(draws)]
        counts = dict.fromkeys(places, 0)
        for one in moved:
            counts[one.row, one.col] += 1
        # Chi-square with len(places) - 1 degrees of freedom: mean that, variance twice that; five deviations.
        chi_square = sum((count - 40) ** 2 / 40 for count in counts.values())
        freedom = len(places) - 1
        assert chi_square <= freedom + 5 * (2 * freedom) ** 0.5


def test_windows_never_come_into_another_part_or_the_guard():
    windows = {"a": window_grid(96, 96, 8), "b": window_grid(96, 96, 8)}
    split = blocked_split(windows, (1, 1), 0, block=4)
    rng = np.random.RandomState(0)
    grounds = []
    for part in split.parts:
        of_part = {scene: [Window(k.row, k.col, 8, 8) for k in part if k.scene == scene] for scene in windows}
        moving = RandomWindows(of_part, (8, 8))
        moved = {scene: [moving.moved(w, scene, rng.randint) for w in some] for scene, some in of_part.items()}
        assert sum(w not in of_part[s] for s, some in moved.items() for w in some) > len(part) / 2
        grounds.append({scene: covered(some, (98, 98)) for scene, some in moved.items()})
    for scene in windows:
        near = grounds[0][scene].copy()
        for step in (-1, 1):  # one pixel around: parts that touched would meet here
            near |= np.roll(grounds[0][scene], step, 0) | np.roll(grounds[0][scene], step, 1)
        assert not (near & grounds[1][scene]).any()


def test_a_window_without_neighbours_stays_and_one_with_moves_towards_them():
    windows, rng = RandomWindows({"a": [Window(0, 0, 8, 8)], "b": window_grid(8, 16, 8)}), np.random.RandomState(0)
    assert {windows.moved(Window(0, 0, 8, 8), "a", rng.randint) for _ in range(20)} == {Window(0, 0, 8, 8)}
    assert {windows.moved(Window(0, 0, 8, 8), "b", rng.randint) for _ in range(60)} == {Window(0, col, 8, 8) for col in range(4)}


def test_the_same_draws_move_windows_alike_in_any_process():
    windows = RandomWindows({"a": window_grid(40, 40, 8)})
    one, other = (
        [moving.moved(Window(8, 8, 8, 8), "a", rng.randint) for _ in range(9)]
        for moving, rng in ((windows, np.random.RandomState(3)), (pickle.loads(pickle.dumps(windows)), np.random.RandomState(3)))
    )
    assert one == other
    with pytest.raises(KeyError):
        windows.moved(Window(0, 0, 8, 8), "b", int)
