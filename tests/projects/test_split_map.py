"""The picture of a split."""

from __future__ import annotations

import numpy as np
from tiny_own_data import place

from rs_da_mm.projects.split_map import COLOURS, draw_split
from rs_da_mm.raster import Window
from rs_da_mm.raster.ground_plane import Placement

PARTS = {"train": {"a": [Window(0, 0, 50, 50)]}, "val": {"a": [Window(0, 50, 50, 50)]}, "test": {"a": [Window(50, 0, 50, 100)]}}


def share(picture, part):
    painted = (picture == COLOURS[part]).all(axis=2)
    return painted.sum(), np.argwhere(painted).mean(axis=0)


def check(picture):
    (train, left), (val, right), (test, below) = (share(picture, part) for part in ("train", "val", "test"))
    assert 0.95 < train / val < 1.05
    assert 1.9 < test / train < 2.1
    assert left[1] < right[1]
    assert below[0] > left[0]


def test_windows_have_the_colour_of_their_part_and_their_size():
    picture, beyond = draw_split({"a": (100, 100)}, PARTS, None)
    check(picture)
    assert beyond == 0


def test_the_same_by_their_place_on_the_ground_with_north_up():
    picture, _ = draw_split({"a": (100, 100)}, PARTS, {"a": Placement(place().crs, place().transform, 100, 100)})
    check(picture)


def test_scenes_without_a_place_lie_side_by_side_up_to_48():
    sizes = {str(number): (10, 10) for number in range(60)}
    parts = {part: {name: [Window(0, 0, 10, 10)] for name in sizes} for part in ("train",)}
    picture, beyond = draw_split(sizes, parts, None)
    assert beyond == 12
    assert share(picture, "train")[0] > 0.5 * picture.shape[0] * picture.shape[1] * 48 / 49
