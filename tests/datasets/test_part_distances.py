from __future__ import annotations

import itertools

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.datasets.part_distances import part_distances
from rs_da_mm.datasets.split_draws import WindowKey
from rs_da_mm.raster import Window, window_grid
from rs_da_mm.raster.ground_plane import Placement

SCALE = 1 / 0.9996  # metres on the ground per metre of UTM along its central meridian


def placed(x=0.0, y=0.0, epsg=32633, size=160):
    return Placement(CRS.from_epsg(epsg), Affine(10, 0, 500_000 + x, 0, -10, 5_300_000 - y), size, size)


def keys(scene, windows):
    return [WindowKey(scene, w.row, w.col) for w in windows]


def test_parts_of_one_scene():
    windows = window_grid(160, 160, 16)
    columns = {"train": (0, 3), "val": (4, 5), "test": (8, 10)}
    parts = {part: keys("a", [w for w in windows if low <= w.col // 16 < high]) for part, (low, high) in columns.items()}
    found = part_distances({"a": windows}, parts, {"a": placed()})
    assert found.keys() == {("train", "val"), ("train", "test"), ("val", "test")}
    assert found["train", "val"] == pytest.approx(160 * SCALE, rel=1e-4)
    assert found["train", "test"] == pytest.approx(800 * SCALE, rel=1e-4)
    assert found["val", "test"] == pytest.approx(480 * SCALE, rel=1e-4)


def test_overlapping_scenes_touch():
    windows = {"a": window_grid(160, 160, 16), "b": window_grid(160, 160, 16)}
    parts = {"train": keys("a", windows["a"]), "val": keys("b", windows["b"])}
    assert part_distances(windows, parts, {"a": placed(), "b": placed(x=803, y=807)}) == {("train", "val"): 0.0}


def test_places_far_apart_are_measured_over_the_globe():
    windows = {"a": [Window(0, 0, 160, 160)], "b": [Window(0, 0, 160, 160)]}
    parts = {"train": keys("a", windows["a"]), "val": keys("b", windows["b"])}
    found = part_distances(windows, parts, {"a": placed(), "b": placed(x=30_000)})
    # Between two places what is known is a lower bound: from middle to middle, less what they reach around them.
    assert 28_400 - 700 < found["train", "val"] <= 28_400 * SCALE


def test_empty_parts_have_no_distance():
    windows = {"a": [Window(0, 0, 16, 16)]}
    assert part_distances(windows, {"train": keys("a", windows["a"]), "val": []}, {"a": placed()}) == {}


@pytest.mark.parametrize("seed", range(4))
def test_the_nearest_windows_are_found_among_thousands(seed):
    rng = np.random.default_rng(seed)
    every = window_grid(640, 640, 10)
    chosen = rng.permutation(len(every))
    # Part of the ground is left out, so that the nearest two are not simply neighbours.
    ours = [every[i] for i in chosen[:200] if every[i].row < 300]
    theirs = [every[i] for i in chosen[200:900] if every[i].row > 340]
    found = part_distances({"a": every}, {"one": keys("a", ours), "two": keys("a", theirs)}, {"a": placed(size=640)})[
        "one", "two"
    ]
    least = min(
        np.hypot(max(abs(a.row - b.row) - 10, 0), max(abs(a.col - b.col) - 10, 0)) for a, b in itertools.product(ours, theirs)
    )
    assert found == pytest.approx(least * 10 * SCALE, rel=1e-4)
