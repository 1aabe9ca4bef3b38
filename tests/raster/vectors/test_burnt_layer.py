from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.features import rasterize

from rs_da_mm.errors import InputError
from rs_da_mm.raster import Georeference, Window
from rs_da_mm.raster.reprojection import reproject_points
from rs_da_mm.raster.vectors import BurntLayer, VectorLayer, inside
from rs_da_mm.raster.vectors.shape_index import cache

coordinates = st.one_of(st.integers(-15, 95), st.integers(-30, 190).map(lambda half: half / 2), st.floats(-15, 95))
points = st.tuples(coordinates, coordinates)
shapes_drawn = st.lists(
    st.one_of(
        st.lists(points, min_size=3, max_size=8, unique=True).map(shapely.Polygon),
        st.lists(points, min_size=2, max_size=5, unique=True).map(shapely.LineString),
        points.map(shapely.Point),
        st.lists(points, min_size=1, max_size=4).map(shapely.MultiPoint),
    ),
    min_size=1,
    max_size=6,
)


def cut(array, window, outside=255):
    """What a window of an array holds, also beyond its edges."""
    wide = np.pad(array, 60, constant_values=outside)
    return wide[window.row + 60 : window.row + 60 + window.height, window.col + 60 : window.col + 60 + window.width]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.filterwarnings("ignore:.*geometries")
@given(shapes=shapes_drawn, data=st.data())
def test_every_window_is_what_rasterio_burns_on_the_whole_image(tmp_path_factory, draw, on_map, image, shapes, data):
    classes = data.draw(st.lists(st.integers(0, 9), min_size=len(shapes), max_size=len(shapes)))
    layer = VectorLayer(draw(tmp_path_factory.mktemp("burnt") / "a.gpkg", on_map(*shapes), kind=classes))
    fill = data.draw(st.sampled_from([255, 0]))
    burnt = BurntLayer(layer, image, "kind", line_width=25.0, point_radius=18.0, fill=fill)
    index = burnt._index()
    values = [(shape, int(number)) for shape, number in zip(index.polygons, index.classes, strict=True)]
    expected = (
        rasterize(values, out_shape=burnt.shape, fill=fill, dtype="uint8") if values else np.full(burnt.shape, fill, np.uint8)
    )
    np.testing.assert_array_equal(burnt.read(), expected)
    for _ in range(3):
        window = Window(*(data.draw(st.integers(*ends)) for ends in ((-20, 70), (-20, 90), (1, 45), (1, 45))))
        np.testing.assert_array_equal(burnt.read(window), cut(expected, window))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_polygons_as_they_are_drawn_against_rasterio(tmp_path_factory, draw, on_map, image, data):
    """In map coordinates, through rasterio's own transform: all but pixels whose centre an edge runs through."""
    drawn = data.draw(
        st.lists(
            st.lists(points, min_size=3, max_size=8, unique=True).map(lambda ring: shapely.Polygon(ring)), min_size=1, max_size=4
        )
    )
    shapes = [shape for shape in drawn if shape.is_valid and shape.area > 1e-3]
    if not shapes:
        return
    placed = on_map(*shapes)
    layer = VectorLayer(draw(tmp_path_factory.mktemp("drawn") / "a.gpkg", placed, kind=np.arange(len(shapes))))
    found = BurntLayer(layer, image, "kind").read()
    values = zip(placed, range(len(shapes)), strict=True)
    expected = rasterize(values, out_shape=(60, 80), transform=image.where.transform, fill=255, dtype="uint8")
    rows, cols = np.nonzero(found != expected)
    outlines = (
        shapely.boundary(shapely.union_all(shapes, grid_size=None))
        if len(shapes) == 1
        else shapely.union_all(shapely.boundary(shapes))
    )
    assert (shapely.distance(outlines, shapely.points(cols + 0.5, rows + 0.5)) < 2**-9).all()


def test_centres_decide_and_later_features_win(tmp_path, draw, on_map, image):
    shapes = [shapely.box(2, 3, 12, 9), shapely.box(8.4, 3, 20.6, 9), shapely.Polygon([(30, 30), (50, 30), (30, 50)])]
    layer = VectorLayer(draw(tmp_path / "a.gpkg", on_map(*shapes), kind=["field", "wood", "water"]))
    codes = {"field": 0, "wood": 1, "water": 255}
    burnt = BurntLayer(layer, image, "kind", codes, fill=7)
    expected = np.full((60, 80), 7, np.uint8)
    expected[3:9, 2:8] = 0
    expected[3:9, 8:21] = 1
    rows, cols = np.indices((60, 80)) + 0.5
    expected[(cols > 30) & (rows > 30) & (cols + rows < 80)] = 255
    clear = cols + rows != 80  # centres on the edge itself
    np.testing.assert_array_equal(burnt.read()[clear], expected[clear])
    assert (burnt.shape, burnt.is_empty) == ((60, 80), False)
    assert "a.gpkg on image.tif, 60 x 80" in repr(burnt)


def test_through_degrees(tmp_path, draw, on_map, image):
    def degrees(xy):
        return np.stack(reproject_points(CRS.from_epsg(32650), CRS.from_epsg(4326), xy[:, 0].copy(), xy[:, 1].copy()), axis=1)

    square = shapely.transform(on_map(shapely.box(10.2, 5.2, 40.8, 30.8))[0], degrees)
    layer = VectorLayer(draw(tmp_path / "a.geojson", [square], "EPSG:4326"))
    expected = np.full((60, 80), 255, np.uint8)
    expected[5:31, 10:41] = 0
    np.testing.assert_array_equal(BurntLayer(layer, image).read(), expected)


