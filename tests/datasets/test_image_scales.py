from __future__ import annotations

import numpy as np
import pytest
import rasterio
from tiny_folders import write_random_image

from rs_da_mm.datasets.image_scales import ImageScale, sentinel2_baseline
from rs_da_mm.errors import DatasetError, RasterError
from rs_da_mm.raster import Scene, Window

WHOLE = Window(0, 0, 6, 8)


def scaled(path, scale, offset=None, bands=None, **options):
    scene = Scene(path, bands, **options)
    return ImageScale.parse(scale, offset).applied(scene, scene).read_with_valid(WHOLE)


@pytest.fixture
def image(tmp_path):
    pixels = write_random_image(tmp_path / "a.tif", (6, 8), dtype=np.uint16)
    return tmp_path / "a.tif", pixels


def test_one_number_or_one_per_band(image):
    path, pixels = image
    values, valid = scaled(path, 0.5, 1)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, (pixels * 0.5 + 1).astype(np.float32))
    assert valid.all()
    np.testing.assert_array_equal(scaled(path, [1, 2], [0, -3], (3, 1))[0], pixels[..., [2, 0]] * [1, 2] + [0, -3])
    np.testing.assert_array_equal(scaled(path, None, 5)[0], pixels + np.float32(5))
    with pytest.raises(RasterError, match="2 numbers were given as gain for 3 bands"):
        scaled(path, [1, 2])


def test_what_holds_no_data_is_zero(tmp_path):
    pixels = np.full((6, 8, 1), 1500, np.uint16)
    pixels[2, 3] = 0
    with rasterio.open(tmp_path / "s.tif", "w", driver="GTiff", height=6, width=8, count=1, dtype="uint16") as file:
        file.write(pixels[..., 0], 1)
    values, valid = scaled(tmp_path / "s.tif", "sentinel2_since_2022", nodata=0)
    assert values[2, 3] == 0
    assert valid[2, 3] == 0
    np.testing.assert_allclose(values[valid == 1], 0.05, rtol=1e-6)


def test_the_files_own_scale(tmp_path):
    with rasterio.open(tmp_path / "f.tif", "w", driver="GTiff", height=6, width=8, count=2, dtype="int16") as file:
        file.write(np.full((2, 6, 8), 100, np.int16))
        file.scales, file.offsets = (0.1, 2.0), (-5.0, 0.5)
    assert scaled(tmp_path / "f.tif", "file")[0][0, 0].tolist() == pytest.approx([5.0, 200.5])
    assert scaled(tmp_path / "f.tif", "file", bands=(2,))[0][0, 0].tolist() == pytest.approx([200.5])


@pytest.mark.parametrize(("baseline", "reflectance"), [("04.00", 0.05), ("05.10", 0.05), ("03.01", 0.15), ("02.14", 0.15)])
def test_the_baseline_of_sentinel2_is_taken_from_a_tag_or_the_products_name(tmp_path, baseline, reflectance):
    digits = baseline.replace(".", "")
    product = tmp_path / f"S2A_MSIL2A_20220201T101211_N{digits}_R022_T32TMT_20220201T140000.SAFE"
    product.mkdir()
    for path, tags in ((tmp_path / "tagged.tif", {"PROCESSING_BASELINE": baseline}), (product / "B02.tif", {})):
        with rasterio.open(path, "w", driver="GTiff", height=6, width=8, count=1, dtype="uint16") as file:
            file.write(np.full((1, 6, 8), 1500, np.uint16))
            file.update_tags(**tags)
        np.testing.assert_allclose(scaled(path, "sentinel2")[0], reflectance, rtol=1e-6)


def test_sentinel2_of_unknown_baseline_is_refused_and_can_be_told(image):
    path, pixels = image
    with pytest.raises(DatasetError, match=r"a\.tif: nothing tells its processing baseline.*'sentinel2_since_2022'.*before_2022"):
        sentinel2_baseline(Scene(path))
    np.testing.assert_allclose(scaled(path, "sentinel2_before_2022")[0], pixels / 10_000, rtol=1e-6)


@pytest.mark.parametrize(
    ("scale", "offset", "said"),
    [
        ("sentinel", None, "scale is 'sentinel'; give numbers, or 'file', 'sentinel2'"),
        ("file", 3, "scale='file' brings its own offset"),
        ([], None, r"scale is \[\]"),
        (True, None, "scale is True"),
        (1, "x", "offset is 'x'"),
    ],
)
def test_what_makes_no_sense_is_refused(scale, offset, said):
    with pytest.raises(DatasetError, match=said):
        ImageScale.parse(scale, offset)


def test_no_scale_is_none_and_one_is_recorded():
    assert ImageScale.parse(None, None) is None
    assert ImageScale.parse("file", None).parameters() == {"scale": "file", "offset": None}
    assert ImageScale.parse([1, 2], None).parameters() == {"scale": (1.0, 2.0), "offset": 0.0}
    assert ImageScale.parse("sentinel2", None).is_sentinel2
