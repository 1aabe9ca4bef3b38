from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from rs_da_mm.raster import Georeference, Scene, write_raster
from rs_da_mm.raster.pixel_size import pixel_size


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
