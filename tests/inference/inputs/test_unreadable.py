"""Keeping track of what could not be read."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.inference.core.plan import plan_windows
from rs_da_mm.inference.inputs.unreadable import UnreadableBlocks
from rs_da_mm.raster import Window, window_slices

GRID = [Window(row, col, 4, 6) for row in range(0, 24, 4) for col in range(0, 30, 6)]


def paint(windows):
    canvas = np.zeros((24, 30), int)
    for window in windows:
        canvas[window_slices(window)] += 1
    return canvas


@given(st.sets(st.sampled_from(GRID)))
def test_areas_cover_the_blocks_once(blocks):
    unreadable = UnreadableBlocks()
    unreadable.add(dict.fromkeys(blocks, "cut off"))
    np.testing.assert_array_equal(paint(unreadable.areas), paint(blocks))
    assert len(unreadable) == len(blocks)
    assert unreadable.pixels == 24 * len(blocks)
    assert unreadable.areas == sorted(unreadable.areas)


def test_the_lower_half_of_a_file_is_one_area():
    unreadable = UnreadableBlocks()
    unreadable.add({block: "cut off" for block in reversed(GRID) if block.row >= 12})
    assert unreadable.areas == [Window(12, 0, 12, 30)]


def test_the_report_holds_what_a_record_can_keep():
    unreadable = UnreadableBlocks()
    assert unreadable.report() == {"blocks": 0, "pixels": 0, "areas": [], "reason": None}
    unreadable.add({GRID[7]: "seven", GRID[2]: "two"})
    unreadable.add({GRID[7]: "seven again"})
    report = json.loads(json.dumps(unreadable.report()))
    assert report == {
        "blocks": 2,
        "pixels": 48,
        "areas": [{"row": 0, "col": 12, "height": 8, "width": 6}],
        "reason": "two",
    }


@given(st.sets(st.sampled_from(GRID)), st.integers(1, 12), st.sampled_from([0.0, 0.5]))
def test_windows_that_reach_into_blocks_are_counted(blocks, size, overlap):
    plan = plan_windows(24, 30, size, overlap)
    unreadable = UnreadableBlocks()
    unreadable.add(dict.fromkeys(blocks, ""))
    painted = paint(blocks)
    expected = sum(painted[window_slices(window)].any() for row in plan.rows for window in row.windows)
    assert unreadable.windows_touched(plan) == expected


def test_a_later_run_knows_what_an_earlier_one_found(tmp_path):
    path = tmp_path / "unreadable.jsonl"
    first = UnreadableBlocks(path)
    assert not path.exists()
    first.add({GRID[3]: "three"})
    first.add({GRID[1]: "one", GRID[3]: "three"})
    with path.open("ab") as file:
        file.write(b'{"block": [8, 0, 4, 6], "reason": "' + b"x" * 500)  # the process died here
    second = UnreadableBlocks(path)
    assert second.report() == first.report()
    second.add({GRID[9]: "nine"})
    assert UnreadableBlocks(path).report() == second.report()
    assert UnreadableBlocks(path).pixels == 3 * 24
    assert len(path.read_text().splitlines()) == 3
