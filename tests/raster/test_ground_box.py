from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.warp import transform_bounds

from rs_da_mm.raster import Georeference, GroundBox, ground_box
from rs_da_mm.raster.same_ground import Grid

LONLAT = CRS.from_epsg(4326)


def box_of(crs, transform, height=100, width=200):
    return ground_box(Grid("image", height, width, Georeference(crs, transform)))


def test_a_box_against_rasterio():
    found = box_of(CRS.from_epsg(32650), Affine(30, 0, 4e5, 0, -30, 4.5e6), 5000, 6000)
    expected = transform_bounds(CRS.from_epsg(32650), LONLAT, 4e5, 4.5e6 - 150_000, 4e5 + 180_000, 4.5e6, densify_pts=31)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_degrees_stay_degrees():
    np.testing.assert_allclose(box_of(LONLAT, Affine(0.1, 0, 7, 0, -0.1, 47)), (7, 37, 27, 47), atol=1e-9)
    np.testing.assert_allclose(box_of(LONLAT, Affine(1, 0, -180, 0, -1, 90), 180, 360), (-180, -90, 180, 90), atol=1e-9)
    np.testing.assert_allclose(box_of(LONLAT, Affine(1, 0, 190, 0, -1, 10), 20, 30), (-170, -10, -140, 10), atol=1e-9)


def test_across_the_date_line():
    found = box_of(CRS.from_epsg(32701), Affine(1000, 0, 1e5, 0, -1000, 8.2e6))  # zone 1 begins at 180 degrees
    assert 175 < found.west < 180 < found.east < 183
    degrees = box_of(LONLAT, Affine(0.01, 0, 179, 0, -0.01, 0))
    np.testing.assert_allclose(degrees, (179, -1, 181, 0), atol=1e-9)
    assert degrees.touches(GroundBox(-179.5, -1, -179.2, 0))
    assert GroundBox(-179.5, -1, -179.2, 0).touches(degrees)


def test_under_a_pole():
    found = box_of(CRS.from_epsg(3031), Affine(1e4, 0, -1e6, 0, -1e4, 5e5))
    assert (found.west, found.east, found.south) == (-180, 180, -90)
    assert found.north == pytest.approx(-90 + 10.27, abs=0.1)  # the corner, 1118 km from the pole
    beside = box_of(CRS.from_epsg(3031), Affine(1e4, 0, 1e6, 0, -1e4, 5e5))
    assert beside.south > -82
    assert beside.east - beside.west < 60


def test_control_points():
    points = tuple(GroundControlPoint(row, col, 10 + col * 0.01, 50 - row * 0.01) for row in (0, 100) for col in (50, 200))
    found = ground_box(Grid("image", 100, 200, Georeference(gcps=points, gcps_crs=LONLAT)))
    np.testing.assert_allclose(found, (10, 49, 12, 50), atol=1e-6)


def test_where_it_is_not_known():
    assert box_of(None, Affine(1, 0, 0, 0, -1, 0)) is None
    assert box_of(LONLAT, Affine.identity()) is None
    assert box_of(CRS.from_epsg(32650), Affine(1, 0, 1e99, 0, -1, 1e99)) is None


def test_touching():
    one = GroundBox(0, 0, 10, 10)
    assert one.touches(GroundBox(10, 10, 20, 20))
    assert not one.touches(GroundBox(11, 0, 20, 20))
    assert not one.touches(GroundBox(0, 11, 20, 20))
    assert one.spelled == "longitude 0.0000 to 10.0000, latitude 0.0000 to 10.0000"
