from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from rs_da_mm.raster import Georeference
from rs_da_mm.raster.grid_map import AxisMap, GridMap, scaled_map

UTM = CRS.from_epsg(32633)
TURNED = Affine(1.7, 1.5, 1000.0, 1.0, -2.6, 2000.0)
GRID = GridMap(AxisMap(0.5, 0.25), AxisMap(4.0, -3.0))


@pytest.mark.parametrize("scale", [0.5, 1 / 3, 1.0, 2.7, 10 / 60])
def test_a_centre_has_the_same_place_wherever_counting_begins(scale):
    axis = AxisMap(scale, 0.37)
    whole = axis.centres(0, 1000)
    np.testing.assert_array_equal(axis.centres(333, 100), whole[333:433])
    np.testing.assert_allclose(whole, (np.arange(1000) + 0.5) * scale + 0.37, atol=1e-6)


def test_rounding_errors_do_not_move_a_centre_off_an_edge():
    """Pixels of 15 m whose every second centre lies on the edge of one of 30 m, as Landsat's panchromatic ones do."""
    for error in (1e-12, 0.0, -1e-12):
        assert AxisMap(0.5, 0.25 + error).centres(0, 4).tolist() == [0.5, 1.0, 1.5, 2.0]


def test_there_and_back():
    assert GRID.at(3, 5) == (1.75, 17.0)
    assert GRID.inverse().at(1.75, 17.0) == (3, 5)
    assert scaled_map(1, 1).is_identity
    assert not GRID.is_identity


def test_a_point_keeps_its_place_on_the_ground():
    moved = GRID.georeference(Georeference(UTM, TURNED))
    row, col = 7.0, 11.0
    there = GRID.at(row, col)
    t = moved.transform
    here = (t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f)
    assert here == pytest.approx(
        (
            TURNED.a * there[1] + TURNED.b * there[0] + TURNED.c,
            TURNED.d * there[1] + TURNED.e * there[0] + TURNED.f,
        )
    )
    assert moved.crs == UTM


def test_control_points_are_counted_in_the_new_pixels():
    points = (GroundControlPoint(10, 20, 1.0, 2.0, 3.0, id="a", info="b"),)
    moved = scaled_map(2, 4).georeference(Georeference(gcps=points, gcps_crs=UTM))
    (point,) = moved.gcps
    assert (point.row, point.col, point.x, point.y, point.z, point.id, point.info) == (5, 5, 1.0, 2.0, 3.0, "a", "b")
    assert not moved.has_transform
    assert moved.gcps_crs == UTM


def test_a_photograph_stays_without_place():
    assert GRID.georeference(Georeference()).is_empty
