from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.raster import Georeference
from rs_da_mm.raster.reprojection import reproject_points
from rs_da_mm.raster.vectors.placing import layer_box, place

ZONE, LONLAT = CRS.from_epsg(32650), CRS.from_epsg(4326)
WHERE = Georeference(ZONE, Affine(10, 0, 687_000, 0, -10, 6_210_000))


def array(*shapes):
    found = np.empty(len(shapes), object)
    found[:] = shapes
    return found


def test_the_box_holds_every_pixel():
    turned = Georeference(ZONE, Affine(8, 6, 687_000, 6, -8, 6_210_000))
    for where in (WHERE, turned):
        box = layer_box(where, 300, 400, LONLAT, 0.0)
        cols, rows = np.meshgrid(np.arange(401.0), np.arange(301.0))
        t = where.transform
        lon, lat = reproject_points(ZONE, LONLAT, t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f)
        assert box[0] <= lon.min()
        assert box[1] <= lat.min()
        assert box[2] >= lon.max()
        assert box[3] >= lat.max()
        assert (box[2] - box[0]) < 1.2 * np.ptp(lon)
        wider = layer_box(where, 300, 400, LONLAT, 100.0)
        assert wider[0] < box[0] - 0.005
        assert wider[3] > box[3] + 0.005


def test_an_image_that_has_no_place_in_the_layers_system_has_no_box():
    assert layer_box(WHERE, 10, 10, CRS.from_proj4("+proj=ortho +lat_0=-60 +lon_0=-60"), 0.0) is None


def test_in_one_system_places_are_those_of_the_grid():
    square = shapely.box(687_005, 6_209_900, 687_025, 6_210_000)
    (found,), lost = place(array(square, None)[:1], ZONE, WHERE, (0, 0, 1, 1))
    assert found.equals(shapely.box(0.5, 0, 2.5, 10))
    assert not lost.any()
    kept, _ = place(array(None, square, None), ZONE, WHERE, (0, 0, 1, 1))
    assert [shape is None for shape in kept] == [True, False, True]


def test_places_against_pyproj():
    pyproj = pytest.importorskip("pyproj", reason="pyproj carries the same points")
    lon, lat = np.array([120.0, 120.002, 120.002]), np.array([56.0, 56.0, 56.001])
    box = layer_box(WHERE, 60, 80, LONLAT, 0.0)
    (found,), _ = place(array(shapely.LineString(np.stack([lon, lat], axis=1))), LONLAT, WHERE, box)
    xs, ys = pyproj.Transformer.from_crs(4326, 32650, always_xy=True).transform(lon, lat)
    corners = np.stack([(xs - 687_000) / 10, (6_210_000 - ys) / 10], axis=1)
    assert shapely.hausdorff_distance(found, shapely.LineString(corners)) < 2**-10
    parts = shapely.get_coordinates(found) * 1024
    np.testing.assert_array_equal(parts, np.rint(parts))


def test_long_edges_follow_their_own_system():
    where = Georeference(ZONE, Affine(10, 0, 600_000, 0, -10, 6_300_000))  # 100 km wide; a parallel bends by more than 100 m
    box = layer_box(where, 10_000, 10_000, LONLAT, 0.0)
    parallel = shapely.LineString([(118.7, 56.5), (120.2, 56.5)])
    (found,), _ = place(array(parallel), LONLAT, where, box)
    lon = np.linspace(118.7, 120.2, 1000)
    xs, ys = reproject_points(LONLAT, ZONE, lon, np.full(1000, 56.5))
    cols, rows = (xs - 600_000) / 10, (6_300_000 - ys) / 10
    on_image = (cols > 0) & (cols < 10_000)
    distances = shapely.distance(found, shapely.points(cols, rows))[on_image]
    assert distances.max() < 0.02
    chord = shapely.LineString([(cols[0], rows[0]), (cols[-1], rows[-1])])
    assert shapely.distance(chord, shapely.points(cols, rows)).max() > 20


def test_the_far_side_of_the_globe_is_cut_off():
    everywhere = shapely.box(-180, -90, 180, 90)
    box = layer_box(WHERE, 60, 80, LONLAT, 0.0)
    (found,), lost = place(array(everywhere), LONLAT, WHERE, box)
    assert not lost.any()
    assert found.contains(shapely.box(0, 0, 80, 60))
    line, point = shapely.LineString([(-100, 56.0), (140, 56.0)]), shapely.Point(-60, 0)
    kept, _ = place(array(line, point), LONLAT, WHERE, box)
    assert kept[0].geom_type == "LineString"
    assert kept[0].length < 400
    assert kept[1] is None


def test_what_has_no_place_is_told():
    globe = Georeference(CRS.from_proj4("+proj=ortho +lat_0=0 +lon_0=0"), Affine(1000, 0, -6e6, 0, -1000, 6e6))
    kept, lost = place(array(shapely.Point(170, 0), shapely.Point(10, 0)), LONLAT, globe, (-90, -90, 90, 90))
    assert lost.tolist() == [True, False]
    assert kept[0] is None
    assert kept[1].x == pytest.approx(6000 + 6378.137 * np.sin(np.radians(10)), abs=1e-3)
