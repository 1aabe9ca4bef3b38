from __future__ import annotations

import pickle

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_folders import NORTH, UTM, WEST, placed, rectangle, write_random_image, write_random_labels, write_shapes

from rs_da_mm.datasets.area_of_interest import AreaOfInterest
from rs_da_mm.datasets.class_codes import parse_label_codes
from rs_da_mm.datasets.label_code import LabelCode
from rs_da_mm.datasets.label_sources import PlainLabels, WarpedLabels, label_source, sample_labels
from rs_da_mm.datasets.scene_files import SceneFiles, SceneReading
from rs_da_mm.datasets.vector_labels import VectorChoice
from rs_da_mm.errors import DatasetError, RasterError
from rs_da_mm.raster import Georeference, Window, write_raster

WHOLE = Window(0, 0, 20, 30)
CODE = LabelCode(values={0: 0, 1: 1, 2: 2})
WARPS = SceneReading(warps=True)


def files(root, label="label.tif", reading=WARPS):
    return SceneFiles("s", (root / "image.tif",), root / label, reading=reading)


@pytest.fixture
def image(tmp_path):
    write_random_image(tmp_path / "image.tif", (20, 30))
    return tmp_path


def test_a_label_on_the_images_grid_is_read_as_it_is(image):
    labels = write_random_labels(image / "label.tif", (20, 30))
    for reading in (SceneReading(), WARPS):
        source = label_source(files(image, reading=reading), CODE)
        np.testing.assert_array_equal(source.read(WHOLE), labels)
        padded = np.pad(labels, 2, constant_values=255)
        np.testing.assert_array_equal(source.read(Window(-2, -2, 24, 34)), padded)
        assert (source.read(Window(20, 30, 4, 4)) == 255).all()
    assert isinstance(label_source(files(image, reading=SceneReading()), CODE), PlainLabels)


def test_a_larger_finer_and_shifted_label_comes_onto_the_image_by_its_nearest_pixel(image):
    labels = write_random_labels(image / "label.tif", (120, 180), georeference=placed(2.5, -40, -30))
    found = label_source(files(image), CODE).read(WHOLE)
    for row, col in np.ndindex(20, 30):
        assert found[row, col] == labels[int((row * 10 + 5 + 30) / 2.5), int((col * 10 + 5 + 40) / 2.5)]


@settings(max_examples=20, deadline=None)
@given(st.integers(-6, 20), st.integers(-6, 30), st.integers(1, 14), st.integers(1, 14))
def test_warping_invents_no_class_and_windows_agree(tmp_path_factory, row, col, height, width):
    root = tmp_path_factory.getbasetemp() / "warped"
    if not root.exists():
        root.mkdir()
        write_random_image(root / "image.tif", (20, 30))
        turned = Affine(6.0, 4.0, WEST - 30, 4.0, -6.0, NORTH - 50)
        codes = np.random.default_rng(0).choice([3, 7, 40], (40, 50)).astype(np.uint8)
        write_raster(root / "label.tif", codes, georeference=Georeference(UTM, turned))
    code = LabelCode(values={3: 1, 7: 4, 40: 9})
    source = label_source(files(root), code)
    whole = source.read(WHOLE)
    assert set(np.unique(whole)) == {1, 4, 9, 255}
    padded = np.pad(whole, 20, constant_values=255)
    expected = padded[row + 20 : row + 20 + height, col + 20 : col + 20 + width]
    np.testing.assert_array_equal(source.read(Window(row, col, height, width)), expected)


def test_colours_on_another_grid(image):
    colours = np.zeros((10, 15, 3), np.uint8)
    colours[:5], colours[5:] = (9, 8, 7), (1, 2, 3)
    write_raster(image / "label.tif", colours, georeference=placed(20.0))
    found = label_source(files(image), LabelCode({(9, 8, 7): 0, (1, 2, 3): 5})).read(WHOLE)
    assert (found[:10] == 0).all()
    assert (found[10:] == 5).all()


def test_a_palette_decodes_through_its_colours(image):
    write_raster(
        image / "label.tif", np.full((10, 15), 2, np.uint8), georeference=placed(20.0), palette=[(0, 0, 0), (9, 9, 9), (1, 2, 3)]
    )
    code = LabelCode({(9, 9, 9): 0, (1, 2, 3): 5, (0, 0, 0): 255})
    assert (label_source(files(image), code).read(WHOLE) == 5).all()


