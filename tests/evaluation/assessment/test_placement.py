from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.class_raster import ClassRaster
from rs_da_mm.evaluation.assessment.placement import Placement
from rs_da_mm.raster import Georeference, write_raster

shapely = pytest.importorskip("shapely")

ROTATED = Georeference(CRS.from_epsg(32632), Affine(8, 6, 500_000, 6, -8, 5_600_000))


@pytest.fixture
def raster(tmp_path, tools):
    return ClassRaster(tools.map(tmp_path / "map.tif", np.zeros((60, 80), np.uint8)))


@pytest.mark.parametrize("epsg", [32632, 32631, 4326, 3857, 2056])
@pytest.mark.parametrize("is_rotated", [False, True])
def test_points_lie_in_the_pixel_that_pyproj_finds(tmp_path, tools, epsg, is_rotated):
    pyproj = pytest.importorskip("pyproj")
    georeference = ROTATED if is_rotated else tools.utm
    raster = ClassRaster(tools.map(tmp_path / "map.tif", np.zeros((60, 80), np.uint8), georeference))
    rng = np.random.default_rng(0)
    rows, cols = rng.integers(-5, 65, 200), rng.integers(-5, 85, 200)
    x, y = pyproj.Transformer.from_crs(32632, epsg, always_xy=True).transform(*tools.centres(rows, cols, georeference).T)
    placement = Placement(raster, tools.reference(shapely.points(x, y), ["a"] * 200, epsg))
    found = placement.pixels_of(np.stack([x, y], axis=1))
    np.testing.assert_array_equal(found, [rows.clip(-1), cols.clip(-1)])


def test_edges_of_polygons_bend_as_on_the_ground(tmp_path, tools):
    """A wide box in degrees: its northern edge is a parallel, which bends by many pixels of the map."""
    pyproj = pytest.importorskip("pyproj")
    raster = ClassRaster(tools.map(tmp_path / "map.tif", np.zeros((60, 80), np.uint8)))
    box = shapely.box(6.0, 50.0, 12.0, 50.5)
    (placed,) = Placement(raster, tools.reference([box], ["a"], 4326)).place(np.array([box], object))
    lons = np.linspace(6, 12, 1000)
    x, y = pyproj.Transformer.from_crs(4326, 32632, always_xy=True).transform(lons, np.full(1000, 50.5))
    exact = shapely.points((x - 500_000) / 10, (5_600_000 - y) / 10)
    assert shapely.distance(exact, placed.exterior).max() < 6.0
    straight = shapely.LineString(shapely.get_coordinates(exact)[[0, -1]])
    assert shapely.distance(exact, straight).max() > 400


def test_places_that_the_map_does_not_know_are_nowhere(raster, tools):
    placement = Placement(raster, tools.reference([shapely.Point(0, 95)], ["a"], 4326))
    assert [found.tolist() for found in placement.pixels_of(np.array([[0.0, 95.0]]))] == [[-1], [-1]]


def test_where_both_lie_is_told(raster, tools):
    point = tools.reference([shapely.Point(50.548, 9.001), shapely.Point(50.549, 9.002)], ["a", "a"], 4326)
    message = str(Placement(raster, point).nowhere())
    assert "given.gpkg lies outside" in message
    assert "longitude 50.5480 to 50.5490, latitude 9.0010 to 9.0020" in message
    assert "With x and y swapped the two would touch" in message


def test_without_a_system_on_either_side_coordinates_are_taken_as_they_are(tmp_path, tools):
    plane = Georeference(None, Affine(2, 0, 100, 0, -2, 50))
    raster = ClassRaster(tools.map(tmp_path / "map.tif", np.zeros((5, 5), np.uint8), plane))
    placement = Placement(raster, tools.reference([shapely.Point(103, 47)], ["a"], None))
    assert [found.tolist() for found in placement.pixels_of(np.array([[103.0, 47.0]]))] == [[1], [1]]


def test_a_system_on_one_side_alone_is_refused(tmp_path, tools, raster):
    with pytest.raises(
        InputError, match=r"given\.gpkg names no coordinate system \(CRS\), and .*map\.tif lies in EPSG:32632.*--crs"
    ):
        Placement(raster, tools.reference([shapely.Point(0, 0)], ["a"], None))
    bare = ClassRaster(
        tools.map(tmp_path / "bare.tif", np.zeros((5, 5), np.uint8), Georeference(None, Affine(2, 0, 100, 0, -2, 50)))
    )
    with pytest.raises(InputError, match=r"bare\.tif names no coordinate system \(CRS\), and given\.gpkg lies in EPSG:4326"):
        Placement(bare, tools.reference([shapely.Point(0, 0)], ["a"], 4326))


def test_a_map_without_a_grid_is_refused(tmp_path, tools):
    write_raster(tmp_path / "photo.tif", np.zeros((5, 5), np.uint8))
    with pytest.raises(InputError, match=r"photo\.tif does not say where it lies"):
        Placement(ClassRaster(tmp_path / "photo.tif"), tools.reference([shapely.Point(0, 0)], ["a"], 4326))
