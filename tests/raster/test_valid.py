from __future__ import annotations

import numpy as np
import pytest
import rasterio

from rs_da_mm.raster import Scene, Window
from rs_da_mm.raster.handles import open_fresh, quiet
from rs_da_mm.raster.valid import is_nodata, is_number

SHAPE = (20, 30)


@pytest.fixture
def image():
    return np.full((*SHAPE, 3), 50, np.uint8)


def half(rows: slice) -> np.ndarray:
    """A mask that is 0 in some rows and 255 elsewhere."""
    mask = np.full(SHAPE, 255, np.uint8)
    mask[rows] = 0
    return mask


def with_alpha(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.dstack([image, alpha])


def test_without_any_sign_all_is_valid(tmp_path, plainly, image):
    valid = Scene(plainly(tmp_path / "a.tif", image)).read_valid()
    assert valid.dtype == np.uint8
    assert valid.shape == SHAPE
    assert (valid == 1).all()


@pytest.mark.parametrize("internal", [True, False])
def test_a_mask_of_the_file_goes_before_alpha_and_nodata(tmp_path, plainly, image, internal):
    image[5:8] = 0  # nodata
    alpha = half(slice(10, 14))
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        path = plainly(tmp_path / "a.tif", with_alpha(image, alpha), alpha=4, mask=half(slice(0, 2)), nodata=0)
    assert path.with_name("a.tif.msk").exists() is not internal
    np.testing.assert_array_equal(Scene(path).read_valid(), half(slice(0, 2)) > 0)


def test_alpha_goes_before_nodata(tmp_path, plainly, image):
    image[5:8] = 0
    path = plainly(tmp_path / "a.tif", with_alpha(image, half(slice(10, 14))), alpha=4, nodata=0)
    scene = Scene(path)
    assert scene.count == 3
    np.testing.assert_array_equal(scene.read_valid(), half(slice(10, 14)) > 0)


def test_half_transparent_is_valid(tmp_path, plainly, image):
    alpha = np.full(SHAPE, 1, np.uint8)
    alpha[0, 0] = 0
    valid = Scene(plainly(tmp_path / "a.png", with_alpha(image, alpha), driver="PNG")).read_valid()
    assert valid.sum() == valid.size - 1


def test_an_alpha_band_that_is_selected_is_image_and_decides_nothing(tmp_path, plainly, image):
    path = plainly(tmp_path / "a.tif", with_alpha(image, half(slice(10, 14))), alpha=4)
    scene = Scene(path, bands=(4, 1, 2))
    np.testing.assert_array_equal(scene.read()[:, :, 0], half(slice(10, 14)))
    assert scene.read_valid().all()


def test_a_band_wrongly_marked_as_alpha_can_be_taken_as_image(tmp_path, plainly, image):
    """ISPRS Potsdam's RGBIR files mark the near infrared as alpha."""
    path = plainly(tmp_path / "rgbir.tif", with_alpha(image, half(slice(10, 14))), alpha=4)
    scene = Scene(path, alpha=False)
    assert scene.count == 4
    assert scene.read_valid().all()
    assert Scene(path, bands=(1, 2, 3), alpha=False).read_valid().all()


def test_a_pixel_is_nodata_when_all_bands_are(tmp_path, plainly, image):
    image[3, 3] = 0
    image[4, 4, :2] = 0
    path = plainly(tmp_path / "a.tif", image, nodata=0)
    valid = Scene(path).read_valid()
    assert valid[3, 3] == 0
    assert valid[4, 4] == 1
    assert valid.sum() == valid.size - 1
    with open_fresh(path) as dataset:
        np.testing.assert_array_equal(valid, dataset.dataset_mask() > 0)


def test_nodata_is_looked_for_in_the_selected_bands(tmp_path, plainly, image):
    image[4, 4, :2] = 0
    path = plainly(tmp_path / "a.tif", image, nodata=0)
    assert Scene(path, bands=(2, 1)).read_valid()[4, 4] == 0


def test_the_users_nodata_takes_the_place_of_the_files(tmp_path, plainly, image):
    image[3, 3] = 0
    image[5, 5] = 9
    valid = Scene(plainly(tmp_path / "a.tif", image, nodata=0), nodata=9).read_valid()
    assert valid[3, 3] == 1
    assert valid[5, 5] == 0


def test_the_users_mask_takes_the_place_of_everything(tmp_path, plainly, image):
    path = plainly(tmp_path / "a.tif", with_alpha(image, half(slice(0, 4))), alpha=4, mask=half(slice(4, 6)))
    mask = plainly(tmp_path / "mask.png", half(slice(15, 20)), driver="PNG")
    scene = Scene(path, mask=mask)
    np.testing.assert_array_equal(scene.read_valid(), half(slice(15, 20)) > 0)
    np.testing.assert_array_equal(scene.read_with_valid(Window(12, 0, 5, 5))[1][:, 0], [1, 1, 1, 0, 0])


def test_a_value_that_is_no_number_is_never_valid(tmp_path, plainly, image):
    values = image.astype(np.float32)
    values[2, 2, 1] = np.nan
    path = plainly(tmp_path / "a.tif", values)
    mask = plainly(tmp_path / "mask.tif", half(slice(0, 0)))
    for scene in (Scene(path), Scene(path, mask=mask), Scene(path, nodata=-1)):
        assert scene.read_valid()[2, 2] == 0
        assert scene.read_valid().sum() == image[:, :, 0].size - 1
    assert Scene(path, bands=(1, 3)).read_valid().all()


def test_nan_as_nodata(tmp_path, plainly):
    values = np.arange(6, dtype=np.float64).reshape(2, 3)
    values[0, 1] = np.nan
    scene = Scene(plainly(tmp_path / "a.tif", values, nodata=np.nan))
    assert np.isnan(scene.nodata)
    np.testing.assert_array_equal(scene.read_valid(), [[1, 0, 1], [1, 1, 1]])


def test_every_file_of_a_scene_speaks_for_itself(tmp_path, plainly, image):
    heights = np.full(SHAPE, 12.5, np.float32)
    heights[0] = -9999
    image[1] = 0
    scene = Scene([plainly(tmp_path / "a.tif", image, nodata=0), plainly(tmp_path / "dsm.tif", heights, nodata=-9999)])
    np.testing.assert_array_equal(scene.read_valid(), half(slice(0, 2)) > 0)
    np.testing.assert_array_equal(scene.read_with_valid()[1], scene.read_valid())


def test_one_nodata_value_per_band(tmp_path, plainly):
    """GDAL's NODATA_VALUES: a pixel is missing when every band holds its own value."""
    image = np.full((*SHAPE, 3), 50, np.uint8)
    image[2, 2] = (1, 2, 3)
    image[3, 3] = (1, 2, 4)
    path = plainly(tmp_path / "a.tif", image)
    with quiet(), rasterio.open(path, "r+") as dataset:
        dataset.update_tags(NODATA_VALUES="1 2 3")
    valid = Scene(path).read_valid()
    assert valid[2, 2] == 0
    assert valid.sum() == valid.size - 1


@pytest.mark.parametrize(
    ("dtype", "stored", "value", "found"),
    [
        (np.uint8, 255, 255, True),
        (np.uint8, 0, 256, False),
        (np.uint8, 0, -1, False),
        (np.uint8, 1, 1.5, False),
        (np.uint8, 0, np.nan, False),
        (np.int16, -32768, -32768, True),
        (np.uint16, 65535, 65535, True),
        (np.float32, -9999.9, -9999.9, True),  # float32 holds it rounded
        (np.float32, -3.4028234663852886e38, -3.40282347e38, True),
        (np.float32, np.inf, 1e300, False),
        (np.float64, 1e300, 1e300, True),
    ],
)
def test_a_nodata_value_is_compared_as_the_dtype_stores_it(dtype, stored, value, found):
    if dtype == np.float32 and value == 1e300:
        pixels = np.full((1, 1, 1), np.finfo(np.float32).max, dtype)
    else:
        pixels = np.full((1, 1, 1), stored, dtype)
    assert is_nodata(pixels, (value,)).item() is found


def test_a_band_without_nodata_always_holds_data():
    assert not is_nodata(np.zeros((2, 2, 2), np.uint8), (0, None)).any()


def test_numbers_of_integers_are_not_looked_for():
    assert is_number(np.zeros(3, np.uint8)) is None
    assert is_number(np.zeros(3, np.float32)) is None
    np.testing.assert_array_equal(is_number(np.array([1, np.nan, np.inf])), [True, False, False])
