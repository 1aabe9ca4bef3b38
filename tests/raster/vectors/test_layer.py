from __future__ import annotations

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from rs_da_mm.errors import InputError
from rs_da_mm.raster import Georeference
from rs_da_mm.raster.reprojection import reproject_points
from rs_da_mm.raster.vectors import VectorLayer, layer

SQUARES = [shapely.box(10 * x, 5, 10 * x + 8, 20) for x in range(10)]
BOW_TIE = shapely.Polygon([(2, 30), (20, 50), (20, 30), (2, 50)])
LONLAT = CRS.from_epsg(4326)


def degrees(shape):
    def carry(xy):
        return np.stack(reproject_points(CRS.from_epsg(32650), LONLAT, xy[:, 0].copy(), xy[:, 1].copy()), axis=1)

    return shapely.transform(shape, carry)


@pytest.fixture
def parcels(tmp_path, draw, on_map):
    return VectorLayer(
        draw(tmp_path / "parcels.gpkg", on_map(*SQUARES), kind=[f"k{x % 3}" for x in range(10)], size=np.arange(10.0))
    )


def test_what_a_layer_says_of_itself(parcels):
    assert parcels.layer == "parcels"
    assert parcels.fields == ("kind", "size")
    assert parcels.crs == CRS.from_epsg(32650)
    assert parcels.count == 10
    assert parcels.bounds == (687_000, 6_209_800, 687_980, 6_209_950)
    assert parcels.values("kind") == {"k0": 4, "k1": 3, "k2": 3}
    assert parcels.values("size") == dict.fromkeys(range(10), 1)
    assert parcels.name.endswith("parcels.gpkg")
    assert "parcels.gpkg" in repr(parcels)
    west, south, east, north = parcels.ground_box()
    assert 119.9 < west < east < 120.1
    assert 55.9 < south < north < 56.1


def test_a_condition_counts(parcels):
    chosen = VectorLayer(parcels.path, where="kind = 'k0'")
    assert chosen.count == 4
    assert chosen.values("kind") == {"k0": 4}
    assert pickle.loads(pickle.dumps(chosen)).count == 4


def test_one_of_several_layers(tmp_path, draw, on_map):
    path = draw(tmp_path / "two.gpkg", on_map(SQUARES[0]), layer="roads")
    draw(path, on_map(*SQUARES[:3]), layer="fields", append=True)
    assert VectorLayer(path, "fields").count == 3
    assert VectorLayer(path, "fields").name.endswith("two.gpkg, layer 'fields'")
    with pytest.raises(InputError, match="holds 2 layers"):
        VectorLayer(path)


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.fgb"])
def test_shapes_in_pixels(tmp_path, draw, on_map, image, name):
    found = VectorLayer(draw(tmp_path / name, on_map(*SQUARES), size=np.arange(10))).shapes_on(image, "size")
    by_size = dict(zip(found.values, found.shapes, strict=True))
    assert set(by_size) == set(range(9))  # that at column 80 touches the edge
    for size, shape in by_size.items():
        assert shape.equals(SQUARES[size])
    assert (np.diff(found.features) > 0).all()
    assert not found.faults


def test_shapes_from_degrees(tmp_path, draw, on_map, image):
    shapes = [degrees(shape) for shape in on_map(*SQUARES)]
    found = VectorLayer(draw(tmp_path / "a.geojson", shapes, "EPSG:4326", size=np.arange(10))).shapes_on(image, "size")
    assert found.values in (list(range(8)), list(range(9)))  # the ninth touches the edge, or misses it by a hair
    for shape, expected in zip(found.shapes, SQUARES, strict=False):
        assert shapely.hausdorff_distance(shape, expected) < 0.002


def test_a_margin_brings_in_neighbours(parcels, image):
    narrow = replace(image, width=5)
    assert parcels.shapes_on(narrow).features.tolist() == [1]
    assert parcels.shapes_on(narrow, margin=20.0).features.tolist() == [1, 2, 3]
    assert parcels.shapes_on(narrow).values is None


