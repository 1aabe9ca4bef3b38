from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.class_codes import class_index, parse_label_codes
from rs_da_mm.errors import DatasetError

CLASSES = ("water", "forest", "town")
PALETTE = [(0, 0, 255), (0, 255, 0), (255, 0, 0)]


def test_without_codes_classes_stand_for_their_own_numbers_names_and_colours():
    code = parse_label_codes(None, CLASSES, PALETTE)
    assert code.values == {0: 0, 1: 1, 2: 2, 255: 255}
    assert code.names == {"water": 0, "forest": 1, "town": 2}
    assert code.colours == dict(zip(PALETTE, range(3), strict=True))
    assert parse_label_codes(None, CLASSES, None).colours == {}


def test_classes_called_by_numbers_stand_for_these():
    assert parse_label_codes(None, ("1", "2", "7"), None).values == {1: 0, 2: 1, 7: 2, 255: 255}


def test_values_colours_and_names_are_merged_and_ignored():
    codes = {2: "town", 3: "forest", "4": "forest", 17: "ignore", (1, 2, 3): "water", "#e2a929": 0, "lake": "water", 5.0: 255}
    code = parse_label_codes(codes, CLASSES, PALETTE)
    assert code.values == {2: 2, 3: 1, 4: 1, 17: 255, 5: 255}
    assert code.colours == {(1, 2, 3): 0, (226, 169, 41): 0}
    assert code.names == {"4": 1, "#e2a929": 0, "lake": 0}


def test_pairs_do_for_a_dict():
    assert parse_label_codes([([1, 2, 3], "town"), (7, "ignore")], CLASSES, None).colours == {(1, 2, 3): 2}


def test_others_are_an_error_or_ignored():
    raw = np.array([[1, 9]], dtype=np.uint8)
    with pytest.raises(DatasetError, match=r"value 9 on 1 pixels.*give the data set label_codes, or other_labels='ignore'"):
        parse_label_codes({1: "water"}, CLASSES, None).decode(raw, "x")
    assert parse_label_codes({1: "water"}, CLASSES, None, "ignore").decode(raw, "x").tolist() == [[0, 255]]


def test_a_class_called_ignore_is_a_class():
    assert class_index("ignore", ("ignore", "rest"), "x") == 0


@pytest.mark.parametrize(
    ("codes", "others", "said"),
    [
        ({1: "forrest"}, "error", r"label_codes\[1\] is 'forrest'; the classes are .* Was 'forest' meant\?"),
        ({1: 3}, "error", r"label_codes\[1\] is 3; the classes are \['water', 'forest', 'town'\]"),
        ({1: True}, "error", r"label_codes\[1\] is True"),
        ({1.5: 1}, "error", r"the key 1\.5"),
        ({(1, 2): 1}, "error", r"the key \(1, 2\)"),
        ([1, 2], "error", "give a dict of label to class, or a list of such pairs"),
        ({}, "error", "give a dict"),
        (None, "skip", "other_labels is 'skip'"),
    ],
)
def test_what_makes_no_sense_is_refused(codes, others, said):
    with pytest.raises(DatasetError, match=said):
        parse_label_codes(codes, CLASSES, None, others)
