from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rs_da_mm.datasets.label_code import IGNORED, LabelCode
from rs_da_mm.errors import DatasetError

COLOURS = {(0, 0, 0): 255, (255, 0, 0): 0, (0, 255, 0): 1, (0, 255, 255): 2}
CODE = LabelCode(COLOURS)


@given(hnp.arrays(np.uint8, (7, 5), elements=st.integers(0, 3)))
def test_colours_decode_to_the_class_of_each_pixel(places):
    raw = np.array(list(COLOURS), dtype=np.uint8)[places]
    np.testing.assert_array_equal(CODE.decode(raw, "x"), np.array(list(COLOURS.values()), dtype=np.uint8)[places])


@given(hnp.arrays(np.int16, (6, 4), elements=st.sampled_from([-3, 0, 1, 6, 1000])))
def test_values_of_any_integer_type_decode(raw):
    values = {-3: 255, 0: 4, 1: 0, 6: 5, 1000: 2}
    decoded = LabelCode(values=values).decode(raw[..., None], "x")
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, np.vectorize(values.get)(raw))


def test_an_unknown_colour_is_named_with_its_count_its_first_place_and_the_file():
    raw = np.zeros((8, 8, 3), dtype=np.uint8)
    raw[2, 5] = raw[3, 1] = (1, 2, 3)
    raw[6, 6] = (9, 9, 9)
    with pytest.raises(DatasetError) as error:
        CODE.decode(raw, "scene_label.tif", origin=(256, 512))
    text = str(error.value)
    assert "scene_label.tif" in text
    assert "colour (1, 2, 3) on 2 pixels, the first at row 258, column 517" in text
    assert "colour (9, 9, 9) on 1 pixels, the first at row 262, column 518" in text
    assert "(0, 255, 255)" in text


@pytest.mark.parametrize("value", [7, 255])
def test_an_unknown_value_is_named(value):
    with pytest.raises(DatasetError, match=rf"a\.png.*value {value} on 4 pixels.*row 0, column 0"):
        LabelCode(values={0: 255, 1: 0}).decode(np.full((2, 2), value, dtype=np.uint8), "a.png")


def test_unknown_labels_are_listed_the_most_frequent_first_and_shortened():
    raw = np.arange(1, 10, dtype=np.uint8)[None].repeat(3, axis=0)
    raw[0, 0] = 9
    code = LabelCode(values={0: 0})
    assert [one.label for one in code.find_unknown(raw, "x")] == [9, 2, 3, 4, 5, 6, 7, 8, 1]
    with pytest.raises(DatasetError, match="and 4 more"):
        code.decode(raw, "x")


def test_a_palette_of_known_colours_decodes_through_its_colours():
    colormap = {0: (0, 255, 0, 255), 1: (255, 0, 0, 255), 2: (0, 0, 0, 255), 3: (0, 0, 0, 255)}
    raw = np.array([[0, 1, 2]], dtype=np.uint8)
    code = LabelCode(COLOURS, values={0: 7, 1: 7, 2: 7})
    np.testing.assert_array_equal(code.decode(raw, "x", colormap=colormap), [[1, 0, 255]])


def test_a_palette_with_other_colours_is_for_show_and_values_stand_for_themselves():
    colormap = {0: (0, 255, 0, 255), 1: (10, 20, 30, 255)}
    raw = np.array([[0, 1]], dtype=np.uint8)
    code = LabelCode(COLOURS, values={0: 255, 1: 2})
    np.testing.assert_array_equal(code.decode(raw, "x", colormap=colormap), [[255, 2]])


def test_a_grey_label_is_refused_by_a_legend_of_colours():
    with pytest.raises(DatasetError, match=r"g\.tif: the label has one band and no palette .* three bands of colour"):
        CODE.decode(np.zeros((4, 4), dtype=np.uint8), "g.tif")


def test_other_forms_are_refused():
    with pytest.raises(DatasetError, match="4 bands"):
        CODE.decode(np.zeros((2, 2, 4), dtype=np.uint8), "x")
    with pytest.raises(DatasetError, match="must be 8 bit"):
        CODE.decode(np.zeros((2, 2, 3), dtype=np.uint16), "x")
    with pytest.raises(DatasetError, match="whole numbers, found float32"):
        LabelCode(values={0: 0}).decode(np.zeros((2, 2), dtype=np.float32), "x")
    with pytest.raises(DatasetError, match="too far apart"):
        LabelCode(values={0: 0, 10**6: 1}).decode(np.zeros((2, 2), dtype=np.int32), "x")


