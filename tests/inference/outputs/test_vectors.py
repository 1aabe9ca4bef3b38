from __future__ import annotations

import sys

import numpy as np
import pytest
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from rs_da_mm.errors import InputError
from rs_da_mm.inference.outputs import AreaTally, map_classes, open_label_map, write_polygons
from rs_da_mm.raster import Georeference, Scene, cell_areas, sieve_labels

CLASSES = map_classes(["water", "land", "rock"])
PLACES = [
    Georeference(CRS.from_epsg(32650), Affine(2, 0, 5e5, 0, -2, 4e6)),
    Georeference(CRS.from_epsg(4326), Affine(0.01, 0, 10, 0, -0.01, 60)),
    Georeference(CRS.from_epsg(32650), Affine(1.9, 0.7, 5e5, 0.7, -1.9, 4e6)),
]


@pytest.fixture
def pyogrio():
    return pytest.importorskip("pyogrio", reason="pyogrio, which writes GeoPackage, is optional")


def class_map(height=90, width=110) -> np.ndarray:
    generator = np.random.default_rng(0)
    labels = np.kron(generator.integers(0, 3, (height // 10, width // 10)), np.ones((10, 10))).astype(np.uint8)
    noisy = generator.random(labels.shape) < 0.05
    labels[noisy] = generator.integers(0, 3, noisy.sum())
    labels[:25, :31] = 255
    return labels


def reader(labels):
    return lambda window: labels[window.row : window.row + window.height, window.col : window.col + window.width]


def write(path, labels, place=PLACES[0], **options):
    return write_polygons(path, reader(labels), *labels.shape, CLASSES, place, **options)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("tile", [1000, 32])
def test_the_polygons_of_a_class_have_the_area_of_its_pixels(tmp_path, pyogrio, place, tile):
    labels = class_map()
    count = write(tmp_path / "a.gpkg", labels, place, tile=tile)
    meta, _, shapes, (numbers, names, pixels, areas) = pyogrio.raw.read(tmp_path / "a.gpkg", layer="land_cover")
    assert len(shapes) == count
    assert meta["crs"] == place.crs.to_string()
    tally = AreaTally(*labels.shape, CLASSES, cell_areas(place, *labels.shape))
    tally.write(labels)
    for number, name in enumerate(CLASSES.names):
        assert set(names[numbers == number]) == {name}
        assert pixels[numbers == number].sum() == tally.pixels[number]
        assert areas[numbers == number].sum() == pytest.approx(tally.square_metres[number], rel=1e-9)


def test_a_polygon_lies_where_its_pixels_are(tmp_path, pyogrio):
    labels = np.full((40, 40), 255, np.uint8)
    labels[10:13, 20:27] = 1
    write(tmp_path / "a.gpkg", labels)
    bounds = pyogrio.read_bounds(tmp_path / "a.gpkg", layer="land_cover")[1][:, 0]
    np.testing.assert_array_equal(bounds, [5e5 + 40, 4e6 - 26, 5e5 + 54, 4e6 - 20])


@pytest.mark.parametrize("tile", [1000, 32])
def test_small_areas_are_merged_whatever_the_tiles(tmp_path, pyogrio, tile):
    labels = class_map()
    labels[60:65, 29:35] = 2  # across the edge of a tile, and larger than the least area
    write(tmp_path / "a.gpkg", labels, min_pixels=20, tile=tile)
    numbers, _, pixels, _ = pyogrio.raw.read(tmp_path / "a.gpkg", layer="land_cover")[3]
    merged = sieve_labels(labels, 20)
    assert pixels.sum() == np.count_nonzero(labels != 255)
    if tile == 1000:
        assert pixels.min() >= 20
        for number in range(3):
            assert pixels[numbers == number].sum() == np.count_nonzero(merged == number)


def test_from_a_finished_map(tmp_path, pyogrio):
    labels = class_map()
    with open_label_map(tmp_path / "a.tif", *labels.shape, CLASSES, PLACES[0]) as out:
        out.write(labels)
    scene = Scene(tmp_path / "a.tif")
    count = write_polygons(
        tmp_path / "a.gpkg",
        lambda window: scene.read(window)[..., 0],
        scene.height,
        scene.width,
        CLASSES,
        scene.georeference(),
    )
    assert count == write(tmp_path / "b.gpkg", labels)


def test_polygons_are_valid(tmp_path, pyogrio):
    shapely = pytest.importorskip("shapely", reason="shapely tells valid polygons")
    labels = np.random.default_rng(1).integers(0, 3, (80, 80), dtype=np.uint8)
    write(tmp_path / "a.gpkg", labels)
    shapes = shapely.from_wkb(pyogrio.raw.read(tmp_path / "a.gpkg", layer="land_cover")[2])
    assert shapely.is_valid(shapes).all()


def test_a_photograph_has_polygons_in_pixels_and_no_areas(tmp_path, pyogrio):
    write(tmp_path / "a.gpkg", class_map(), Georeference())
    meta, _, _, values = pyogrio.raw.read(tmp_path / "a.gpkg", layer="land_cover")
    assert np.isnan(values[3]).all()
    assert meta["crs"] is None or "EPSG" not in meta["crs"]


def test_control_points_are_refused(tmp_path, pyogrio):
    place = Georeference(gcps=(GroundControlPoint(0, 0, 10.0, 50.0),), gcps_crs=CRS.from_epsg(4326))
    with pytest.raises(InputError, match="only control points place this map"):
        write(tmp_path / "a.gpkg", class_map(), place)
    assert list(tmp_path.iterdir()) == []


def test_without_pyogrio_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyogrio.raw", None)
    with pytest.raises(InputError, match=r"rs_da_mm\[vectors\]"):
        write(tmp_path / "a.gpkg", class_map())