def test_an_image_elsewhere_has_nothing(parcels, image):
    far = replace(image, where=Georeference(image.where.crs, Affine(10, 0, 100_000, 0, -10, 1_000_000)))
    assert parcels.touches(image)
    assert not parcels.touches(far)
    assert not len(parcels.shapes_on(far, "kind").shapes)
    assert parcels.shapes_on(far, "kind").values == []
    message = parcels.outside_message(far)
    assert "parcels.gpkg lies outside image.tif: it covers longitude 119.9" in message
    assert "Check the coordinate system" in message


def test_swapped_axes_are_noticed(tmp_path, draw, on_map, image):
    swapped = [shapely.transform(degrees(shape), lambda xy: xy[:, ::-1]) for shape in on_map(*SQUARES)]
    wrong = VectorLayer(draw(tmp_path / "wrong.gpkg", swapped, "EPSG:4326"))
    assert not wrong.touches(image)
    assert "With x and y swapped the two would touch" in wrong.outside_message(image)


def test_broken_geometries_are_counted_named_and_told_once(tmp_path, draw, on_map, image):
    drawn = [SQUARES[0], BOW_TIE, shapely.Polygon(), None, shapely.Polygon([(1, 1), (5, 1), (3, 1)]), SQUARES[1]]
    shapes = [None if shape is None else on_map(shape)[0] for shape in drawn]
    broken = VectorLayer(draw(tmp_path / "broken.gpkg", shapes, size=np.arange(6)))
    with pytest.warns(
        UserWarning, match=r"broken\.gpkg, on image\.tif: geometries 1 self-crossing .* \(feature 2\); 1 broken .* \(feature 5\)"
    ):
        found = broken.shapes_on(image, "size")
    assert found.values == [0, 1, 5]
    assert found.shapes[1].area == pytest.approx(18 * 20 / 2)
    assert found.faults.counts == {"mended": 1, "unmendable": 1}
    assert broken.faults().counts == {"missing": 1, "empty": 1, "mended": 1, "unmendable": 1}
    assert broken.faults().examples == {"missing": (4,), "empty": (3,), "mended": (2,), "unmendable": (5,)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert broken.faults(image) == found.faults
    assert (str(broken.path), "broken") in layer._warned


@pytest.mark.filterwarnings("ignore:.*geometries")
def test_a_collection_is_one_feature(tmp_path, draw, on_map, image):
    mixed = shapely.GeometryCollection([BOW_TIE, SQUARES[0], shapely.Point(30, 30)])
    found = VectorLayer(draw(tmp_path / "mixed.gpkg", on_map(mixed, SQUARES[1]), kind=["a", "b"])).shapes_on(image, "kind")
    assert found.values == ["a", "a", "a", "b"]
    assert found.features.tolist() == [1, 1, 1, 2]
    assert found.faults.examples == {"mended": (1,)}


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_what_is_missing_is_said(tmp_path, draw, on_map, image, parcels):
    with pytest.raises(InputError, match=r"has no field 'klass'; its fields are: 'kind', 'size'"):
        parcels.values("klass")
    with pytest.raises(InputError, match="has no field 'klass'"):
        parcels.shapes_on(image, "klass")
    nameless = VectorLayer(draw(tmp_path / "nameless.shp", on_map(*SQUARES), crs=None))
    with pytest.raises(InputError, match=r"nameless\.shp names no coordinate system \(CRS\), so its place on image\.tif"):
        nameless.shapes_on(image)
    assert nameless.ground_box() is None
    with pytest.raises(InputError, match=r"image\.tif names no coordinate system \(CRS\)"):
        parcels.touches(replace(image, where=Georeference(None, image.where.transform)))
    with pytest.raises(InputError, match="ground control points alone"):
        parcels.shapes_on(replace(image, where=Georeference(gcps=(GroundControlPoint(0, 0, 1, 1),), gcps_crs=LONLAT)))
    empty = VectorLayer(draw(tmp_path / "empty.gpkg", [None]))
    assert empty.bounds is None
    assert not empty.touches(image)
    assert "holds no geometry at all" in empty.outside_message(image)


def test_an_image_without_a_place_in_the_layers_system(tmp_path, draw, image):
    globe = VectorLayer(draw(tmp_path / "globe.gpkg", [shapely.Point(0, 0)], crs="+proj=ortho +lat_0=-60 +lon_0=-60"))
    assert not len(globe.shapes_on(image).shapes)
    assert not globe.touches(image)
