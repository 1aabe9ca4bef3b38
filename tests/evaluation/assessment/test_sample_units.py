from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment import sample_units
from rs_da_mm.evaluation.assessment.class_raster import ClassRaster
from rs_da_mm.evaluation.assessment.sample_units import find_units

shapely = pytest.importorskip("shapely")


@pytest.fixture(scope="module")
def labels():
    labels = np.random.default_rng(0).choice([0, 1, 2, 255], (50, 60), p=[0.4, 0.3, 0.2, 0.1]).astype(np.uint8)
    labels[0, 0] = 1
    return labels


@pytest.fixture
def raster(tmp_path, tools, labels):
    return ClassRaster(tools.map(tmp_path / "map.tif", labels))


def test_points_have_the_class_of_their_pixel(raster, tools, labels):
    rows, cols = np.random.default_rng(1).integers(-5, 55, (2, 300))
    points = shapely.points(tools.centres(rows, cols) + 4.9)
    said = ["forest"] * 299 + [None]
    units = find_units(raster, tools.reference(points, said), said)
    inside = (rows >= 0) & (cols >= 0) & (rows < 50) & (cols < 60)
    expected = np.where(inside, labels[rows.clip(0, 49), cols.clip(0, 59)], 255)[:-1]
    assert units.kind == "point"
    np.testing.assert_array_equal(units.features, np.flatnonzero(expected != 255))
    np.testing.assert_array_equal(units.values, expected[expected != 255])
    np.testing.assert_array_equal(units.unit, np.arange(len(units.features)))
    assert (units.pixels == 1).all()
    assert units.left_out["outside the map"] == (~inside[:-1]).sum()
    assert units.left_out["where the map has no data"] == (inside[:-1] & (expected == 255)).sum()
    assert units.left_out["without a class"] == 1


def test_points_in_one_pixel_are_told(raster, tools):
    points = shapely.points(tools.centres([0, 0, 0], [0, 0, 0]) + np.array([[0], [1], [4]]))
    assert find_units(raster, tools.reference(points, ["a"] * 3), ["a"] * 3).notes == (
        "2 points share their pixel with another one; each was counted.",
    )


corner = st.tuples(st.floats(-100, 700), st.floats(-600, 100))


@settings(max_examples=60, deadline=None)
@given(corners=st.lists(corner, min_size=3, max_size=6), strip=st.sampled_from([64, 1 << 20]))
def test_pixels_of_a_polygon_are_those_that_gdal_burns(tmp_path_factory, tools, labels, corners, strip):
    path = tmp_path_factory.getbasetemp() / "units.tif"
    raster = ClassRaster(path if path.exists() else tools.map(path, labels))
    shape = shapely.make_valid(shapely.Polygon([(500_000.123 + x, 5_600_000.456 + y) for x, y in corners]))
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 1]
    if not parts:
        return
    shape = shapely.multipolygons(parts)
    burnt = rasterize(parts, out_shape=(50, 60), transform=tools.utm.transform)
    under = labels[(burnt == 1) & (labels != 255)]
    if not len(under):
        return
    before, sample_units._AT_ONCE = sample_units._AT_ONCE, strip
    try:
        units = find_units(raster, tools.reference([shape], ["a"]), ["a"])
    finally:
        sample_units._AT_ONCE = before
    values, counts = np.unique(under, return_counts=True)
    assert dict(zip(units.values.tolist(), units.pixels.tolist(), strict=True)) == dict(
        zip(values.tolist(), counts.tolist(), strict=True)
    )


def test_small_far_empty_and_broken_polygons(raster, tools, labels):
    x, y = 500_000, 5_600_000
    small = shapely.box(x + 1, y - 4, x + 3, y - 2)
    far = shapely.box(x - 900, y, x - 800, y + 100)
    bow = shapely.Polygon([(x, y), (x + 100, y - 100), (x + 100, y), (x, y - 100)])
    row, col = np.argwhere(labels == 255)[0]
    hole = shapely.box(x + 10 * col + 1, y - 10 * row - 9, x + 10 * col + 9, y - 10 * row - 1)
    shapes = [small, far, bow, hole, None, shapely.Polygon()]
    units = find_units(raster, tools.reference(shapes, ["a"] * 6), ["a"] * 6)
    assert units.features.tolist() == [0, 2]
    assert units.left_out == {
        "outside the map": 1,
        "where the map has no data": 1,
        "without a usable shape": 2,
        "without a class": 0,
    }
    assert (units.values[0], units.pixels[0]) == (labels[0, 0], 1)
    assert units.notes == (
        "Shapes: 1 self-crossing or otherwise invalid, mended (feature 3).",
        "1 polygons hold the centre of no pixel; the pixel below each was counted.",
    )
    # Two triangles that meet in a point, half of a square of 100 pixels, some of which are on an edge or without data.
    assert 30 <= units.pixels[units.unit == 1].sum() <= 40


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([shapely.LineString([(0, 0), (1, 1)])], "holds lines; points or polygons are needed"),
        ([shapely.Point(500_005, 5_599_995), shapely.box(0, 0, 1, 1)], "holds points and polygons; points or polygons"),
        ([shapely.MultiPoint([(0, 0), (1, 1)])], "1 features hold several points, the first is 1; one per feature"),
        ([shapely.Point(0, 0)], r"given\.gpkg lies outside .*map\.tif"),
        ([shapely.box(0, 0, 1, 1)], r"given\.gpkg lies outside .*map\.tif"),
        ([None], "not one of its 1 features has both a shape and a class"),
    ],
)
def test_what_cannot_be_compared_is_refused(raster, tools, shapes, message):
    labels = ["a"] * len(shapes)
    with pytest.raises(InputError, match=message):
        find_units(raster, tools.reference(shapes, labels), labels)


def test_a_multipoint_of_one_point_is_a_point(raster, tools):
    shape = shapely.MultiPoint([(500_005, 5_599_995)])
    assert find_units(raster, tools.reference([shape], ["a"]), ["a"]).values.tolist() == [1]


@pytest.mark.parametrize("kind", ["point", "polygon"])
def test_nothing_but_nodata(tmp_path, tools, kind):
    nothing = np.full((9, 9), 255, np.uint8)
    nothing[8, 8] = 0
    raster = ClassRaster(tools.map(tmp_path / "map.tif", nothing))
    point = shapely.Point(500_005, 5_599_995)
    shape = point if kind == "point" else shapely.box(500_000, 5_599_960, 500_040, 5_600_000)
    with pytest.raises(InputError, match=f"all {kind}s on .*map.tif lie where it has no data"):
        find_units(raster, tools.reference([shape], ["a"]), ["a"])
