from __future__ import annotations

from dataclasses import replace

import pytest

from rs_da_mm.datasets import GIDDataset
from rs_da_mm.errors import DatasetError

SPLIT = {"type": "random", "ratios": (1, 1), "seed": 0}


def selection(root, **options):
    return GIDDataset(root, **{"window_size": 8, "lazy_init": True, **options}).selection()


def test_scenes_are_placed_in_order_with_their_windows(tmp_path, gid_maker):
    gid_maker({"b": (16, 24), "a": (8, 8)})
    assert [(scene.files.scene, len(scene.windows)) for scene in selection(tmp_path).place()] == [("a", 1), ("b", 6)]


def test_the_origin_names_all_that_the_choice_depends_on(tmp_path, gid_maker):
    gid_maker({"a": (16, 16)})
    chosen, origin = selection(tmp_path, split=SPLIT, scenes=["a"]).select("val")
    assert sum(len(scene.windows) for scene in chosen) == 2
    assert origin.parameters["scenes"] == ["a"]
    assert origin.parameters["split"] == {"type": "random", "ratios": [1, 1], "seed": 0, "block": None}
    assert (origin.parameters["part"], origin.parameters["max_ignored"]) == ("val", 1.0)
    assert list(origin.scenes) == ["a"]


def test_splits_of_other_settings_are_other_files(tmp_path, gid_maker):
    gid_maker({"a": (16, 16), "b": (16, 16)})
    for options in ({}, {"window_size": 4}, {"scenes": ["a"]}, {"split": {**SPLIT, "seed": 1}}, {"max_ignored": 0.5}):
        selection(tmp_path, **{"split": SPLIT, **options}).select("train")
    assert len(list((tmp_path / "splits").glob("random_*.json"))) == 5


def test_the_order_in_which_scenes_are_named_does_not_matter_to_the_split(tmp_path, gid_maker):
    gid_maker({"a": (16, 16), "b": (16, 16)})
    for scenes in (["a", "b"], ["b", "a"]):
        selection(tmp_path, split=SPLIT, scenes=scenes).select("train")
    assert len(list((tmp_path / "splits").glob("random_*.json"))) == 1


def test_the_same_windows_of_other_bands_are_split_alike(tmp_path, gid_maker):
    gid_maker({"a": (32, 32)})
    (tmp_path / "image_RGB").rename(tmp_path / "image_NirRGB")
    gid_maker({"a": (32, 32)}, seed=1)
    one, other = (selection(tmp_path, split=SPLIT, image_dir=folder).select("val")[0] for folder in ("image_RGB", "image_NirRGB"))
    assert one[0].windows == other[0].windows


def test_another_legend_is_another_choice_only_where_unknown_windows_are_left_out(tmp_path, gid_maker):
    gid_maker({"a": (16, 16)})
    whole, filtered = selection(tmp_path, split=SPLIT), selection(tmp_path, split=SPLIT, max_ignored=0.9)
    for one in (whole, replace(whole, code=whole.code.renumbered({0: 0})), filtered):
        one.select("train")
    assert len(list((tmp_path / "splits").glob("random_*.json"))) == 2


def test_a_scene_larger_than_none_is_needed(tmp_path, gid_maker):
    gid_maker({"a": (7, 30), "b": (30, 7)})
    with pytest.raises(DatasetError, match=r"window of \(8, 8\): the largest is 30 x 7 pixels"):
        selection(tmp_path).place()
