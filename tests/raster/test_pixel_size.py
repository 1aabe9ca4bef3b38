from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from rs_da_mm.raster import Georeference, Scene, write_raster
from rs_da_mm.raster.ground import ground_size
from rs_da_mm.raster.pixel_size import pixel_metres, pixel_size


def scene(tmp_path, crs, transform=None, **more):
    path = tmp_path / "scene.tif"
    place = Georeference(crs, transform or Affine.identity(), **more)
    write_raster(path, np.zeros((8, 8), np.uint8), georeference=place)
    return Scene(path)


@pytest.mark.parametrize(
    ("crs", "size", "unit"),
    [
        ("EPSG:32650", (0.8, 0.5), "metre"),
        ("EPSG:2263", (2 * 1200 / 3937, 2 * 1200 / 3937), "metre"),  # 2 US survey feet
        ("EPSG:4326", (1e-5, 2e-5), "degree"),
        (None, (3.0, 3.0), "unknown"),
    ],
)
def test_the_size_is_in_metres_where_the_crs_is_projected(tmp_path, crs, size, unit):
    step = (2.0, 2.0) if crs == "EPSG:2263" else size
    transform = Affine(step[0], 0, 100.0, 0, -step[1], 50.0)
    measured = pixel_size(scene(tmp_path, CRS.from_string(crs) if crs else None, transform))
    assert measured.unit == unit
    assert measured[:2] == pytest.approx(size)


def test_a_rotated_pixel_keeps_its_size(tmp_path):
    cos, sin = math.cos(0.5), math.sin(0.5)
    transform = Affine(4 * cos, 2 * sin, 0, 4 * sin, -2 * cos, 0)
    assert pixel_size(scene(tmp_path, CRS.from_epsg(32650), transform))[:2] == pytest.approx((4, 2))


def test_a_photograph_and_control_points_have_none(tmp_path):
    assert pixel_size(scene(tmp_path, None)) is None
    points = tuple(GroundControlPoint(row, col, x=col * 2.0, y=-row * 2.0) for row, col in [(0, 0), (0, 8), (8, 0), (8, 8)])
    assert pixel_size(scene(tmp_path, None, gcps=points, gcps_crs=CRS.from_epsg(32650))) is None


def test_metres_are_those_of_the_projection_or_else_of_the_ground(tmp_path):
    grid = Affine(2.0, 0, 100.0, 0, -3.0, 50.0)
    assert pixel_metres(scene(tmp_path, CRS.from_epsg(32650), grid)) == (2.0, 3.0, "metre")
    assert pixel_metres(scene(tmp_path, CRS.from_epsg(2994), grid))[:2] == pytest.approx((2 * 0.3048, 3 * 0.3048))
    degrees = Georeference(CRS.from_epsg(4326), Affine(1e-4, 0, 10.0, 0, -1e-4, 60.0))
    measured = pixel_metres(scene(tmp_path, degrees.crs, degrees.transform))
    assert measured[:2] == ground_size(degrees, 8, 8)[:2]
    assert measured.width == pytest.approx(1e-4 * 111_320 * math.cos(math.radians(60)), rel=0.01)


def test_metres_of_control_points_are_those_of_the_grid_that_fits_them_best(tmp_path):
    at = [(0, 0), (0, 8), (8, 0), (8, 8), (4, 3)]
    points = tuple(GroundControlPoint(r, c, x=5e5 + 2 * c + 0.5 * r, y=4e6 - 3 * r) for r, c in at)
    measured = pixel_metres(scene(tmp_path, None, gcps=points, gcps_crs=CRS.from_epsg(32650)))
    assert measured[:2] == pytest.approx((2, math.hypot(0.5, 3)))


@pytest.mark.parametrize("at", [[(0, 0)], [(0, 0), (8, 8)], [(0, 0), (4, 4), (8, 8)]])
def test_control_points_on_one_line_tell_no_size(tmp_path, at):
    points = tuple(GroundControlPoint(r, c, x=5e5 + 2 * c, y=4e6 - 3 * r) for r, c in at)
    assert pixel_metres(scene(tmp_path, None, gcps=points, gcps_crs=CRS.from_epsg(32650))) is None


def test_metres_are_not_known_without_a_crs(tmp_path):
    assert pixel_metres(scene(tmp_path, None)) is None
    assert pixel_metres(scene(tmp_path, None, Affine(2.0, 0, 100.0, 0, -3.0, 50.0))) is None
