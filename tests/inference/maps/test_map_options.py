"""Options that contradict themselves are told at once."""

from __future__ import annotations

import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.inference.maps.options import MapOptions


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"unreadable": "ignore"}, "'raise', 'skip', 'nodata'"),
        ({"scores": "float32"}, "'uint8', 'float16'"),
        ({"uncertainty": "margin"}, "'entropy', 'least_confidence'"),
        ({"batch_size": 0}, "1 window or more"),
        ({"ahead": -1}, "-1 batches cannot be read ahead"),
        ({"window": 0}, "window is 0"),
        ({"window": (64, 0)}, "1 pixel or more"),
        ({"threads": 0}, "1 or more"),
        ({"vectors": True, "min_area": -1.0}, "0 or more"),
        ({"min_area": 5.0}, "add vectors"),
    ],
)
def test_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        MapOptions(**wrong)


def test_the_usual_ones_are_fine():
    assert MapOptions().cog
