from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.datasets.provenance import Provenance
from rs_da_mm.datasets.split_draws import WindowKey
from rs_da_mm.datasets.split_facts import SplitFacts
from rs_da_mm.datasets.split_file import load_or_draw
from rs_da_mm.datasets.split_spec import Split, SplitSpec
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import window_grid
from rs_da_mm.raster.ground_plane import Placement

WINDOWS = {scene: window_grid(160, 160, 16) for scene in "abcd"}
PLACES = {
    scene: Placement(CRS.from_epsg(32633), Affine(10, 0, 500_000 + 1600 * i, 0, -10, 5_300_000), 160, 160)
    for i, scene in enumerate(WINDOWS)
}


def facts(**others):
    rng = np.random.default_rng(0)
    pixels = {scene: rng.integers(0, 200, (100, 3)) for scene in WINDOWS}
    groups = {scene: {"city": scene} for scene in WINDOWS}
    return SplitFacts(**{"placements": lambda: PLACES, "groups": groups, "pixels": lambda: pixels, **others})


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"type": "ground"}, "ground_0.6-0.2-0.2_seed0"),
        ({"type": "ground", "block": 2000, "gap": 2.5, "seed": 3}, "ground_block-2000_gap-2.5_0.6-0.2-0.2_seed3"),
        ({"type": "group", "by": "flight line/no", "ratios": (4, 1)}, "group_by-flight_line_no_4-1_seed0"),
        ({"type": "blocked", "block": 7, "stratified": True}, "blocked_block-7_0.6-0.2-0.2_seed0_stratified"),
    ],
)
def test_names_tell_kinds_apart(config, name):
    assert SplitSpec.parse(config).name == name


def test_what_is_recorded_of_older_kinds_has_not_changed():
    spec = SplitSpec.parse({"type": "blocked", "block": 7})
    assert spec.parameters() == {"type": "blocked", "ratios": [0.6, 0.2, 0.2], "seed": 0, "block": 7}
    spec = SplitSpec.parse({"type": "ground", "gap": 500, "stratified": True})
    assert spec.parameters() == {
        "type": "ground", "ratios": [0.6, 0.2, 0.2], "seed": 0, "block": None, "gap": 500, "stratified": True
    }  # fmt: skip


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"type": "random", "stratified": True}, "A random split has no stratified"),
        ({"type": "blocked", "gap": 5}, "type='blocked' has no gap; it has block, stratified"),
        ({"type": "ground", "by": "city"}, "type='ground' has no by"),
        ({"type": "ground", "block": "scene"}, "block is 'scene'; give metres"),
        ({"type": "ground", "block": 0}, "block is 0; give metres"),
        ({"type": "ground", "gap": -1}, "gap is -1; give metres"),
        ({"type": "ground", "gap": float("inf")}, "gap is inf; give metres"),
        ({"type": "ground", "stratified": 1}, "stratified is 1"),
        ({"type": "group"}, "which group: by='city'"),
        ({"type": ["ground"]}, "it takes type"),
    ],
)
def test_what_a_kind_does_not_have_is_refused(config, said):
    with pytest.raises(DatasetError, match=said):
        SplitSpec.parse(config)


def test_a_split_by_ground_says_how_far_its_parts_lie_apart():
    split = SplitSpec.parse({"type": "ground", "block": 800, "gap": 300}).draw(WINDOWS, (16, 16), facts=facts())
    distances = split.notes["distances"]
    assert distances.keys() == {"train-val", "train-test", "val-test"}
    assert 300 <= min(distances.values()) < 500
    assert f"16 blocks of 800 m; train and val {distances['train-val']:,.0f} m apart" in split.describe()


def test_a_split_by_scene_tells_the_distance_too_where_it_is_known():
    spec = SplitSpec.parse({"type": "blocked"})
    assert spec.draw(WINDOWS, (16, 16), facts=facts()).notes["distances"]["train-val"] == 0  # scenes side by side
    assert "train and val touch" in spec.draw(WINDOWS, (16, 16), facts=facts()).describe()
    for unknown in (facts(placements=lambda: {**PLACES, "a": None}), None):
        assert spec.draw(WINDOWS, (16, 16), facts=unknown).notes == {}


