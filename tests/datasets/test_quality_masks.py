from __future__ import annotations

import pickle

import numpy as np
import pytest
from tiny_folders import placed, write_random_image

from rs_da_mm.datasets.quality_masks import QualityMask, QualityMaskedSource, quality_masks
from rs_da_mm.datasets.quality_rules import QualityRule
from rs_da_mm.datasets.scene_files import SceneFiles, SceneReading
from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Scene, Window, write_raster

SCL = QualityRule.parse({"kind": "scl"})


@pytest.fixture
def image(tmp_path):
    write_random_image(tmp_path / "image.tif", (20, 30), nodata=0)
    return Scene(tmp_path / "image.tif")


def test_a_coarser_mask_counts_by_its_nearest_pixel(tmp_path, image):
    classes = np.random.default_rng(0).integers(0, 12, (10, 15)).astype(np.uint8)
    write_raster(tmp_path / "scl.tif", classes, georeference=placed(20.0))
    mask = QualityMask(tmp_path / "scl.tif", SCL, image)
    expected = np.isin(classes.repeat(2, 0).repeat(2, 1), [0, 1, 3, 8, 9, 10])
    np.testing.assert_array_equal(mask.read_invalid(Window(0, 0, 20, 30)), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(mask)).read_invalid(Window(3, 5, 7, 9)), expected[3:10, 5:14])


def test_what_the_mask_does_not_cover_is_invalid(tmp_path, image):
    write_raster(tmp_path / "m.tif", np.ones((5, 30), np.uint8), georeference=placed())
    invalid = QualityMask(tmp_path / "m.tif", QualityRule("values", (7,)), image).read_invalid(Window(0, 0, 20, 30))
    assert not invalid[:5].any()
    assert invalid[5:].all()


@pytest.mark.parametrize("pixel", [10.0, 20.0])
def test_a_value_that_the_file_calls_nodata_counts_for_what_it_says(tmp_path, image, pixel):
    values = np.zeros((20, 30), np.uint8)
    values[4, 6] = 1
    write_raster(tmp_path / "cloud.tif", values, georeference=placed(pixel), nodata=0)
    invalid = QualityMask(tmp_path / "cloud.tif", QualityRule("values", (1,)), image).read_invalid(Window(0, 0, 20, 30))
    assert np.argwhere(invalid).tolist() == ([[4, 6]] if pixel == 10 else [[8, 12], [8, 13], [9, 12], [9, 13]])


def test_the_valid_mask_leaves_it_out_and_the_values_stay(tmp_path, image):
    values = np.ones((20, 30), np.uint8)
    values[2:4] = 0
    write_raster(tmp_path / "m.tif", values, georeference=placed())
    mask = QualityMask(tmp_path / "m.tif", QualityRule("zero", (0,)), image)
    pixels, valid = QualityMaskedSource(image, [mask]).read_with_valid(Window(0, 0, 20, 30))
    np.testing.assert_array_equal(pixels, image.read())
    np.testing.assert_array_equal(valid, values)


def test_the_masks_of_a_scene_are_opened_once(tmp_path):
    write_random_image(tmp_path / "image.tif", (20, 30))
    for name in "ab":
        write_raster(tmp_path / f"{name}.tif", np.ones((20, 30), np.uint8), georeference=placed())
    reading = SceneReading(quality=(SCL, SCL))
    files = SceneFiles(
        "s", (tmp_path / "image.tif",), tmp_path / "a.tif", quality=(tmp_path / "a.tif", tmp_path / "b.tif"), reading=reading
    )
    masks = quality_masks(files)
    assert len(masks) == 2
    assert quality_masks(files) is masks


def test_a_band_of_the_mask_and_one_that_is_not_there(tmp_path, image):
    both = np.dstack([np.zeros((20, 30), np.uint8), np.ones((20, 30), np.uint8)])
    write_raster(tmp_path / "m.tif", both, georeference=placed())
    assert not QualityMask(tmp_path / "m.tif", QualityRule("zero", (0,), 2), image).read_invalid(Window(0, 0, 20, 30)).any()
    with pytest.raises(RasterError, match=r"masks: .*m\.tif has 2 bands, band 3"):
        QualityMask(tmp_path / "m.tif", QualityRule("zero", (0,), 3), image)