@pytest.mark.parametrize("arguments", [{}, {"colours": {(0, 0, 0): 254}}, {"colours": {(0, 0, 300): 0}}, {"values": {0: -1}}])
def test_an_impossible_legend_is_refused(arguments):
    with pytest.raises(DatasetError):
        LabelCode(**arguments)


def test_classes_can_be_renumbered_and_the_others_are_ignored():
    code = LabelCode(COLOURS, {1: 0, 2: 1}).renumbered({2: 0, 0: 1})
    assert code.colours == {(0, 0, 0): IGNORED, (255, 0, 0): 1, (0, 255, 0): IGNORED, (0, 255, 255): 0}
    assert code.values == {1: 1, 2: IGNORED}


def test_it_is_small_hashable_and_equal_after_pickling():
    CODE.decode(np.zeros((1, 1, 3), dtype=np.uint8), "x")
    pickled = pickle.dumps(CODE)
    assert len(pickled) < 1000
    assert pickle.loads(pickled) == CODE
    assert len({CODE, pickle.loads(pickled), LabelCode(values={0: 0})}) == 2


def test_names_are_part_of_a_legend():
    code = LabelCode(names={"forest": 1, "lake": 255})
    assert code.names == {"forest": 1, "lake": 255}
    assert code.renumbered({1: 0}).names == {"forest": 0, "lake": 255}
    assert code != LabelCode(names={"forest": 0, "lake": 255})
    with pytest.raises(DatasetError, match=r"this data set's labels have shapes with names.*The legend has 'forest', 'lake'"):
        code.decode(np.zeros((2, 2), dtype=np.uint8), "x")


def test_others_can_be_ignored():
    code = LabelCode(COLOURS, {1: 1}, ignores_others=True)
    assert code.decode(np.array([[0, 1, 77]], dtype=np.uint8), "x").tolist() == [[255, 1, 255]]
    raw = np.array([[(255, 0, 0), (1, 2, 3)]], dtype=np.uint8)
    assert code.decode(raw, "x").tolist() == [[0, 255]]
    assert code.find_unknown(raw, "x") == []
    assert code.renumbered({0: 0}).ignores_others
    assert code != LabelCode(COLOURS, {1: 1})


def test_a_palette_may_have_colours_that_no_pixel_uses():
    colormap = {0: (0, 255, 0, 255), 1: (255, 0, 0, 255), 2: (255, 255, 255, 255)}
    raw = np.array([[0, 1, 0]], dtype=np.uint8)
    for values in (None, {0: 7, 1: 7}):
        assert LabelCode(COLOURS, values).decode(raw, "x", colormap=colormap).tolist() == [[1, 0, 1]]
        with pytest.raises(
            DatasetError, match=r"unknown label colour \(255, 255, 255\) on 1 pixels, the first at row 0, column 1"
        ):
            LabelCode(COLOURS, values).decode(np.array([[0, 2]], dtype=np.uint8), "x", colormap=colormap)


def test_a_palette_of_mostly_other_colours_counts_only_where_nothing_else_can():
    colormap = {0: (0, 255, 0, 255), 1: (10, 20, 30, 255), 2: (4, 5, 6, 255)}
    raw = np.array([[0]], dtype=np.uint8)
    assert LabelCode(COLOURS, {0: 7}).decode(raw, "x", colormap=colormap).tolist() == [[7]]
    assert LabelCode(COLOURS).decode(raw, "x", colormap=colormap).tolist() == [[1]]
    assert LabelCode(COLOURS, ignores_others=True).decode(raw + 1, "x", colormap=colormap).tolist() == [[255]]
    with pytest.raises(DatasetError, match="one band and no palette"):
        LabelCode({(7, 7, 7): 0}).decode(raw, "x", colormap=colormap)


def test_pixels_without_data_are_ignored_whatever_they_hold():
    raw = np.array([[1, 9], [9, 0]], dtype=np.uint8)
    valid = np.array([[1, 0], [1, 1]], dtype=np.uint8)
    code = LabelCode(values={0: 255, 1: 0})
    with pytest.raises(DatasetError, match="value 9 on 1 pixels, the first at row 1, column 0"):
        code.decode(raw, "x", valid=valid)
    valid[1, 0] = 0
    assert code.decode(raw, "x", valid=valid).tolist() == [[0, 255], [255, 255]]


def test_what_a_legend_without_names_is_called_stays():
    # Stored splits and statistics hold it.
    assert repr(LabelCode({(1, 2, 3): 0}, {4: 1})) == "LabelCode(colours={(1, 2, 3): 0}, values={4: 1})"
    assert "names={'a': 0}, ignores_others=True" in repr(LabelCode(names={"a": 0}, ignores_others=True))