def test_a_split_by_ground_needs_to_know_where_scenes_lie():
    with pytest.raises(DatasetError, match=r"A split of type='ground' needs .* 1 of 4 .*: 'b'\."):
        SplitSpec.parse({"type": "ground"}).draw(WINDOWS, (16, 16), facts=facts(placements=lambda: {**PLACES, "b": None}))
    with pytest.raises(DatasetError, match="type='group' with a gap needs"):
        SplitSpec.parse({"type": "group", "by": "city", "gap": 9}).draw(WINDOWS, (16, 16), facts=facts(placements=dict))


def test_a_split_by_group():
    split = SplitSpec.parse({"type": "group", "by": "city", "ratios": (2, 1, 1)}).draw(WINDOWS, (16, 16), facts=facts())
    assert [len({key.scene for key in part}) for part in split.parts.values()] == [2, 1, 1]
    assert not split.dropped


@pytest.mark.parametrize(
    "config", [{"type": "blocked", "block": 3}, {"type": "ground", "block": 400}, {"type": "group", "by": "city"}]
)
def test_every_kind_of_blocks_can_be_stratified(config):
    spec = SplitSpec.parse({**config, "stratified": True})
    split = spec.draw(WINDOWS, (16, 16), facts=facts(classes=("soil", "hut", "lake")))
    shares = split.notes["class_shares"]
    assert [len(found) for found in shares.values()] == [3] * 4
    assert max(abs(a - b) for part in ("train", "val", "test") for a, b in zip(shares[part], shares["all"], strict=True)) < 0.06
    assert "class shares within" in split.describe()
    assert any(f"('{name}' is" in split.describe() for name in ("soil", "hut", "lake"))


def test_stratified_blocks_keep_neighbours_together_too():
    spec = SplitSpec.parse({"type": "blocked", "block": 3, "stratified": True})
    split = spec.draw(WINDOWS, (16, 16), facts=facts())
    assert split.dropped
    for one, other in itertools.combinations(split.parts.values(), 2):
        for a, b in itertools.product(one, other):
            assert a.scene != b.scene or max(abs(a.row - b.row), abs(a.col - b.col)) > 16


def test_numbered_patches_can_be_stratified():
    windows = {f"wh{i:03d}": window_grid(8, 8, 8) for i in range(120)}
    pixels = {scene: np.eye(3, dtype=np.int64)[[i // 10 % 3]] * 64 for i, scene in enumerate(windows)}
    spec = SplitSpec.parse({"type": "blocked", "block": 10, "stratified": True, "ratios": (2, 1, 1)})
    split = spec.draw(windows, None, numbered_patches=True, facts=SplitFacts(pixels=lambda: pixels))
    for part in ("train", "val", "test"):
        np.testing.assert_allclose(split.notes["class_shares"][part], 1 / 3, atol=0.04)


def test_a_class_that_a_part_lacks_is_named():
    split = Split(
        {"train": [WindowKey("a", 0, 0)], "val": [WindowKey("a", 0, 8)]},
        [],
        {"class_shares": {"train": [0.5, 0.5], "val": [1.0, 0.0], "all": [0.75, 0.25]}, "classes": ["soil", "hut"]},
    )
    assert split.describe() == (
        "train 1, val 1; no pixel of 'hut' in val; class shares within 25.0 percentage points of the whole "
        "('hut' is 0.0 % of val and 25.0 % of all)"
    )


def test_the_file_remembers_what_is_known_of_a_split(tmp_path):
    spec = SplitSpec.parse({"type": "ground", "block": 400, "stratified": True})
    origin = Provenance({"split": spec.parameters()}, dict.fromkeys(WINDOWS, "1"))
    drawn = load_or_draw(tmp_path / "s.json", spec, WINDOWS, (16, 16), origin, facts=facts())
    assert json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))["notes"]["distances"] == drawn.notes["distances"]

    def never():
        pytest.fail("a split that is on file needs to know nothing")

    assert (
        load_or_draw(tmp_path / "s.json", spec, WINDOWS, (16, 16), origin, facts=facts(placements=never, pixels=never)) == drawn
    )
