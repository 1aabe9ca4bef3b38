from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from tiny_folders import NORTH, UTM, WEST, rectangle, write_random_image, write_shapes

from rs_da_mm.datasets.area_of_interest import AreaOfInterest
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Georeference, Scene, Window, write_raster

WHOLE = Window(0, 0, 20, 30)


def box(row, col, height, width, pixel=10.0):
    return (WEST + col * pixel, NORTH - (row + height) * pixel, WEST + (col + width) * pixel, NORTH - row * pixel)


@pytest.fixture
def grid(tmp_path):
    write_random_image(tmp_path / "image.tif", (20, 30))
    return Scene(tmp_path / "image.tif")


def test_a_box_in_the_images_coordinates(tmp_path, grid):
    area = AreaOfInterest.parse(box(3, 4, 5, 6), tmp_path)
    expected = np.zeros((20, 30), bool)
    expected[3:8, 4:10] = True
    np.testing.assert_array_equal(area.inside(grid, WHOLE), expected)
    padded = np.pad(expected, 5)
    np.testing.assert_array_equal(area.inside(grid, Window(-5, -5, 30, 40)), padded)
    assert not area.inside(grid, Window(50, 0, 4, 4)).any()


def test_a_box_on_a_turned_grid_asks_every_pixel(tmp_path):
    turned = Affine(8.0, 6.0, WEST, 6.0, -8.0, NORTH)
    write_raster(tmp_path / "t.tif", np.ones((20, 30), np.uint8), georeference=Georeference(UTM, turned))
    west, south, east, north = WEST + 55.0, NORTH - 41.0, WEST + 203.0, NORTH + 77.0
    found = AreaOfInterest(box=(west, south, east, north)).inside(Scene(tmp_path / "t.tif"), WHOLE)
    for row, col in np.ndindex(20, 30):
        x = 8 * (col + 0.5) + 6 * (row + 0.5) + WEST
        y = 6 * (col + 0.5) - 8 * (row + 0.5) + NORTH
        assert found[row, col] == (west <= x < east and south <= y < north)
    assert 0 < found.sum() < found.size


def test_shapes_are_an_area(tmp_path, grid):
    write_shapes(tmp_path / "area.gpkg", [(rectangle(3, 4, 5, 6), {"use": 1}), (rectangle(10, 4, 2, 2), {"use": 0})])
    expected = np.zeros((20, 30), bool)
    expected[3:8, 4:10] = True
    some = AreaOfInterest.parse({"path": "area.gpkg", "where": "use = 1"}, tmp_path)
    np.testing.assert_array_equal(some.inside(grid, WHOLE), expected)
    expected[10:12, 4:6] = True
    np.testing.assert_array_equal(AreaOfInterest.parse("area.gpkg", tmp_path).inside(grid, Window(2, 0, 15, 30)), expected[2:17])


def test_it_is_recorded_without_folders(tmp_path):
    assert AreaOfInterest.parse("x/area.gpkg", tmp_path).parameters() == {
        "box": None, "path": "area.gpkg", "layer": None, "where": None,
    }  # fmt: skip
    assert AreaOfInterest.parse(None, tmp_path) is None


@pytest.mark.parametrize("config", [(1, 2, 3), (5, 0, 1, 1), {"path": "x", "field": "y"}, {}, 7, (1, 2, "3", 4)])
def test_what_makes_no_sense_is_refused(tmp_path, config):
    with pytest.raises(DatasetError, match="area_of_interest is"):
        AreaOfInterest.parse(config, tmp_path)


def test_an_image_without_place_has_no_box(tmp_path):
    write_raster(tmp_path / "p.png", np.ones((5, 5), np.uint8))
    with pytest.raises(DatasetError, match="has no place on the ground"):
        AreaOfInterest(box=(0, 0, 1, 1)).inside(Scene(tmp_path / "p.png"), Window(0, 0, 5, 5))
