from __future__ import annotations

from pathlib import Path

import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.class_matching import match_classes
from rs_da_mm.evaluation.assessment.legend import Legend

LEGEND = Legend((1, 2, 5), ("forest", "bare soil", "water"))
PATH = Path("points.gpkg")


def matched(values, codes=None, extra=(), names=None, legend=LEGEND):
    found = match_classes(PATH, dict.fromkeys(values, 3), legend, codes or {}, extra, names)
    return {value: None if place is None else found.classes[place] for value, place in found.meanings.items()}


def test_by_name_however_it_is_spelled_and_by_number():
    assert matched(["Forest", "bare_soil", "BARE SOIL ", "5", "water"]) == {
        "Forest": "forest",
        "bare_soil": "bare soil",
        "BARE SOIL ": "bare soil",
        "5": "water",
        "water": "water",
    }


def test_a_name_goes_before_a_number():
    """A map whose class 1 is called "2" by its author."""
    assert matched(["2"], legend=Legend((1, 2), ("2", "3"))) == {"2": "2"}


def test_codes_go_before_all():
    found = matched(["wood", "2", "cloud", "scrub"], {"wood": "forest", "2": "5", "CLOUD": "ignore", "scrub": "scrub"}, ["scrub"])
    assert found == {"wood": "forest", "2": "water", "cloud": None, "scrub": "scrub"}


def test_extra_classes_come_behind_those_of_the_map():
    found = match_classes(PATH, {"scrub": 1, "water": 1}, LEGEND, {}, ["scrub", "Water"])
    assert found.classes == ("forest", "bare soil", "water", "scrub")
    assert found.meanings == {"scrub": 3, "water": 2}


def test_own_names_of_a_reference_go_before_its_numbers():
    assert matched(["1", "2"], names={"1": "water", "2": "forest"}) == {"1": "water", "2": "forest"}
    assert matched(["1"], {"lake": "water"}, names={"1": "lake"}) == {"1": "water"}


def test_what_was_matched_is_told():
    found = match_classes(PATH, {"1": 1, "Bare-Soil": 1, "cloud": 1}, LEGEND, {"cloud": "ignore"})
    assert found.spelled() == "1 = forest"


def test_unknown_values_are_named_with_advice():
    with pytest.raises(InputError) as error:
        matched(["forrest", "7", "water"])
    assert str(error.value) == (
        "points.gpkg: holds 'forrest' (3), '7' (3), which the map does not name; its classes are 1 forest, 2 bare soil, 5 water. "
        "Say what each means, as --codes 'forrest=forest' or 'forrest=ignore', or with --extra-classes 'forrest' that it is a "
        "class that only the reference has."
    )


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ({"gras": "water"}, "--codes gras=water: points.gpkg has no value 'gras'"),
        ({"forest": "lake"}, "the map has no class 'lake'; it has 1 forest, 2 bare soil, 5 water"),
    ],
)
def test_codes_that_say_nothing_are_refused(codes, message):
    with pytest.raises(InputError, match=message):
        matched(["forest"], codes)


def test_two_classes_of_one_name_are_refused():
    with pytest.raises(InputError, match="two classes of the name 'Forest'"):
        matched(["1"], legend=Legend((1, 2), ("forest", "Forest")))
