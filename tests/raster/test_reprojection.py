from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.raster import reprojection
from rs_da_mm.raster.reprojection import apply, known_as_one, reproject_points

LONLAT, ZONE_50, ORTHO = CRS.from_epsg(4326), CRS.from_epsg(32650), CRS.from_proj4("+proj=ortho +lat_0=0 +lon_0=0")


def test_points_against_pyproj():
    pyproj = pytest.importorskip("pyproj", reason="pyproj carries the same points")
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(114, 120, (3, 5)), rng.uniform(10, 60, (3, 5))
    expected = pyproj.Transformer.from_crs(4326, 32650, always_xy=True).transform(lon, lat)
    found = reproject_points(LONLAT, ZONE_50, lon, lat)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(reproject_points(ZONE_50, LONLAT, *found), (lon, lat), rtol=0, atol=1e-9)


def test_a_point_without_a_place_is_infinite_and_its_neighbours_are_not():
    xs, ys = np.array([0.0, 170.0, 10.0, -100.0, 5.0]), np.zeros(5)  # two lie on the far side of the globe
    found = reproject_points(LONLAT, ORTHO, xs, ys)
    np.testing.assert_array_equal(np.isfinite(found), [[True, False, True, False, True]] * 2)
    np.testing.assert_allclose(found[0][[0, 2]], 6378137 * np.sin(np.radians([0, 10])), rtol=1e-9)


def test_where_gdal_gives_up_on_all_the_others_are_found(monkeypatch):
    def strict(source, target, xs, ys):
        if 3.0 in xs:
            raise reprojection.GDAL_ERRORS[0]("no place")
        return [x * 10 for x in xs], [y * 10 for y in ys]

    monkeypatch.setattr(reprojection, "transform_lists", strict)
    found = reproject_points(LONLAT, ORTHO, np.arange(6.0), np.arange(6.0))
    np.testing.assert_array_equal(found[0], [0, 10, 20, np.inf, 40, 50])
    np.testing.assert_array_equal(found[1], found[0])


def test_one_system_changes_nothing():
    xs = np.array([1e99, 0.0])
    for systems in [(None, None), (ZONE_50, CRS.from_string(ZONE_50.to_wkt()))]:
        found = reproject_points(*systems, xs, xs)
        np.testing.assert_array_equal(found, [xs, xs])
        assert found[0] is not xs
    assert not known_as_one(None, ZONE_50)
    assert not known_as_one(LONLAT, ZONE_50)


def test_affine():
    np.testing.assert_array_equal(apply(Affine(2, 3, 5, 7, 11, 13), np.array([1.0]), np.array([10.0])), [[37.0], [130.0]])
