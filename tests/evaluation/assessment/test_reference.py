from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.reference import Reference, as_texts, given_crs


def having(*fields):
    return Reference(Path("points.gpkg"), np.empty(2, object), [1, 2], {field: ["a", "b"] for field in fields}, None)


@pytest.mark.parametrize(
    ("fields", "wanted", "expected"),
    [
        (["fid", "class", "note"], None, "class"),
        (["note", "Ref_Class"], None, "Ref_Class"),
        (["note", "label", "Class"], None, "Class"),
        (["id", "x", "y", "kind"], None, "kind"),
        (["a", "b"], "B", "b"),
        (["b", "B"], "B", "B"),
    ],
)
def test_the_field_of_the_class(fields, wanted, expected):
    assert having(*fields).field(wanted) == expected


@pytest.mark.parametrize(
    ("fields", "wanted", "message"),
    [
        (["a", "b"], None, r"which field holds the class\? It has a \(a, b, …\), b \(a, b, …\). Name one with --field"),
        (["id"], None, "has no field that could hold a class; it has id"),
        ([], None, "has no field that could hold a class; it has none"),
        (["a"], "b", "has no field 'b'; it has a"),
    ],
)
def test_a_field_that_cannot_be_told_is_asked_for(fields, wanted, message):
    with pytest.raises(InputError, match=message):
        having(*fields).field(wanted)


def test_texts_of_values():
    assert as_texts([1, 2.0, np.float32(2.5), np.int64(7), True, " a ", "", None, float("nan")]) == [
        "1",
        "2",
        "2.5",
        "7",
        "1",
        "a",
        None,
        None,
        None,
    ]


def test_systems_from_the_command_line():
    assert given_crs(None) is None
    assert given_crs("epsg:32632").to_epsg() == 32632
    with pytest.raises(InputError, match="--crs EPSG:0: is no coordinate system that PROJ knows"):
        given_crs("EPSG:0")
