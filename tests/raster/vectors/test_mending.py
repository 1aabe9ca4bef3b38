from __future__ import annotations

import numpy as np
import pytest
import shapely

from rs_da_mm.raster.vectors import GeometryFaults
from rs_da_mm.raster.vectors.mending import mend, of_one_dimension, single_kinds

BOW_TIE = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
SPIKE = shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4), (0, 0), (-5, 0), (0, 0)])
FLAT = shapely.Polygon([(0, 0), (5, 0), (3, 0)])
NO_LENGTH = shapely.LineString([(1, 1), (1, 1)])
ENDLESS = shapely.LineString([(0, 0), (np.inf, 1)])
NOWHERE = shapely.Polygon([(0, 0), (np.nan, 2), (2, 0)])
SQUARE = shapely.box(0, 0, 1, 1)


def array(*shapes):
    found = np.empty(len(shapes), object)
    found[:] = shapes
    return found


def test_each_kind_of_fault():
    shapes = array(SQUARE, None, shapely.Polygon(), BOW_TIE, FLAT, NOWHERE, NO_LENGTH, ENDLESS, shapely.Point(1, 1))
    mended, faulty = mend(shapes)
    assert {kind: found.tolist() for kind, found in faulty.items()} == {
        "missing": [1],
        "empty": [2],
        "mended": [3],
        "unmendable": [4, 5, 6, 7],
    }
    assert [shape is None for shape in mended] == [False, True, True, False, True, True, True, True, False]
    assert mended[0] is SQUARE
    assert shapes[3] is BOW_TIE


@pytest.mark.parametrize(("shape", "area"), [(BOW_TIE, 2.0), (SPIKE, 16.0)])
def test_what_is_mended_is_valid_and_covers_the_same(shape, area):
    (mended,), faulty = mend(array(shape))
    assert faulty["mended"].tolist() == [0]
    assert shapely.is_valid(mended)
    assert shapely.get_dimensions(mended) == 2
    assert shapely.area(mended) == pytest.approx(area)
    assert "Collection" not in mended.geom_type


def test_collections_are_taken_apart():
    inner = shapely.GeometryCollection([shapely.Point(3, 3), SQUARE])
    shapes, owners = single_kinds(array(SQUARE, shapely.GeometryCollection([BOW_TIE, inner]), None, shapely.GeometryCollection()))
    assert owners.tolist() == [0, 1, 1, 1, 2, 3]
    assert [None if shape is None else shape.geom_type for shape in shapes] == [
        "Polygon",
        "Polygon",
        "Point",
        "Polygon",
        None,
        "GeometryCollection",
    ]
    assert mend(shapes)[1]["empty"].tolist() == [5]


def test_what_is_of_a_dimension():
    mixed = shapely.GeometryCollection(
        [SQUARE, shapely.LineString([(0, 0), (1, 1)]), shapely.MultiPolygon([shapely.box(5, 5, 6, 6)])]
    )
    assert of_one_dimension(mixed, 2).area == 2
    assert of_one_dimension(mixed, 1).length == pytest.approx(2**0.5)
    assert of_one_dimension(mixed, 0) is None
    assert of_one_dimension(SQUARE, 2) is SQUARE
    assert of_one_dimension(SQUARE, 1) is None
    assert of_one_dimension(shapely.Polygon(), 2) is None


def test_faults_in_words():
    faults = GeometryFaults.of(
        {"mended": np.array([9, 3, 3, 4, 5, 6, 7]), "missing": np.array([8]), "empty": np.array([], np.int64)}
    )
    assert faults.counts == {"mended": 6, "missing": 1}
    assert faults.examples == {"mended": (3, 4, 5, 6, 7), "missing": (8,)}
    assert (
        faults.spelled
        == "6 self-crossing or otherwise invalid, mended (features 3, 4, 5, 6, 7, …); 1 without geometry (feature 8)"
    )
    assert faults
    assert not GeometryFaults.of({"empty": np.array([], np.int64)})
