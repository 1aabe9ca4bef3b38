from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.errors import InputError
from rs_da_mm.raster import Georeference, ground_size
from rs_da_mm.raster.vectors.widths import areas_of, reach_in_pixels

PLACES = {
    "metres": Georeference(CRS.from_epsg(32635), Affine(2, 0, 386_000, 0, -2, 6_672_000)),
    "turned": Georeference(CRS.from_epsg(32635), Affine(1.6, 1.2, 386_000, 1.2, -1.6, 6_672_000)),
    "Web Mercator": Georeference(CRS.from_epsg(3857), Affine(4, 0, 2_772_000, 0, -4, 8_440_000)),
    "degrees": Georeference(CRS.from_epsg(4326), Affine(4e-5, 0, 24.9, 0, -2e-5, 60.2)),
    "feet": Georeference(CRS.from_epsg(2263), Affine(6, 0, 980_000, 0, -6, 200_000)),
}


def array(*shapes):
    found = np.empty(len(shapes), object)
    found[:] = shapes
    return found


@pytest.mark.parametrize("where", PLACES.values(), ids=PLACES)
def test_widths_are_metres_on_the_ground(where):
    cell = ground_size(where, 200, 300).cell
    shapes = array(shapely.Point(150, 100), shapely.MultiLineString([[(100, 80), (200, 80)], [(120, 60), (120, 150)]]))
    polygons, owners = areas_of(shapes, np.array([1, 2]), where, (200, 300), 12.0, 20.0, "f")
    assert owners.tolist() == [0, 1, 1]
    assert {polygon.geom_type for polygon in polygons} == {"Polygon"}
    assert polygons[0].area * cell == pytest.approx(math.pi * 20**2, rel=0.003)
    step_east, step_south = (measured(where, *step) for step in ((1, 0), (0, 1)))
    for polygon, pixels, step in zip(polygons[1:], (100, 90), (step_east, step_south), strict=True):
        assert polygon.area * cell == pytest.approx(pixels * step * 12 + math.pi * 6**2, rel=0.003)


def measured(where, col, row):
    """Metres of one step from pixel to pixel, by pyproj."""
    pyproj = pytest.importorskip("pyproj", reason="pyproj measures the same distances")
    t, ends = where.transform, []
    to_degrees = pyproj.Transformer.from_crs(where.crs.to_wkt(), 4326, always_xy=True)
    for sign in (-0.5, 0.5):
        at_col, at_row = 150 + sign * col, 100 + sign * row
        ends += to_degrees.transform(t.a * at_col + t.b * at_row + t.c, t.d * at_col + t.e * at_row + t.f)
    return pyproj.Geod(ellps="WGS84").inv(*ends)[2]


def test_a_line_ends_round_and_is_as_wide_as_said():
    (polygon,), _ = areas_of(
        array(shapely.LineString([(20, 50), (80, 50)])), np.array([1]), PLACES["metres"], (99, 99), 12.0, None, "f"
    )
    scale = 2 / ground_size(PLACES["metres"], 99, 99).width
    np.testing.assert_allclose(polygon.bounds, (20 - 3 * scale, 50 - 3 * scale, 80 + 3 * scale, 50 + 3 * scale), atol=0.005)


def test_polygons_stay_and_are_taken_apart():
    two = shapely.MultiPolygon([shapely.box(0, 0, 5, 5), shapely.box(7, 7, 9, 9)])
    polygons, owners = areas_of(
        array(shapely.box(1, 1, 2, 2), two), np.array([1, 2]), PLACES["metres"], (99, 99), None, None, "f"
    )
    assert owners.tolist() == [0, 1, 1]
    assert [polygon.bounds for polygon in polygons] == [(1, 1, 2, 2), (0, 0, 5, 5), (7, 7, 9, 9)]


def test_a_missing_size_is_told():
    line, point = array(shapely.box(0, 0, 1, 1), shapely.LineString([(0, 0), (1, 1)])), array(shapely.MultiPoint([(1, 1)]))
    with pytest.raises(InputError, match=r"roads\.shp holds lines \(the first is feature 8\).*line_width=… in metres"):
        areas_of(line, np.array([7, 8]), PLACES["metres"], (9, 9), None, 5.0, "roads.shp")
    with pytest.raises(InputError, match=r"trees holds points \(the first is feature 3\).*point_radius=…"):
        areas_of(point, np.array([3]), PLACES["metres"], (9, 9), 5.0, None, "trees")


@pytest.mark.parametrize("where", PLACES.values(), ids=PLACES)
def test_the_reach_covers_the_radius(where):
    reach = reach_in_pixels(where, (200, 300), 12.0, 20.0)
    (disc,), _ = areas_of(array(shapely.Point(0, 0)), np.array([1]), where, (200, 300), None, 20.0, "f")
    assert max(disc.bounds[2:]) < reach < 3 * max(disc.bounds[2:])
    assert reach_in_pixels(where, (200, 300), 12.0, None) == pytest.approx(reach * 6 / 20)
    assert reach_in_pixels(where, (200, 300), None, None) == 0


def test_nothing_gives_nothing():
    polygons, owners = areas_of(np.empty(0, object), np.empty(0, np.int64), PLACES["metres"], (9, 9), None, None, "f")
    assert len(polygons) == len(owners) == 0
