from __future__ import annotations

import struct

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from rs_da_mm.inference.outputs.polygon_shapes import count_pixels, measure_area, polygon_wkb
from rs_da_mm.raster import Georeference, LabelPolygon, cell_areas, label_polygons

SQUARE = np.array([[2, 1], [2, 4], [6, 4], [6, 1], [2, 1]])
HOLE = np.array([[3, 2], [4, 2], [4, 3], [3, 3], [3, 2]])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), classes=st.integers(1, 4))
def test_areas_are_the_sums_of_the_pixels(seed, classes):
    labels = np.random.default_rng(seed).integers(0, classes, (17, 23), dtype=np.uint8)
    cells = cell_areas(Georeference(CRS.from_epsg(4326), Affine(1, 0, 10, 0, -1, 80)), 17, 23).per_row
    above = np.concatenate([[0.0], np.cumsum(cells)])
    pixels, areas = np.zeros(classes), np.zeros(classes)
    for polygon in label_polygons(labels):
        pixels[polygon.value] += count_pixels(polygon)
        areas[polygon.value] += measure_area(polygon, above)
    np.testing.assert_array_equal(pixels, [np.count_nonzero(labels == number) for number in range(classes)])
    np.testing.assert_allclose(areas, [(cells[:, None] * (labels == number)).sum() for number in range(classes)], rtol=1e-9)


def test_well_known_binary_spelled_out():
    place = Georeference(CRS.from_epsg(32650), Affine(2, 0, 100, 0, -3, 50))
    found = polygon_wkb(LabelPolygon(0, (SQUARE, HOLE)), place)
    header = struct.unpack_from("<BIII", found)
    assert header == (1, 3, 2, 5)
    outer = np.frombuffer(found, "<f8", 10, offset=13).reshape(5, 2)
    np.testing.assert_array_equal(outer, SQUARE * [2, -3] + [100, 50])
    assert len(found) == 9 + 2 * (4 + 5 * 16)


def test_without_a_grid_y_runs_downwards():
    found = np.frombuffer(polygon_wkb(LabelPolygon(0, (SQUARE,)), Georeference()), "<f8", 10, offset=13).reshape(5, 2)
    np.testing.assert_array_equal(found, SQUARE * [1, -1])


def test_wkb_against_shapely():
    shapely = pytest.importorskip("shapely", reason="shapely reads the same bytes")
    polygon = shapely.from_wkb(polygon_wkb(LabelPolygon(0, (SQUARE, HOLE)), Georeference()))
    assert polygon.is_valid
    assert polygon.area == 11
