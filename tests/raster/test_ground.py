from __future__ import annotations

import math

import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.raster import Georeference, ground_size
from rs_da_mm.raster.ground import curvature_radii, ellipsoid_of

LONLAT = CRS.from_epsg(4326)


@pytest.mark.parametrize("latitude", [0.0, 37.5, -60.0, 85.0])
def test_degrees_against_geodesics(latitude):
    pyproj = pytest.importorskip("pyproj", reason="pyproj measures the same distances")
    step = 1e-4
    size = ground_size(Georeference(LONLAT, Affine(step, 0, 10 - 50 * step, 0, -step, latitude + 50 * step)), 100, 100)
    geod = pyproj.Geod(ellps="WGS84")
    east = geod.inv(10 - step / 2, latitude, 10 + step / 2, latitude)[2]
    north = geod.inv(10, latitude - step / 2, 10, latitude + step / 2)[2]
    assert size == pytest.approx((east, north, east * north), rel=1e-7)


def test_web_mercator_shrinks_by_the_cosine_of_the_latitude():
    """On the ellipsoid by N cos φ / a along the parallel and M cos φ / a along the meridian."""
    y = 6378137 * math.asinh(math.tan(math.radians(60)))
    size = ground_size(Georeference(CRS.from_epsg(3857), Affine(10, 0, 0, 0, -10, y + 50)), 10, 10)
    along, across = curvature_radii(math.radians(60), 6378137.0, 298.257223563)
    assert size.width == pytest.approx(10 * 0.5 * across / 6378137, rel=1e-6)
    assert size.height == pytest.approx(10 * 0.5 * along / 6378137, rel=1e-6)


def test_rotation_and_feet_do_not_change_it():
    plain = ground_size(Georeference(CRS.from_epsg(32650), Affine(2, 0, 5e5, 0, -2, 4e6)), 1, 1)
    cosine, sine = 2 * math.cos(0.5), 2 * math.sin(0.5)
    turned = Affine(cosine, sine, 5e5, sine, -cosine, 4e6)
    assert ground_size(Georeference(CRS.from_epsg(32650), turned), 1, 1) == pytest.approx(plain, rel=1e-6)
    feet = ground_size(Georeference(CRS.from_epsg(2263), Affine(1, 0, 1e6, 0, -1, 2e5)), 1, 1)
    assert feet.width == pytest.approx(1200 / 3937, rel=1e-4)


def test_across_the_date_line():
    size = ground_size(Georeference(LONLAT, Affine(0.1, 0, 179.95, 0, -0.1, 0.05)), 1, 1)
    assert size.width == pytest.approx(math.radians(0.1) * 6378137, rel=1e-6)


def test_where_it_is_not_known():
    assert ground_size(Georeference(), 5, 5) is None
    assert ground_size(Georeference(None, Affine(2, 0, 0, 0, -2, 0)), 5, 5) is None
    assert ground_size(Georeference(LONLAT), 5, 5) is None
    nowhere = Affine(2, 0, 5e99, 0, -2, 5e99)
    assert ground_size(Georeference(CRS.from_epsg(32650), nowhere), 5, 5) is None


def test_ellipsoids():
    assert ellipsoid_of(CRS.from_epsg(4326)) == (6378137.0, 298.257223563)
    assert ellipsoid_of(CRS.from_epsg(4277)) == (6377563.396, 299.3249646)
    assert ellipsoid_of(CRS.from_proj4("+proj=longlat +R=6371000")) == (6371000.0, 0.0)
