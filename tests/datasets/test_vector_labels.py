from __future__ import annotations

import numpy as np
import pytest
from tiny_folders import rectangle, write_random_image, write_shapes

from rs_da_mm.datasets.class_codes import parse_label_codes
from rs_da_mm.datasets.vector_labels import VectorChoice, burn, open_layer
from rs_da_mm.errors import DatasetError, InputError
from rs_da_mm.raster import Scene, Window

CLASSES = ("soil", "hut", "road")


@pytest.fixture
def grid(tmp_path):
    write_random_image(tmp_path / "image.tif", (20, 30))
    return Scene(tmp_path / "image.tif")


def choose(**config):
    return VectorChoice.parse(config, CLASSES)


def test_options_are_read():
    chosen = choose(path="x.gpkg", field="kind", layer="a", where="kind > 1", line_width=3, all_touched=True, background="soil")
    assert chosen == VectorChoice("a", "kind", "kind > 1", 3.0, None, True, 0, 0)
    assert choose(shape_class="hut").shape_class == 1
    assert choose(field="kind").background == 255


def test_the_one_class_that_is_not_background_is_that_of_the_shapes():
    assert VectorChoice.parse({"background": "other"}, ("other", "building")).shape_class == 1
    assert VectorChoice.parse({}, ("building",)).shape_class == 0


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "Nothing tells which of the classes"),
        ({"field": "kind", "shape_class": "hut"}, "not both"),
        ({"field": "kind", "background": "sea"}, "labels: background is 'sea'"),
        ({"shape_class": "hat"}, "labels: shape_class is 'hat'; .*Was 'hut' meant"),
        ({"field": "kind", "line_width": 0}, "line_width is 0; give metres"),
        ({"field": "kind", "point_radius": "wide"}, "point_radius is 'wide'; give metres"),
    ],
)
def test_what_makes_no_sense_is_refused(config, said):
    with pytest.raises(DatasetError, match=said):
        choose(**config)


def test_shapes_become_classes(tmp_path, grid):
    write_shapes(tmp_path / "l.gpkg", [(rectangle(2, 3, 4, 5), {"kind": "hut"}), (rectangle(10, 20, 5, 5), {"kind": "road"})])
    code = parse_label_codes(None, CLASSES, None)
    expected = np.full((20, 30), 255, np.uint8)
    expected[2:6, 3:8], expected[10:15, 20:25] = 1, 2
    np.testing.assert_array_equal(
        burn(tmp_path / "l.gpkg", choose(field="kind"), grid, code).read(Window(0, 0, 20, 30)), expected
    )
    one = burn(tmp_path / "l.gpkg", choose(shape_class="road", background="soil"), grid, code)
    np.testing.assert_array_equal(one.read(Window(0, 0, 20, 30)), np.where(expected == 255, 0, 2))
    some = burn(tmp_path / "l.gpkg", choose(field="kind", where="kind = 'hut'"), grid, code)
    np.testing.assert_array_equal(some.read(Window(0, 0, 20, 30)), np.where(expected == 1, 1, 255))


def test_attributes_may_be_merged_and_others_ignored(tmp_path, grid):
    shapes = [(rectangle(0, col, 2, 2), {"kind": kind}) for col, kind in ((0, 3), (4, 4), (8, 9))]
    write_shapes(tmp_path / "l.gpkg", shapes)
    codes = {3: "hut", "4": "hut"}
    with pytest.raises(InputError, match=r"9 \(1 feature"):
        burn(tmp_path / "l.gpkg", choose(field="kind"), grid, parse_label_codes(codes, CLASSES, None)).read(Window(0, 0, 20, 30))
    ignoring = parse_label_codes(codes, CLASSES, None, "ignore")
    labels = burn(tmp_path / "l.gpkg", choose(field="kind", background="soil"), grid, ignoring).read(Window(0, 0, 1, 12))
    assert labels.tolist() == [[1, 1, 0, 0, 1, 1, 0, 0, 255, 255, 0, 0]]


def test_a_layer_is_opened_once_and_again_when_its_file_changes(tmp_path):
    write_shapes(tmp_path / "l.gpkg", [(rectangle(0, 0, 2, 2), {"kind": 1})])
    first = open_layer(tmp_path / "l.gpkg", None, None)
    assert open_layer(tmp_path / "l.gpkg", None, None) is first
    (tmp_path / "l.gpkg").unlink()
    write_shapes(tmp_path / "l.gpkg", [(rectangle(0, 0, 2, 2), {"sort": 1})])
    assert open_layer(tmp_path / "l.gpkg", None, None).fields == ("sort",)


def test_what_is_not_there_is_told(tmp_path, grid):
    write_shapes(tmp_path / "l.gpkg", [(rectangle(0, 0, 2, 2), {"kind": 1})])
    code = parse_label_codes(None, CLASSES, None)
    with pytest.raises(DatasetError, match=r"none\.gpkg does not exist"):
        open_layer(tmp_path / "none.gpkg", None, None)
    with pytest.raises(InputError, match=r"no field 'sort'.*'kind'"):
        burn(tmp_path / "l.gpkg", choose(field="sort"), grid, code)
