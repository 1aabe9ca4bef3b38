from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_da_mm.datasets.splits import WindowKey, blocked_split, random_split, shuffled, split_runs, split_sizes
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Window, window_grid

RATIOS = (0.6, 0.2, 0.2)


def keys(count):
    return [WindowKey(f"scene{i % 7}", i // 7 * 256, 0) for i in range(count)]


def windows_of(scenes, size, stride, edge):
    return {f"s{i}": window_grid(height, width, size, stride, edge) for i, (height, width) in enumerate(scenes)}


def neighbours(some: list[Window], others: list[Window], stride: int) -> bool:
    """Whether any two touch or overlap; with a gap between windows, also those next to each other across it."""
    if not some or not others:
        return False
    a, b = np.array(some), np.array(others)
    reach = np.maximum(a[0, 2:], stride)
    return bool((np.abs(a[:, None, :2] - b[None, :, :2]) <= reach).all(axis=2).any())


@pytest.mark.parametrize(
    ("count", "ratios", "sizes"),
    [
        (10_920, RATIOS, [6552, 2184, 2184]),  # the MACU-Net paper's GID
        (4_940, RATIOS, [2964, 988, 988]),  # and WHDLD
        (7_280, (4, 1, 1), [4854, 1213, 1213]),
        (10, (1, 1, 1), [4, 3, 3]),
        (3, (0.5, 0, 0.5), [2, 0, 1]),
        (0, RATIOS, [0, 0, 0]),
    ],
)
def test_sizes_are_exact(count, ratios, sizes):
    assert split_sizes(count, ratios) == sizes


@given(st.integers(0, 500), st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any))
def test_sizes_add_up_and_are_within_one_of_the_share(count, ratios):
    sizes = split_sizes(count, ratios)
    assert sum(sizes) == count
    assert all(abs(size - count * ratio / sum(ratios)) < 1 for size, ratio in zip(sizes, ratios, strict=True))


@pytest.mark.parametrize("ratios", [(), (0, 0), (-1, 2), ("a", 1)])
def test_ratios_without_sense_are_refused(ratios):
    with pytest.raises(DatasetError, match="ratios"):
        split_sizes(3, ratios)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.integers(0, 10**6))
def test_a_random_split_is_disjoint_complete_and_of_exact_sizes(count, seed):
    parts = random_split(keys(count), RATIOS, seed)
    assert [len(part) for part in parts] == split_sizes(count, RATIOS)
    assert sorted(itertools.chain(*parts)) == sorted(keys(count))


def test_a_random_split_depends_on_the_seed_and_not_on_the_order_of_the_windows():
    forth, back = random_split(keys(100), RATIOS, 1), random_split(keys(100)[::-1], RATIOS, 1)
    assert [set(part) for part in forth] == [set(part) for part in back]
    assert set(random_split(keys(100), RATIOS, 2)[0]) != set(forth[0])


def test_a_random_split_keeps_the_order_of_the_windows():
    order = {key: i for i, key in enumerate(keys(100))}
    for part in random_split(keys(100), RATIOS, 0):
        assert part == sorted(part, key=order.__getitem__)


def test_the_draw_is_the_same_with_every_numpy():
    names = list("abcdefgh")
    assert shuffled(names, 0) == sorted(names, key=lambda name: hashlib.sha256(b"0\0" + name.encode()).hexdigest())
    assert shuffled([("a", np.int64(3))], 0) == [("a", 3)]


def test_every_window_comes_into_the_test_part_equally_often():
    hits = np.zeros(50)
    for seed in range(600):
        hits[[key.row // 256 * 7 + int(key.scene[5:]) for key in random_split(keys(50), RATIOS, seed)[2]]] += 1
    # Binomial(600, 0.2): mean 120, standard deviation 9.8; five of them leave one failure in 30,000 such tests.
    assert abs(hits - 120).max() < 5 * 9.8


scenes = st.lists(st.tuples(st.integers(8, 64), st.integers(8, 64)), min_size=1, max_size=3)


@settings(max_examples=40, deadline=None)
@given(
    scenes,
    st.sampled_from([(8, 8), (8, 4), (8, 5), (8, 11)]),
    st.sampled_from(["drop", "shift", "pad"]),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_no_two_neighbours_are_in_different_parts_of_a_blocked_split(shapes, grid, edge, block, seed):
    size, stride = grid
    windows = windows_of(shapes, size, stride, edge)
    try:
        split = blocked_split(windows, RATIOS, seed, block, (stride, stride))
    except DatasetError:
        return  # too few blocks for three parts
    placed = {WindowKey(scene, w.row, w.col): w for scene, some in windows.items() for w in some}
    assert sorted([*itertools.chain(*split.parts), *split.dropped]) == sorted(placed)
    assert all(split.parts)
    for one, other in itertools.combinations(split.parts, 2):
        for scene in windows:
            some, others = ([placed[key] for key in part if key.scene == scene] for part in (one, other))
            assert not neighbours(some, others, stride)
    again = blocked_split(windows, RATIOS, seed, block, (stride, stride))
    assert again == split


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(8, 90), st.integers(8, 90)), min_size=3, max_size=9), st.integers(0, 99))
def test_whole_scenes_stay_whole_and_lose_nothing(shapes, seed):
    windows = windows_of(shapes, 8, 8, "drop")
    split = blocked_split(windows, RATIOS, seed)
    assert not split.dropped
    assert sorted(itertools.chain(*split.parts)) == sorted(
        WindowKey(s, w.row, w.col) for s, some in windows.items() for w in some
    )
    homes = [{key.scene for key in part} for part in split.parts]
    assert all(homes)
    assert not any(one & other for one, other in itertools.combinations(homes, 2))


