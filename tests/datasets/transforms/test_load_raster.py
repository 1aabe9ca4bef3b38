from __future__ import annotations

import pickle

import numpy as np
import pytest
from mmengine.registry import TRANSFORMS

from rs_da_mm.datasets.transforms import LoadRaster
from rs_da_mm.errors import InputError, RasterError
from rs_da_mm.raster import write_raster


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 60_000, (20, 30, 4)).astype(np.uint16)


@pytest.fixture
def scene(tmp_path, pixels):
    path = tmp_path / "scene.tif"
    names = ["NIR", "Red", "Green", "Blue"]
    write_raster(path, pixels, nodata=0, descriptions=names)
    return str(path)


def test_whole_file_in_its_own_dtype(scene, pixels):
    out = LoadRaster().transform({"img_path": scene})
    np.testing.assert_array_equal(out["img"], pixels)
    assert out["img"].dtype == np.uint16
    assert out["img_shape"] == out["ori_shape"] == out["scene_shape"] == (20, 30)
    assert out["valid_mask"].all()
    assert out["valid_mask"].dtype == np.uint8
    assert out["seg_fields"] == ["valid_mask"]
    assert out["bands"] == ("NIR", "Red", "Green", "Blue")


def test_window_and_nodata(tmp_path, pixels):
    pixels[5:8, 6:9] = 0
    pixels[10, 10, :3] = 0  # in one band there is data
    write_raster(tmp_path / "a.tif", pixels, nodata=0)
    out = LoadRaster().transform({"img_path": str(tmp_path / "a.tif"), "window": (4, 5, 8, 9)})
    np.testing.assert_array_equal(out["img"], pixels[4:12, 5:14])
    expected = np.ones((8, 9), np.uint8)
    expected[1:4, 1:4] = 0
    np.testing.assert_array_equal(out["valid_mask"], expected)
    assert out["ori_shape"] == (8, 9)
    assert out["scene_shape"] == (20, 30)


def test_outside_of_the_scene_is_not_valid(scene, pixels):
    out = LoadRaster().transform({"img_path": scene, "window": (15, 25, 10, 10)})
    np.testing.assert_array_equal(out["img"][:5, :5], pixels[15:, 25:])
    assert not out["img"][5:].any()
    assert out["valid_mask"].sum() == 25


def test_bands_by_number_and_by_name(scene, pixels):
    by_number = LoadRaster(bands=[2, 3, 4]).transform({"img_path": scene})
    np.testing.assert_array_equal(by_number["img"], pixels[..., 1:])
    by_name = LoadRaster(bands=["blue", "NIR"]).transform({"img_path": scene})
    np.testing.assert_array_equal(by_name["img"], pixels[..., [3, 0]])
    assert by_name["bands"] == ("Blue", "NIR")
    mixed = LoadRaster(bands=["red", 1]).transform({"img_path": scene})
    np.testing.assert_array_equal(mixed["img"], pixels[..., [1, 0]])


def test_bands_of_the_data_set_give_way_to_the_transforms_own(scene, pixels):
    out = LoadRaster().transform({"img_path": scene, "band_indices": (4,)})
    np.testing.assert_array_equal(out["img"], pixels[..., 3:])
    out = LoadRaster(bands=[1]).transform({"img_path": scene, "band_indices": (4,)})
    np.testing.assert_array_equal(out["img"], pixels[..., :1])


def test_several_files_are_one_image(tmp_path, scene, pixels):
    write_raster(tmp_path / "height.tif", pixels[..., 0])
    out = LoadRaster(bands=[5, 1]).transform({"img_path": [scene, str(tmp_path / "height.tif")]})
    np.testing.assert_array_equal(out["img"], pixels[..., [0, 0]])


def test_mask_of_the_data_set_decides(tmp_path, scene):
    mask = np.zeros((20, 30), np.uint8)
    mask[3:] = 1
    write_raster(tmp_path / "mask.tif", mask)
    out = LoadRaster().transform({"img_path": scene, "mask_path": str(tmp_path / "mask.tif")})
    np.testing.assert_array_equal(out["valid_mask"], mask)


def test_own_nodata_and_float32(scene, pixels):
    value = int(pixels[0, 0, 0])
    out = LoadRaster(bands=[1], nodata=value, to_float32=True).transform({"img_path": scene})
    assert out["img"].dtype == np.float32
    np.testing.assert_array_equal(out["valid_mask"], (pixels[..., 0] != value).astype(np.uint8))


def test_what_is_no_number_is_not_valid(tmp_path):
    image = np.ones((4, 4, 2), np.float32)
    image[1, 2, 0] = np.nan
    write_raster(tmp_path / "f.tif", image)
    out = LoadRaster().transform({"img_path": str(tmp_path / "f.tif")})
    assert out["valid_mask"].sum() == 15
    assert np.isfinite(out["img"]).all()


def test_missing_band_names_what_there_is(scene):
    with pytest.raises(InputError, match=r"scene\.tif: no band has the name 'SWIR'; the bands are: NIR, Red, Green, Blue"):
        LoadRaster(bands=["SWIR"]).transform({"img_path": scene})
    with pytest.raises(RasterError, match=r"scene\.tif.*band 9"):
        LoadRaster(bands=[9]).transform({"img_path": scene})


def test_wrong_number_of_bands_names_file_found_and_expected(scene):
    with pytest.raises(InputError, match=r"scene\.tif: 4 bands, but .*expects 3"):
        LoadRaster(count=3).transform({"img_path": scene})
    LoadRaster(count=3, bands=[1, 2, 3]).transform({"img_path": scene})


def test_missing_file():
    with pytest.raises(RasterError, match=r"nowhere\.tif"):
        LoadRaster().transform({"img_path": "nowhere.tif"})


def test_is_registered_and_goes_to_other_processes(scene, pixels):
    loader = TRANSFORMS.build({"type": "LoadRaster", "bands": ["red"]})
    loader.transform({"img_path": scene})
    again = pickle.loads(pickle.dumps(loader)).transform({"img_path": scene})
    np.testing.assert_array_equal(again["img"], pixels[..., 1:2])
    assert "bands=('red',)" in repr(loader)