def test_whole_numbers_in_floating_point_are_labels(image):
    labels = write_random_labels(image / "label.tif", (20, 30), dtype=np.float32, nodata=-9999.0)
    labels[3, 4], labels[5, 6] = np.nan, -9999
    write_raster(image / "label.tif", labels, georeference=placed(), nodata=-9999.0)
    found = label_source(files(image), CODE).read(WHOLE)
    np.testing.assert_array_equal(found, np.where((labels >= 0) & (labels <= 2), labels, 255))
    labels[7, 8] = 1.5
    write_raster(image / "label.tif", labels, georeference=placed(), nodata=-9999.0)
    with pytest.raises(DatasetError, match=r"label\.tif: the label holds 1\.5 at row 7, column 8; labels are whole numbers"):
        label_source(files(image), CODE).read(Window(2, 2, 10, 10))


def test_what_the_label_calls_nodata_is_not_labelled_unless_the_legend_names_it(image):
    labels = write_random_labels(image / "label.tif", (20, 30), nodata=0)
    named = label_source(files(image), CODE).read(WHOLE)
    np.testing.assert_array_equal(named, labels)
    unnamed = label_source(files(image), LabelCode(values={1: 1, 2: 2})).read(WHOLE)
    np.testing.assert_array_equal(unnamed, np.where(labels == 0, 255, labels))


def test_an_unknown_value_names_its_place_on_the_image(image):
    labels = np.ones((10, 15), np.uint8)
    labels[3, 4] = 9
    write_raster(image / "label.tif", labels, georeference=placed(20.0))
    source = label_source(files(image), CODE)
    with pytest.raises(DatasetError, match=r"label\.tif: unknown label value 9 on 4 pixels, the first at row 6, column 8"):
        source.read(WHOLE)
    assert [one.label for one in source.find_unknown(Window(6, 0, 1, 30))] == [9]
    assert isinstance(source, WarpedLabels)


def test_a_band_of_several(image):
    both = np.dstack([np.full((20, 30), 77, np.uint8), np.full((20, 30), 2, np.uint8)])
    write_raster(image / "label.tif", both, georeference=placed())
    assert (label_source(files(image, reading=SceneReading(warps=True, label_band=2)), CODE).read(WHOLE) == 2).all()


def test_shapes_and_an_area(image):
    write_shapes(image / "l.gpkg", [(rectangle(2, 3, 10, 10), {"kind": "a"})])
    area = AreaOfInterest(box=(WEST, NORTH - 60, WEST + 300, NORTH))
    vectors = VectorChoice(field="kind", background=1)
    code = parse_label_codes(None, ("a", "b"), None)
    expected = np.ones((20, 30), np.uint8)
    expected[2:12, 3:13] = 0
    whole = label_source(files(image, "l.gpkg", SceneReading(vectors=vectors)), code)
    np.testing.assert_array_equal(whole.read(WHOLE), expected)
    expected[6:] = 255
    inside = label_source(files(image, "l.gpkg", SceneReading(vectors=vectors, area=area)), code)
    np.testing.assert_array_equal(inside.read(WHOLE), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(inside)).read(Window(4, 2, 4, 4)), expected[4:8, 2:6])


def test_a_source_is_kept_until_a_file_changes(image):
    write_random_labels(image / "label.tif", (20, 30))
    source = label_source(files(image), CODE)
    assert label_source(files(image), CODE) is source
    write_raster(image / "label.tif", np.full((10, 15), 2, np.uint8), georeference=placed(20.0))
    assert (label_source(files(image), CODE).read(WHOLE) == 2).all()
    (image / "label.tif").unlink()
    with pytest.raises(RasterError, match=r"label\.tif does not exist"):
        label_source(files(image), CODE)


def test_labels_in_another_coordinate_system(image):
    from rasterio.warp import transform

    geographic = rasterio.crs.CRS.from_epsg(4326)
    (west, east), (north, south) = transform(UTM, geographic, [WEST - 50, WEST + 350], [NORTH + 50, NORTH - 250])
    grid = Affine((east - west) / 400, 0.0, west, 0.0, (south - north) / 300, north)
    labels = write_random_labels(image / "label.tif", (300, 400), georeference=Georeference(geographic, grid))
    found = label_source(files(image), CODE).read(WHOLE)
    for row, col in [(0, 0), (3, 20), (19, 29), (11, 7)]:
        (x,), (y,) = transform(UTM, geographic, [WEST + col * 10 + 5], [NORTH - row * 10 - 5])
        assert found[row, col] == labels[int((y - north) / grid.e), int((x - west) / grid.a)]


def test_labels_of_a_sample(image):
    labels = write_random_labels(image / "label.tif", (20, 30))
    plain = sample_labels({"seg_map_path": str(image / "label.tif"), "label_code": CODE})
    np.testing.assert_array_equal(plain.read(WHOLE), labels)
    assert sample_labels({"label_source": plain}) is plain
