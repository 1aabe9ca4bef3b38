from __future__ import annotations

import pytest

from rs_da_mm.datasets.layout import Layout
from rs_da_mm.datasets.scene_choice import choose_scenes
from rs_da_mm.errors import DatasetError

LISTS = {"paper": ("b", "a", "z")}


@pytest.fixture
def layout(tmp_path):
    (tmp_path / "rgb").mkdir()
    for scene in "abc":
        (tmp_path / "rgb" / f"{scene}.tif").touch()
    return Layout(tmp_path, ("rgb",), "labels", (".tif",), (".tif",))


def test_all_scenes_named_ones_or_a_list(layout):
    assert choose_scenes(None, LISTS, layout) is None
    assert choose_scenes(["c", "a"], LISTS, layout) == ("c", "a")
    assert choose_scenes("paper", LISTS, layout) == ("b", "a", "z")


def test_in_a_miniature_a_list_stands_for_the_scenes_that_are_there(layout):
    (layout.root / "SAMPLE_DATA.txt").touch()
    assert choose_scenes("paper", LISTS, layout) == ("b", "a")
    assert choose_scenes("paper", {"paper": ("y",)}, layout) is None


@pytest.mark.parametrize(
    ("scenes", "said"),
    [("all", r"'all'; .* a list \('paper'\)"), (["a", "b", "a"], "'a' is named twice"), ([], "scenes is empty")],
)
def test_what_makes_no_sense_is_refused(layout, scenes, said):
    with pytest.raises(DatasetError, match=said):
        choose_scenes(scenes, LISTS, layout)