def test_all_that_is_touched(tmp_path, draw, on_map, image):
    layer = VectorLayer(draw(tmp_path / "a.gpkg", on_map(shapely.box(10.9, 5.9, 20.1, 9.1))))
    plain, touched = BurntLayer(layer, image).read(), BurntLayer(layer, image, all_touched=True).read()
    assert (plain == 0).sum() == 9 * 3
    assert (touched == 0).sum() == 11 * 5
    np.testing.assert_array_equal(BurntLayer(layer, image, all_touched=True).read(Window(8, 15, 30, 30)), touched[8:38, 15:45])


def test_lines_and_points_reach_in_from_outside(tmp_path, draw, on_map, image):
    shapes = on_map(shapely.Point(-12, 10.5), shapely.LineString([(94, -20), (94, 200)]), shapely.Point(-30, 10))
    layer = VectorLayer(draw(tmp_path / "a.gpkg", shapes, kind=[1, 2, 3]))
    found = BurntLayer(layer, image, "kind", line_width=300.0, point_radius=150.0).read()  # both reach 15 pixels far
    assert set(np.unique(found)) == {1, 2, 255}
    assert (found[10, :3] == 1).all()
    assert found[10, 3] == 255
    assert (found[:, 79] == 2).all()
    assert (found[:, :79] != 2).all()


def test_one_class_for_all(tmp_path, draw, on_map, image):
    layer = VectorLayer(draw(tmp_path / "a.gpkg", on_map(shapely.box(0, 0, 5, 5))))
    assert BurntLayer(layer, image).read(Window(1, 1, 1, 1)) == 0
    assert BurntLayer(layer, image, codes={"building": 4}).read(Window(1, 1, 1, 1)) == 4
    with pytest.raises(InputError, match=r"2 values are given classes, and no field"):
        BurntLayer(layer, image, codes={"a": 1, "b": 2})


def test_an_area_of_interest(tmp_path, draw, on_map, image):
    layer = VectorLayer(draw(tmp_path / "a.gpkg", on_map(shapely.box(-5, -5, 10, 20), shapely.box(70, 50, 100, 100))))
    expected = np.zeros((80, 100), np.uint8)
    expected[10:30, 10:20] = 1
    expected[60:70, 80:90] = 1
    np.testing.assert_array_equal(inside(layer, image, Window(-10, -10, 80, 100)), expected)


def test_an_image_without_features(tmp_path, draw, on_map, image):
    layer = VectorLayer(draw(tmp_path / "a.gpkg", on_map(shapely.box(500, 500, 510, 510))))
    burnt = BurntLayer(layer, image, fill=3)
    assert burnt.is_empty
    assert (burnt.read() == 3).all()
    assert (burnt.read(Window(60, 0, 5, 5)) == 255).all()


def test_it_can_be_sent_to_another_process_and_is_read_once(tmp_path, draw, on_map, image):
    layer = VectorLayer(draw(tmp_path / "a.gpkg", on_map(shapely.box(3, 3, 30, 30)), kind=["a"]))
    burnt = BurntLayer(layer, image, "kind", {"a": 2})
    expected = burnt.read()
    sent = pickle.dumps(burnt)
    assert len(sent) < 6000
    again = pickle.loads(sent)
    np.testing.assert_array_equal(again.read(), expected)
    assert again._index() is burnt._index()
    assert BurntLayer(layer, image, "kind", {"a": 1})._index() is not burnt._index()
    assert BurntLayer(layer, replace(image, height=50), "kind", {"a": 2})._index() is not burnt._index()


def test_a_file_that_changed_is_read_again(tmp_path, draw, on_map, image):
    path = draw(tmp_path / "a.gpkg", on_map(shapely.box(3, 3, 30, 30)))
    burnt = BurntLayer(VectorLayer(path), image)
    assert (burnt.read() == 0).sum() == 27 * 27
    path.unlink()
    draw(path, on_map(shapely.box(3, 3, 10, 10), shapely.box(40, 40, 41, 41)))
    assert (burnt.read() == 0).sum() == 7 * 7 + 1
    assert cache is not None


def test_what_cannot_be_burnt(tmp_path, draw, on_map, image):
    layer = VectorLayer(draw(tmp_path / "a.gpkg", on_map(shapely.box(0, 0, 9, 9), shapely.Point(1, 1)), kind=["a", "b"]))
    with pytest.raises(
        InputError, match=r"a\.gpkg, field 'kind', holds 'b' \(1 feature, the first is 2\), for which no class is named"
    ):
        BurntLayer(layer, image, "kind", {"a": 1}).read()
    with pytest.raises(InputError, match="which is no class number"):
        BurntLayer(layer, image, "kind").read()
    with pytest.raises(InputError, match=r"holds points \(the first is feature 2\)"):
        BurntLayer(layer, image).read()
    with pytest.raises(InputError, match="has no field 'klass'"):
        BurntLayer(layer, image, "klass")
    with pytest.raises(InputError, match="the class of 'a' is 300"):
        BurntLayer(layer, image, "kind", {"a": 300})
    for keyword in ("line_width", "point_radius"):
        with pytest.raises(InputError, match=f"{keyword} is 0"):
            BurntLayer(layer, image, **{keyword: 0})
    with pytest.raises(InputError, match="fill is 256"):
        BurntLayer(layer, image, fill=256)
    with pytest.raises(InputError, match="names no coordinate system"):
        BurntLayer(layer, replace(image, where=Georeference(None, image.where.transform)))
    with pytest.raises(InputError, match="a window of 0 x 3 pixels"):
        BurntLayer(layer, image, point_radius=5.0).read(Window(0, 0, 0, 3))