def test_the_papers_15_scenes_go_9_3_and_3():
    windows = windows_of([(7200, 6800)] * 15, 256, 256, "drop")
    assert [len(part) for part in blocked_split(windows, RATIOS, 0).parts] == [9 * 728, 3 * 728, 3 * 728]


@pytest.mark.parametrize("seed", range(3))
def test_blocks_meet_the_ratios_and_lose_a_guard_strip(seed):
    windows = windows_of([(7200, 6800)] * 4, 256, 256, "drop")
    split = blocked_split(windows, RATIOS, seed, block=7)
    sizes = np.array([len(part) for part in split.parts])
    np.testing.assert_allclose(sizes / sizes.sum(), RATIOS, atol=0.01)
    assert 0 < len(split.dropped) < 0.25 * 4 * 728


def test_a_block_split_depends_on_the_seed():
    windows = windows_of([(320, 320)] * 3, 16, 16, "drop")
    assert blocked_split(windows, RATIOS, 0, 4) != blocked_split(windows, RATIOS, 1, 4)


def test_two_equal_parts_of_two_blocks_lose_one_strip():
    # 1 x 8 windows in blocks of 4: the later block gives up the one window that touches the earlier one.
    split = blocked_split({"s": window_grid(8, 64, 8)}, (1, 1), 0, block=4)
    assert sorted(map(len, split.parts)) == [3, 4]
    assert [key.col for key in split.dropped] in ([24], [32])


def test_overlapping_windows_get_a_wider_guard():
    # Stride 4 and size 8: windows whose corners are 4 or 8 apart overlap or touch, so a guard is two windows wide.
    split = blocked_split({"s": window_grid(8, 132, 8, 4)}, (1, 1), 0, block=16, stride=(4, 4))
    assert len(split.dropped) == 2


@pytest.mark.parametrize("block", ["scene", 50])
def test_too_few_blocks_for_the_parts_are_refused_with_a_way_out(block):
    with pytest.raises(DatasetError, match=r"needs 3 (scenes|blocks) or more, and there are? (is )?\d"):
        blocked_split(windows_of([(64, 64)] * 2, 16, 16, "drop"), RATIOS, 0, block)


@pytest.mark.parametrize("block", [0, True, "scenes", 2.5])
def test_a_block_without_sense_is_refused(block):
    with pytest.raises(DatasetError, match="block is"):
        blocked_split(windows_of([(64, 64)] * 3, 16, 16, "drop"), RATIOS, 0, block)


def test_a_part_of_ratio_0_stays_empty():
    split = blocked_split(windows_of([(64, 64)] * 3, 16, 16, "drop"), (0.5, 0, 0.5), 0)
    assert [bool(part) for part in split.parts] == [True, False, True]


def test_runs_of_numbered_patches_are_kept_apart_by_one_patch():
    windows = {f"wh{i:04d}": [Window(0, 0, 8, 8), Window(0, 8, 8, 8)] for i in range(100)}
    split = split_runs(windows, RATIOS, 0, block=10)
    part_of = {key.scene: i for i, part in enumerate(split.parts) for key in part}
    names = sorted(windows)
    for one, other in itertools.pairwise(names):
        assert part_of.get(one) is None or part_of.get(other) is None or part_of[one] == part_of[other]
    assert sum(map(len, split.parts)) + len(split.dropped) == 200
    with pytest.raises(DatasetError, match="block=50"):
        split_runs(windows, RATIOS, 0, block="scene")
