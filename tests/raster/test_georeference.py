from __future__ import annotations

import math

import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import WktVersion

from rs_da_mm.raster import Georeference
from rs_da_mm.raster.georeference import differences, grid_shift, read_georeference, same_crs
from rs_da_mm.raster.handles import open_fresh

UTM = CRS.from_epsg(32633)
GRID = Affine(0.5, 0.0, 1000.0, 0.0, -0.5, 2000.0)
POINTS = (GroundControlPoint(10, 20, 1.0, 2.0, 3.0, id="a"), GroundControlPoint(30, 40, 5.0, 6.0))


def moved(cols: float, rows: float) -> Affine:
    return Affine(GRID.a, 0.0, GRID.c + cols * GRID.a, 0.0, GRID.e, GRID.f + rows * GRID.e)


def test_a_photograph_has_none(tmp_path, plainly, pixels):
    with open_fresh(plainly(tmp_path / "a.png", pixels, driver="PNG")) as dataset:
        where = read_georeference(dataset)
    assert where == Georeference()
    assert where.is_empty


def test_a_window_begins_where_rasterio_says(tmp_path, plainly, pixels):
    path = plainly(tmp_path / "a.tif", pixels, crs=UTM, transform=GRID)
    with rasterio.open(path) as dataset:
        expected = dataset.xy(11, 7, offset="ul")
        where = read_georeference(dataset).window(11, 7)
    assert (where.transform.c, where.transform.f) == expected
    assert where.transform[0:2] == GRID[0:2]
    assert where.crs == UTM


def test_a_window_keeps_control_points_where_they_were():
    where = Georeference(gcps=POINTS, gcps_crs=UTM).window(10, 15)
    assert [(p.row, p.col, p.x, p.y) for p in where.gcps] == [(0, 5, 1.0, 2.0), (20, 25, 5.0, 6.0)]
    assert (where.gcps[0].z, where.gcps[0].id) == (3.0, "a")
    assert where.transform == Affine.identity()


def test_one_system_under_two_spellings():
    assert same_crs(UTM, CRS.from_wkt(UTM.to_wkt(version=WktVersion.WKT1_ESRI)))
    assert same_crs(UTM, CRS.from_string("EPSG:32633"))
    assert not same_crs(UTM, CRS.from_epsg(32632))


@pytest.mark.parametrize(("cols", "rows", "shift"), [(0.25, 0, 0.25), (0, -3, 3.0), (0, 0, 0.0)])
def test_a_shift_is_counted_in_pixels(cols, rows, shift):
    assert grid_shift(GRID, moved(cols, rows), 100, 200) == pytest.approx(shift)


def test_another_pixel_size_shifts_the_far_corner():
    assert grid_shift(GRID, Affine(0.501, 0, 1000, 0, -0.5, 2000), 100, 200) == pytest.approx(200 * 0.001 / 0.5)


def test_a_turned_grid_shifts_the_far_corner():
    angle = 0.001
    turned = (
        GRID * Affine.rotation(math.degrees(angle))
        if not hasattr(GRID, "__matmul__")
        else GRID @ Affine.rotation(math.degrees(angle))
    )
    assert grid_shift(GRID, turned, 1000, 1000) == pytest.approx(1000 * angle, rel=0.01)


def test_a_grid_without_area_is_only_like_itself():
    flat = Affine(0, 0, 0, 0, 0, 0)
    assert grid_shift(flat, flat, 2, 2) == 0
    assert grid_shift(flat, GRID, 2, 2) == math.inf


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        (Georeference(UTM, GRID), Georeference(UTM, GRID), []),
        (Georeference(UTM, GRID), Georeference(UTM, moved(0.009, 0)), []),
        (Georeference(UTM, GRID), Georeference(), []),
        (Georeference(UTM, GRID), Georeference(None, GRID), []),
        (Georeference(UTM, GRID), Georeference(UTM, moved(0.02, 0)), ["grids 0.02 pixels apart"]),
        (Georeference(UTM, GRID), Georeference(CRS.from_epsg(32632), GRID), ["CRS EPSG:32633 against EPSG:32632"]),
        (Georeference(UTM, GRID), Georeference(gcps=POINTS, gcps_crs=UTM), ["an affine grid against ground control points"]),
        (Georeference(UTM, GRID), Georeference(UTM), ["an affine grid against no grid"]),
        (Georeference(gcps=POINTS, gcps_crs=UTM), Georeference(gcps=POINTS[::-1], gcps_crs=UTM), []),
        (Georeference(gcps=POINTS, gcps_crs=UTM), Georeference(gcps=POINTS[:1], gcps_crs=UTM), ["other ground control points"]),
    ],
)
def test_differences_in_words(one, other, found):
    said = differences(one, other, 100, 100)
    assert len(said) == len(found)
    assert all(words.startswith(start) for words, start in zip(said, found, strict=True))
