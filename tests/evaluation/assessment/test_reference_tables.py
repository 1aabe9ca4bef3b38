from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.reference import given_crs
from rs_da_mm.evaluation.assessment.reference_tables import read_table

shapely = pytest.importorskip("shapely")


@pytest.fixture
def table(tmp_path):
    def write(text, crs=None, encoding="utf-8"):
        path = tmp_path / "points.csv"
        path.write_bytes(text.encode(encoding))
        return read_table(path, given_crs(crs))

    return write


def places(reference):
    return shapely.get_coordinates(reference.shapes).tolist()


@pytest.mark.parametrize(
    "text",
    [
        "id,lon,lat,class\n1,10.5,50.25,forest\n2,-3,0,\n",
        "id;Longitude;Latitude;class\r\n1;10,5;50,25;forest\r\n\r\n2;-3;0;\r\n",
        "\ufeffid\tlng\tlat\tclass\n1\t10.5\t50.25\tforest\n2\t-3\t0\t \n",
    ],
)
def test_degrees_in_several_spellings(table, text):
    found = table(text)
    assert places(found) == [[10.5, 50.25], [-3.0, 0.0]]
    assert found.crs.to_epsg() == 4326
    assert found.columns["class"] == ["forest", None]
    assert len(found) == 2


def test_x_and_y_are_in_the_system_that_is_given(table):
    text = "x,y,ref\n500005,5599995,1\n"
    assert table(text).crs is None
    assert table(text, "EPSG:32632").crs.to_epsg() == 32632
    assert places(table(text)) == [[500005.0, 5599995.0]]


def test_degrees_go_before_x_and_y_unless_a_system_is_given(table):
    text = "x,y,lon,lat,class\n500005,5599995,9,50.5,forest\n"
    assert places(table(text)) == [[9.0, 50.5]]
    assert places(table(text, "EPSG:32632")) == [[500005.0, 5599995.0]]


def test_quoted_cells_keep_their_commas(table):
    assert table('x,y,class\n1,2,"forest, young"\n').columns["class"] == ["forest, young"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class,name\n1,a\n", "names no columns lon and lat, or x and y; it has class, name"),
        ("x,y,class\n", "has no points"),
        ("", "has no points"),
        ("x,y,class\n1,2,a\n1,b,a\n", "line 3: y is 'b'; a number was expected"),
        ("x,y,class\n1,2,a\n\n1,inf,a\n", "line 4: y is 'inf'"),
        ("x,y,class\n1,2\n", "line 2: has 2 cells, and the first line names 3 columns"),
        ("x,y,x\n1,2,3\n", "names a column twice"),
    ],
)
def test_what_is_wrong_is_named(table, text, message):
    with pytest.raises(InputError, match=message):
        table(text)


def test_other_encodings_are_refused(table, tmp_path):
    with pytest.raises(InputError, match="cannot be read as a table in UTF-8"):
        table("x,y,class\n1,2,Grünland\n", encoding="latin-1")
    with pytest.raises(InputError, match="does not exist"):
        read_table(tmp_path / "none.csv")


def test_ids_are_lines(table):
    assert list(table("x,y\n1,2\n\n3,4\n").ids) == [2, 4]
    np.testing.assert_array_equal(shapely.get_dimensions(table("x,y\n1,2\n").shapes), [0])
