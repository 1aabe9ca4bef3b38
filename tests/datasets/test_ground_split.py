from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from rs_da_mm.datasets.ground_split import ground_split, group_split
from rs_da_mm.datasets.split_draws import WindowKey
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import window_grid
from rs_da_mm.raster.ground_plane import Placement

shapely = pytest.importorskip("shapely")
pyproj = pytest.importorskip("pyproj")

RATIOS = (0.6, 0.2, 0.2)
ZONES = {32632: 9.0, 32633: 15.0}


def placed(x=0.0, y=0.0, epsg=32633, res=10.0, size=160):
    """A scene whose corner lies x metres east and y metres south of a point 12.2° east, 48° north, in some UTM zone."""
    to_zone = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
    east, north = to_zone.transform(12.2, 48.0)
    return Placement(CRS.from_epsg(epsg), Affine(res, 0, east + x, 0, -res, north - y), size, size)


def on_the_ground(windows, placements):
    """Every window as a polygon in metres of one projection of pyproj's."""
    plane = pyproj.CRS.from_proj4("+proj=tmerc +lon_0=12.2 +lat_0=48 +datum=WGS84 +units=m")
    found = {}
    for scene, some in windows.items():
        there = placements[scene]
        to_plane = pyproj.Transformer.from_crs(there.crs.to_epsg(), plane, always_xy=True)
        t = there.transform
        for w in some:
            corners = [(0, 0), (0, 1), (1, 1), (1, 0)]
            cols = np.clip([w.col + c * w.width for _, c in corners], 0, there.width)
            rows = np.clip([w.row + r * w.height for r, _ in corners], 0, there.height)
            found[WindowKey(scene, w.row, w.col)] = shapely.polygons(
                np.transpose(to_plane.transform(t.a * cols + t.c, t.e * rows + t.f))
            )
    return found


def nearest(split, shapes):
    """Metres between the nearest windows of any two parts."""
    least = np.inf
    for one, other in itertools.combinations(split.parts, 2):
        if one and other:
            tree = shapely.STRtree([shapes[key] for key in one])
            _, apart = tree.query_nearest([shapes[key] for key in other], return_distance=True, all_matches=False)
            least = min(least, float(apart.min()))
    return least


scenes = st.lists(
    st.tuples(st.floats(-2500, 2500), st.floats(-2500, 2500), st.sampled_from(sorted(ZONES)), st.sampled_from([5.0, 10.0])),
    min_size=1,
    max_size=5,
)


@settings(max_examples=30, deadline=None)
@given(scenes, st.sampled_from([(16, 16), (16, 9)]), st.sampled_from([None, 200.0, 700.0]), st.integers(0, 99), st.randoms())
def test_parts_keep_their_distance_wherever_scenes_overlap(where, grid, gap, seed, random):
    placements = {f"s{i}": placed(x, y, epsg, res, 96) for i, (x, y, epsg, res) in enumerate(where)}
    windows = {scene: window_grid(96, 96, *grid, "pad") for scene in placements}
    try:
        split = ground_split(windows, placements, RATIOS, seed, block=600.0, gap=gap)
    except DatasetError:
        return  # too little ground for three parts
    keys = [WindowKey(scene, w.row, w.col) for scene, some in windows.items() for w in some]
    assert sorted([*itertools.chain(*split.parts), *split.dropped]) == sorted(keys)
    assert all(split.parts)
    # Half of the smaller pixel is 2.5 m; the projection that measures here is right to 1 in 10,000.
    assert nearest(split, on_the_ground(windows, placements)) > (2.4 if gap is None else gap * 0.9998)
    mixed = list(windows)
    random.shuffle(mixed)
    again = ground_split({scene: windows[scene] for scene in mixed}, placements, RATIOS, seed, block=600.0, gap=gap)
    assert [set(part) for part in again.parts] == [set(part) for part in split.parts]


def test_one_place_at_ten_dates_is_in_one_part():
    placements = {f"date{i}": placed() for i in range(10)}
    windows = {scene: window_grid(160, 160, 16) for scene in placements}
    split = ground_split(windows, placements, RATIOS, 0, block=480.0)
    part_of = defaultdict(set)
    for number, part in enumerate(split.parts):
        for key in part:
            part_of[key.row, key.col].add(number)
    assert all(len(parts) == 1 for parts in part_of.values())
    alone = ground_split({"date0": windows["date0"]}, placements, RATIOS, 0, block=480.0)
    assert [10 * len(part) for part in alone.parts] == [len(part) for part in split.parts]


def test_scenes_of_two_zones_on_the_same_ground_are_split_alike():
    placements = {"west": placed(epsg=32632), "east": placed(epsg=32633)}
    windows = {scene: window_grid(160, 160, 16) for scene in placements}
    split = ground_split(windows, placements, (1, 1), 0, block=400.0)
    shapes = on_the_ground(windows, placements)
    of_scene = [
        [shapely.union_all([shapes[key] for key in part if key.scene == scene]) for part in split.parts] for scene in windows
    ]
    for number in range(2):
        assert of_scene[0][number].intersection(of_scene[1][1 - number]).area == 0
        assert of_scene[0][number].intersection(of_scene[1][number]).area > 0.5 * of_scene[0][number].area


