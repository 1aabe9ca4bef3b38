from __future__ import annotations

import pytest

from rs_da_mm.datasets.class_choice import choose_classes, make_label_code
from rs_da_mm.datasets.label_code import LabelCode
from rs_da_mm.errors import DatasetError

OWN = {"classes": ("a", "b", "c"), "palette": [(1, 1, 1), (2, 2, 2), (3, 3, 3)]}


def test_all_classes_by_default():
    assert choose_classes(OWN, OWN) == OWN


def test_some_classes_in_another_order_keep_their_colours():
    chosen = choose_classes(OWN, {**OWN, "classes": ["c", "a"]})
    assert chosen == {"classes": ("c", "a"), "palette": [(3, 3, 3), (1, 1, 1)]}


def test_an_own_palette_is_taken_as_it_is():
    assert choose_classes(OWN, {"classes": ["c", "a"], "palette": [[9, 9, 9], [8, 8, 8]]})["palette"] == [(9, 9, 9), (8, 8, 8)]


@pytest.mark.parametrize("classes", [["a", "z"], ["a", "a"]])
def test_unknown_and_repeated_classes_are_refused(classes):
    with pytest.raises(DatasetError, match=r"take each once from \['a', 'b', 'c'\]"):
        choose_classes(OWN, {**OWN, "classes": classes})


def test_a_palette_of_another_length_is_refused():
    with pytest.raises(DatasetError, match="palette has 1 colours for 2 classes"):
        choose_classes(OWN, {"classes": ["c", "a"], "palette": [(9, 9, 9)]})


def test_a_legend_is_the_palette_with_further_colours_for_unknown():
    code = make_label_code(OWN, OWN["classes"], None, [(0, 0, 0)], {7: 2})
    assert code == LabelCode({(1, 1, 1): 0, (2, 2, 2): 1, (3, 3, 3): 2, (0, 0, 0): 255}, {7: 2})


def test_a_legend_follows_the_classes_that_are_kept():
    code = make_label_code(OWN, ("c", "a"), [([9, 9, 9], 0), ([8, 8, 8], 1), ([7, 7, 7], 2)], [], None)
    assert code == LabelCode({(9, 9, 9): 1, (8, 8, 8): 255, (7, 7, 7): 0})


def test_a_data_set_without_classes_says_how_to_give_them():
    with pytest.raises(DatasetError, match=r"no classes and no palette; give metainfo=dict\(classes"):
        choose_classes({}, {})
