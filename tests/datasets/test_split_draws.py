from __future__ import annotations

from rs_da_mm.datasets.split_draws import BlockedSplit, WindowKey
from rs_da_mm.raster import window_grid


def test_windows_are_gathered_by_part_scene_by_scene():
    windows = {"b": window_grid(8, 24, 8), "a": window_grid(8, 16, 8)}
    split = BlockedSplit.gather(windows, {"a": [1, -1], "b": [0, 1, 0]}, 3)
    assert split.parts == [
        [WindowKey("b", 0, 0), WindowKey("b", 0, 16)],
        [WindowKey("b", 0, 8), WindowKey("a", 0, 0)],
        [],
    ]
    assert split.dropped == [WindowKey("a", 0, 8)]