def test_whole_blocks_meet_the_ratios():
    placements = {"a": placed(size=960)}
    windows = {"a": window_grid(960, 960, 16)}
    split = ground_split(windows, placements, RATIOS, 0, block=960.0)
    sizes = np.array([len(part) for part in split.parts])
    np.testing.assert_allclose(sizes / sizes.sum(), RATIOS, atol=0.01)
    assert 0 < len(split.dropped) < 0.4 * 3600
    assert split.notes == {"block": 960.0, "gap": 0, "blocks": 100}


def test_the_seed_draws_another_split():
    placements, windows = {"a": placed()}, {"a": window_grid(160, 160, 16)}
    splits = [ground_split(windows, placements, RATIOS, seed, block=320.0).parts for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


def test_the_default_block_leaves_enough_of_them_and_is_wider_than_the_gap():
    placements, windows = {"a": placed(size=960)}, {"a": window_grid(960, 960, 16)}
    plain = ground_split(windows, placements, RATIOS, 0)
    assert plain.notes["block"] == pytest.approx(8 * 160, rel=1e-3)  # 16 windows a side would be 16 blocks, of which 3 to val
    wide = ground_split(windows, placements, RATIOS, 0, gap=500.0)
    assert wide.notes["block"] == 2000
    small = ground_split({"a": window_grid(960, 960, 240)}, placements, (1, 1), 0)
    assert small.notes["block"] == pytest.approx(2 * 2400, rel=1e-3)


def test_windows_that_were_left_out_before_are_no_ground():
    placements = {"a": placed()}
    windows = {"a": [w for w in window_grid(160, 160, 16) if w.col != 80], "b": []}
    split = ground_split(windows, {**placements, "b": placed()}, (1, 1), 0, block=800.0)
    assert all(split.parts)
    assert len(split.dropped) + sum(map(len, split.parts)) == 90


@pytest.mark.parametrize(
    ("block", "gap", "said"), [(9999.0, None, "1 blocks of 9,999 m"), (400.0, 1500.0, "that are 1,500 m apart")]
)
def test_too_little_ground_is_refused_with_a_way_out(block, gap, said):
    placements, windows = {"a": placed()}, {"a": window_grid(160, 160, 16)}
    with pytest.raises(DatasetError, match=rf"{said}.* Take smaller blocks"):
        ground_split(windows, placements, RATIOS, 0, block=block, gap=gap)


def test_no_windows_at_all_are_refused():
    with pytest.raises(DatasetError, match="no windows to split"):
        ground_split({"a": []}, {"a": placed()}, RATIOS, 0)


def test_blocks_can_be_alike_in_classes():
    placements, windows = {"a": placed(size=640)}, {"a": window_grid(640, 640, 16)}
    rng = np.random.default_rng(0)
    patches = np.kron(rng.gamma(0.3, 500, (10, 10, 4)), np.ones((4, 4, 1))).astype(np.int64)  # classes in clumps of 4 x 4 windows
    pixels = {"a": patches.reshape(-1, 4)}
    whole = pixels["a"].sum(axis=0) / pixels["a"].sum()

    def off(split):
        shares = []
        for part in split.parts:
            held = pixels["a"][[key.row // 16 * 40 + key.col // 16 for key in part]].sum(axis=0)
            shares.append(held / held.sum())
        return float(np.abs(np.array(shares) - whole).max())

    plain, alike = (ground_split(windows, placements, RATIOS, 0, 640.0, None, held) for held in (None, pixels))
    assert off(alike) < 0.6 * off(plain)


def test_groups_stay_together():
    cities = {f"s{i}": "abcde"[i % 5] for i in range(20)}
    windows = {scene: window_grid(32, 32, 16) for scene in cities}
    split = group_split(windows, cities, RATIOS, 0)
    homes = [{cities[key.scene] for key in part} for part in split.parts]
    assert [len(home) for home in homes] == [3, 1, 1]
    assert set().union(*homes) == set("abcde")
    assert split.notes["groups"] == [sorted(home) for home in homes]
    assert not split.dropped


def test_groups_can_be_kept_apart_too():
    placements = {"a": placed(), "b": placed(x=1600)}
    windows = {scene: window_grid(160, 160, 16) for scene in placements}
    touching, apart = (
        group_split(windows, {"a": "one", "b": "two"}, (1, 1), 0, placements=placements, gap=gap) for gap in (None, 500.0)
    )
    shapes = on_the_ground(windows, placements)
    assert nearest(touching, shapes) < 0.01
    assert nearest(apart, shapes) >= 500 * 0.9998
    assert len(apart.dropped) == 30 or len(apart.dropped) == 40  # three columns of windows, or four where one is a hair too near


def test_too_few_groups_are_refused_by_name():
    windows = {"a": window_grid(32, 32, 16), "b": window_grid(32, 32, 16)}
    with pytest.raises(DatasetError, match=r"2 groups \(rome, zurich\) do not make 3 parts"):
        group_split(windows, {"a": "rome", "b": "zurich"}, RATIOS, 0)
