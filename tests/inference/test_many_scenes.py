"""Many scenes: one that fails keeps no other from it, and ranks share them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.inference.inputs import SceneInput
from rs_da_mm.inference.many_scenes import Tidings, join_tidings, map_path, map_scenes
from rs_da_mm.inference.ranks import Ranks
from rs_da_mm.inference.resumable.output_lock import OutputInUseError

SCENES = [SceneInput(name, (Path(f"{name}.tif"),)) for name in "abcdef"]
OUT = Path("maps")


class Mapper:
    """Says of each scene what the test says."""

    def __init__(self, **outcomes):
        self.outcomes = outcomes
        self.order = []

    def __call__(self, scene, out):
        self.order.append(scene.name)
        outcome = self.outcomes.get(scene.name, "made")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def test_one_that_fails_keeps_no_other_from_it():
    said = []
    mapper = Mapper(b=InputError("b.tif is cut off"), c="there")
    tidings = map_scenes(mapper, SCENES, OUT, tell=said.append)
    assert (tidings.made, tidings.there, tidings.failed) == (["a", "d", "e", "f"], ["c"], {"b": "b.tif is cut off"})
    assert said == ["[2/6] b failed: b.tif is cut off"]


def test_another_error_ends_the_run():
    mapper = Mapper(b=RuntimeError("out of memory"))
    with pytest.raises(RuntimeError, match="out of memory"):
        map_scenes(mapper, SCENES, OUT)
    assert mapper.order == ["a", "b"]


def test_a_stop_leaves_the_rest():
    mapper = Mapper(c="stopped")
    tidings = map_scenes(mapper, SCENES, OUT)
    assert tidings.stopped
    assert mapper.order == ["a", "b", "c"]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_each_rank_begins_elsewhere_and_sees_all(count):
    firsts = []
    for index in range(count):
        mapper = Mapper()
        map_scenes(mapper, SCENES, OUT, Ranks(index, count))
        assert sorted(mapper.order) == list("abcdef")
        firsts.append(mapper.order[0])
    assert len(set(firsts)) == min(count, len(SCENES))


def test_what_another_rank_is_at_is_passed_over_but_not_what_another_run_is_at():
    busy = Mapper(b=OutputInUseError("in use by process 7"))
    tidings = map_scenes(busy, SCENES, OUT, Ranks(0, 2))
    assert (tidings.failed, tidings.busy) == ({}, {"b": "in use by process 7"})
    assert map_scenes(busy, SCENES, OUT, tell=lambda text: None).failed == {"b": "in use by process 7"}


def test_where_maps_go(tmp_path):
    assert map_path(SCENES[0], Path("out/town.tif")) == Path("out/town.tif")
    assert map_path(SCENES[0], Path("out/towns")) == Path("out/towns/a.tif")
    (tmp_path / "x.tif").mkdir()
    assert map_path(SCENES[0], tmp_path / "x.tif") == tmp_path / "x.tif" / "a.tif"


def test_one_file_for_several_scenes_is_refused():
    with pytest.raises(InputError, match="6 scenes"):
        map_scenes(Mapper(), SCENES, Path("town.tif"))


def test_no_scenes_are_refused():
    with pytest.raises(InputError, match="no scenes"):
        map_scenes(Mapper(), [], OUT)


def test_tidings_of_ranks_name_each_scene_once():
    one = Tidings(made=["a"], there=["b", "c"], failed={"d": "cut off"})
    other = Tidings(made=["c"], there=["a", "b"], failed={"d": "cut off", "c": "was in use"}, stopped=True)
    assert join_tidings([one, other]) == Tidings(["a", "c"], ["b"], {"d": "cut off"}, stopped=True)


def test_a_scene_that_all_ranks_passed_over_has_no_map():
    one = Tidings(made=["a"], busy={"b": "in use by 7", "c": "in use by 8", "d": "in use by 8"})
    other = Tidings(made=["c"], busy={"a": "in use by 9", "b": "in use by 7"}, failed={"d": "cut off"})
    assert join_tidings([one, other]).failed == {"b": "in use by 7", "d": "cut off"}
