from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.datasets.footprints import footprints, require_placed
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Window, window_grid
from rs_da_mm.raster.ground_plane import Placement


def placed(epsg=32633, x=500_000, y=5_300_000, res=10.0, size=64, turn=0.0):
    cosine, sine = res * math.cos(math.radians(turn)), res * math.sin(math.radians(turn))
    grid = Affine(cosine, sine, x, sine, -cosine, y)
    return Placement(CRS.from_epsg(epsg), grid, size, size)


def test_windows_are_quadrilaterals_in_metres():
    prints = footprints({"a": window_grid(64, 64, 16)}, {"a": placed()})
    assert len(prints) == 16
    # UTM shrinks by 0.9996 along its central meridian, where this lies.
    np.testing.assert_allclose(prints.edges, 160 / 0.9996, rtol=1e-5)
    np.testing.assert_allclose(prints.radii, 160 / 0.9996 / 2**0.5, rtol=1e-5)
    np.testing.assert_allclose(prints.pixel, 10 / 0.9996, rtol=1e-5)
    step = prints.centres[1] - prints.centres[0]
    np.testing.assert_allclose(np.hypot(*step), 160 / 0.9996, rtol=1e-5)


def test_a_turned_grid_keeps_its_shape():
    straight, turned = (footprints({"a": window_grid(64, 64, 16)}, {"a": placed(turn=turn)}) for turn in (0, 30))
    np.testing.assert_allclose(turned.edges, straight.edges, rtol=1e-4)
    slope = np.degrees(np.arctan2(*(turned.centres[1] - turned.centres[0])[::-1]))
    assert slope == pytest.approx(30, abs=0.1)


def test_what_lies_outside_the_scene_covers_no_ground():
    prints = footprints({"a": [Window(48, 0, 32, 16)]}, {"a": placed()})
    np.testing.assert_allclose(prints.edges, 160 / 0.9996, rtol=1e-5)


def test_scenes_near_each_other_share_a_plane_and_others_do_not():
    windows = {name: window_grid(64, 64, 32) for name in "abcd"}
    scenes = {
        "a": placed(),
        "b": placed(x=500_640),
        "c": placed(x=501_900),  # 620 m further
        "d": placed(epsg=32652),
    }
    assert footprints(windows, scenes).place.tolist() == [0] * 8 + [1] * 4 + [2] * 4
    assert footprints(windows, scenes, reach=600).place.tolist() == [0] * 12 + [1] * 4


def test_the_order_of_scenes_does_not_matter():
    windows = {name: window_grid(64, 64, 32) for name in "abc"}
    scenes = {name: placed(x=500_000 + 640 * place) for place, name in enumerate("abc")}
    forth = footprints(windows, scenes)
    back = footprints(dict(reversed(windows.items())), dict(reversed(scenes.items())))
    np.testing.assert_array_equal(forth.quads, back.quads)


def test_a_scene_that_cannot_be_placed_is_named():
    with pytest.raises(DatasetError, match="Scene 'a' cannot be placed on the ground: EPSG:32633"):
        footprints({"a": [Window(0, 0, 8, 8)]}, {"a": placed(x=1e9, y=1e9)})


def test_scenes_without_a_place_are_named_with_a_way_out():
    known = {"a": placed()}
    assert require_placed(known, "This") == known
    lost = {**known, **dict.fromkeys("bcdef")}
    with pytest.raises(DatasetError, match=r"^This needs .* 5 of 6 .*: 'b', 'c', 'd' and 2 more\..*rio edit-info.*block='scene'"):
        require_placed(lost, "This")


def test_no_windows_are_no_footprints():
    assert len(footprints({"a": []}, {})) == 0


def test_windows_on_the_same_ground_are_one_site_of_their_group():
    scenes = {"a": placed(), "b": placed(x=500_640), "c": placed()}  # c is a, another day
    prints = footprints({name: window_grid(64, 64, 32) for name in scenes}, scenes)
    first, site = prints.sites(np.zeros(12, dtype=np.int64))
    assert len(first) == 8
    assert site[:4].tolist() == site[8:].tolist()
    assert len(set(site[:8].tolist())) == 8
    np.testing.assert_allclose(prints.quads[first][site], prints.quads, atol=0.01)
    assert len(prints.sites(np.repeat([0, 1, 2], 4))[0]) == 12
