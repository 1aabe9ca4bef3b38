from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from rs_da_mm.raster import Georeference, cell_areas
from rs_da_mm.raster.areas import zone_area

LONLAT = CRS.from_epsg(4326)


def geodesic_cell(geod, west, north, step):
    """A cell whose edges along the parallels are broken into short geodesics."""
    easts = np.linspace(west, west + step, 200)
    lons = [*easts, *easts[::-1]]
    lats = [north] * 200 + [north - step] * 200
    return abs(geod.polygon_area_perimeter(lons, lats)[0])


@settings(max_examples=30, deadline=None)
@given(north=st.floats(-89, 90), step=st.floats(1e-3, 0.5), datum=st.sampled_from([(4326, "WGS84"), (4277, "airy")]))
def test_cells_in_degrees_against_geodesic_polygons(north, step, datum):
    pyproj = pytest.importorskip("pyproj", reason="pyproj measures the same areas")
    found = cell_areas(Georeference(CRS.from_epsg(datum[0]), Affine(step, 0, 10.0, 0, -step, north)), 1, 1)
    assert found.method == "geodesic"
    assert found.true_scale == 1.0
    assert found.per_row[0] == pytest.approx(geodesic_cell(pyproj.Geod(ellps=datum[1]), 10.0, north, step), rel=1e-5, abs=0.01)


def test_the_whole_globe():
    """The surface of the WGS 84 ellipsoid, 510,065,621.724 km²; half a pixel beyond the poles there is nothing."""
    areas = cell_areas(Georeference(LONLAT, Affine(1, 0, -180.5, 0, -1, 90.5)), 181, 360)
    assert areas.per_row.sum() * 360 == pytest.approx(510_065_621_724_088.4, rel=1e-12)
    np.testing.assert_allclose(areas.per_row, areas.per_row[::-1], rtol=1e-12)


def test_a_sphere():
    np.testing.assert_allclose(zone_area(np.array([math.pi / 6, math.pi / 2]), 2.0, 0.0), [2.0, 4.0])
    crs = CRS.from_proj4("+proj=longlat +R=6371000")
    areas = cell_areas(Georeference(crs, Affine(90, 0, -180, 0, -90, 90)), 2, 4)
    np.testing.assert_allclose(areas.per_row, 4 * math.pi * 6371000.0**2 / 8)


@pytest.mark.parametrize(
    ("epsg", "transform", "area", "scale"),
    [
        (32650, Affine(2, 0, 5e5, 0, -3, 4e6), 6.0, 1 / 0.9996**2),
        (3035, Affine(10, 0, 4.3e6, 0, -10, 3.2e6), 100.0, 1.0),
        (2263, Affine(1, 0, 1e6, 0, -1, 2e5), (1200 / 3937) ** 2, 1.0),
        (32650, Affine(0, 2, 5e5, 2, 0, 4e6), 4.0, 1 / 0.9996**2),
    ],
)
def test_grids_in_metres_and_feet(epsg, transform, area, scale):
    areas = cell_areas(Georeference(CRS.from_epsg(epsg), transform), 3, 3)
    assert areas.method == "grid"
    np.testing.assert_allclose(areas.per_row, [area] * 3, rtol=1e-9)
    assert areas.true_scale == pytest.approx(scale, rel=1e-4)


def test_web_mercator_says_how_wrong_it_is():
    y = 6378137 * math.asinh(math.tan(math.radians(60)))
    areas = cell_areas(Georeference(CRS.from_epsg(3857), Affine(10, 0, 0, 0, -10, y)), 1, 1)
    assert areas.per_row[0] == 100.0
    assert areas.true_scale == pytest.approx(0.25, rel=0.01)


def test_where_they_are_not_known():
    points = (GroundControlPoint(0, 0, 10.0, 50.0),)
    for place in (
        Georeference(),
        Georeference(None, Affine(2, 0, 0, 0, -2, 0)),
        Georeference(gcps=points, gcps_crs=LONLAT),
        Georeference(LONLAT, Affine(0.09, -0.03, 10, 0.03, 0.09, 50)),
    ):
        assert cell_areas(place, 4, 4) is None
