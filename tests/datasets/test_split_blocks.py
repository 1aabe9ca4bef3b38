from __future__ import annotations

import numpy as np

from rs_da_mm.datasets.split_blocks import Arrangement, Unit, arrange, cut_blocks, find_conflicts

SIZE = np.array([8, 8])


def corners(rows, cols):
    return np.array([(8 * row, 8 * col) for row in range(rows) for col in range(cols)])


def test_blocks_hold_the_windows_that_begin_in_them():
    units = cut_blocks("s", corners(3, 5), extent=SIZE * 2, reach=SIZE)
    assert [len(unit.members) for unit in units] == [4, 4, 2, 2, 2, 1]
    assert sorted(np.concatenate([unit.members for unit in units])) == list(range(15))
    np.testing.assert_array_equal(units[0].corners, [[0, 0], [0, 8], [8, 0], [8, 8]])


def test_conflicts_are_the_pairs_of_touching_windows():
    units = cut_blocks("s", corners(2, 4), extent=SIZE * 2, reach=SIZE)
    find_conflicts(units)
    # Of 2 x 2 windows on each side, the two right ones of the left block touch both left ones of the right block.
    np.testing.assert_array_equal(units[0].conflicts[1], [[0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0]])
    np.testing.assert_array_equal(units[1].conflicts[0], units[0].conflicts[1].T)


def test_windows_of_two_scenes_never_conflict():
    units = [Unit(scene, np.arange(1), np.zeros((1, 2), dtype=np.int64), SIZE) for scene in "ab"]
    find_conflicts(units)
    assert units[0].conflicts == units[1].conflicts == {}


def test_the_later_unit_gives_way():
    units = cut_blocks("s", corners(1, 4), extent=SIZE * 2, reach=SIZE)
    find_conflicts(units)
    first = arrange(units, [0, 1], [0.5, 0.5])
    assert [kept.tolist() for kept in first.kept] == [[True, True], [False, True]]
    other = arrange(units, [1, 0], [0.5, 0.5])
    assert [kept.tolist() for kept in other.kept] == [[True, False], [True, True]]


def test_each_part_gets_a_unit_first_and_then_the_one_behind_its_share():
    units = [Unit(str(i), np.arange(4), np.zeros((4, 2), dtype=np.int64), SIZE) for i in range(5)]
    arrangement = arrange(units, [4, 3, 2, 1, 0], [0.6, 0.2, 0.2])
    assert arrangement.part == [0, 0, 2, 1, 0]
    assert arrangement.sizes(3) == [12, 4, 4]
    assert arrangement.loss([0.6, 0.2, 0.2]) == (0, 0, 0)


def test_an_empty_part_is_worse_than_any_ratio_and_a_ratio_worse_than_lost_windows():
    kept, lost = np.ones(4, dtype=bool), np.array([True, True, False, False])
    empty = Arrangement([0, 0], [kept, kept]).loss([0.5, 0.5])
    uneven = Arrangement([0, 1], [kept, lost]).loss([0.5, 0.5])
    even = Arrangement([0, 1], [lost, lost]).loss([0.5, 0.5])
    assert even < uneven < empty
