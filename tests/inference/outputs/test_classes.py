from __future__ import annotations

import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.inference.outputs.classes import map_classes


def test_names_and_colours():
    classes = map_classes(["water", "land"], [[0, 0, 255], [9, 8, 7]])
    assert (len(classes), classes.names, classes.palette) == (2, ("water", "land"), ((0, 0, 255), (9, 8, 7)))
    assert classes.nodata == 255


def test_colours_are_made_up_where_there_are_none():
    assert len(set(map_classes([str(number) for number in range(40)]).palette)) == 40


@pytest.mark.parametrize(
    ("names", "palette", "message"),
    [
        ([], None, "a map of 0 classes was asked for; 1 to 255 fit"),
        (["a"] * 256, None, "a map of 256 classes"),
        (["a", "b"], [(0, 0, 0)], "1 colours were given for 2 classes"),
        (["a"], [(0, 0, 256)], r"the colour of 'a' is \(0, 0, 256\)"),
        (["a"], [(0, 0)], "red, green and blue from 0 to 255 were expected"),
    ],
)
def test_what_does_not_fit_is_refused(names, palette, message):
    with pytest.raises(InputError, match=message):
        map_classes(names, palette)
