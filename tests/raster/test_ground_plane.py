from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Georeference, Scene, write_raster
from rs_da_mm.raster.ground_plane import GroundPlane, Placement, geocentric

pyproj = pytest.importorskip("pyproj")
WGS84 = pyproj.Geod(ellps="WGS84")


def placement(epsg, x, y, res=10.0, height=100, width=100):
    return Placement(CRS.from_epsg(epsg), Affine(res, 0, x, 0, -res, y), height, width)


def test_pixels_become_degrees_as_pyproj_has_them():
    pixels = np.array([(0, 0), (100, 0), (37.5, 99.25)])
    xs, ys = 500_000 + 10 * pixels[:, 0], 5_300_000 - 10 * pixels[:, 1]
    expected = pyproj.Transformer.from_crs(32633, 4326, always_xy=True).transform(xs, ys)
    np.testing.assert_allclose(placement(32633, 500_000, 5_300_000).degrees(pixels), np.transpose(expected), atol=1e-10)


def test_geocentric_points_are_those_of_pyproj():
    degrees = np.array([(0.0, 0.0), (12.5, 47.1), (-120.0, -33.3), (180.0, 89.9), (5.0, -90.0)])
    transformer = pyproj.Transformer.from_crs(4979, 4978, always_xy=True)
    expected = np.transpose(transformer.transform(degrees[:, 0], degrees[:, 1], np.zeros(len(degrees))))
    np.testing.assert_allclose(geocentric(degrees), expected, atol=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-180, 180),
    st.floats(-89, 89),
    st.tuples(st.floats(0, 360), st.floats(10, 50_000)),
    st.tuples(st.floats(0, 360), st.floats(10, 50_000)),
)
def test_lengths_near_the_centre_are_those_on_the_ellipsoid(lon, lat, one, other):
    ends = [WGS84.fwd(lon, lat, azimuth, distance)[:2] for azimuth, distance in (one, other)]
    plane = GroundPlane(geocentric(np.array([lon, lat])))
    flat = plane.project(geocentric(np.array(ends)))
    distance = WGS84.inv(*ends[0], *ends[1])[2]
    assert np.linalg.norm(flat[0] - flat[1]) == pytest.approx(distance, rel=1e-4, abs=1e-3)


@settings(max_examples=60, deadline=None)
@given(st.floats(-60, 60), st.tuples(st.floats(0, 360), st.floats(1e4, 5e6)), st.tuples(st.floats(0, 360), st.floats(50, 5000)))
def test_nothing_is_nearer_on_the_ground_than_the_shrinking_says(lat, place, step):
    lon, here, _ = WGS84.fwd(10.0, lat, *place)
    there = WGS84.fwd(lon, here, *step)[:2]
    plane = GroundPlane(geocentric(np.array([10.0, lat])))
    flat = plane.project(geocentric(np.array([(lon, here), there])))
    least = np.linalg.norm(flat[0] - flat[1]) * GroundPlane.shrinking(flat).min()
    assert least <= step[1] * (1 + 1e-4)


def test_a_point_lies_as_far_from_the_centre_as_in_lamberts_projection():
    plane = GroundPlane(geocentric(np.array([0.0, 0.0])))
    quarter = plane.project(geocentric(np.array([90.0, 0.0])))
    np.testing.assert_allclose(quarter, (2 * 6378137.0 * math.sin(math.pi / 4), 0), atol=1e-6)


def test_two_zones_meet_on_common_ground():
    degrees = np.array([(12.0, 48.0), (12.01, 48.02)])  # 12° east is the border of zones 32 and 33
    points = []
    for epsg in (32632, 32633):
        xs, ys = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform(degrees[:, 0], degrees[:, 1])
        pixels = np.stack([(xs - 100_000) / 10, (6_000_000 - ys) / 10], axis=1)
        points.append(geocentric(placement(epsg, 100_000, 6_000_000).degrees(pixels)))
    np.testing.assert_allclose(*points, atol=1e-3)


def test_a_pole_is_a_place_like_any_other():
    plane = GroundPlane(geocentric(np.array([0.0, 90.0])))
    flat = plane.project(geocentric(np.array([(lon, 89.9) for lon in range(0, 360, 45)])))
    np.testing.assert_allclose(np.linalg.norm(flat, axis=1), 11169.4, rtol=1e-4)  # a tenth of a degree of the meridian there


def test_the_placement_is_that_of_the_file(tmp_path):
    grid = Affine(10, 0, 500_000, 0, -10, 5_300_000)
    write_raster(tmp_path / "a.tif", np.ones((8, 6), np.uint8), georeference=Georeference(CRS.from_epsg(32633), grid))
    found = Placement.of(Scene(tmp_path / "a.tif"))
    assert found is not None
    assert (found.crs.to_epsg(), found.transform, found.height, found.width) == (32633, grid, 8, 6)
    write_raster(tmp_path / "b.png", np.ones((8, 6), np.uint8))
    assert Placement.of(Scene(tmp_path / "b.png")) is None
    assert Placement.from_georeference(Georeference(None, grid), 8, 6) is None


def test_coordinates_that_the_system_cannot_have_name_the_system():
    lost = Placement(CRS.from_epsg(32633), Affine(10, 0, 1e9, 0, -10, 1e9), 10, 10)
    with pytest.raises(RasterError, match=r"EPSG:32633 .*(no place on Earth|cannot be turned)"):
        lost.degrees(np.zeros((1, 2)))
