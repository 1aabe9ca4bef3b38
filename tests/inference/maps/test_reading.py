"""Scenes as the model was trained to see them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from damaged_files import damage_block, write_tiff
from rasterio.crs import CRS

from rs_da_mm.datasets.image_scales import ImageScale
from rs_da_mm.engine.checkpoints.published import Bands
from rs_da_mm.errors import InputError, RasterError
from rs_da_mm.inference.inputs import SceneInput, UnreadableBlocks
from rs_da_mm.inference.maps.reading import ReadOptions, open_scene, scene_input, tolerant
from rs_da_mm.inference.segmentors.trained_on import TrainedOn
from rs_da_mm.raster import Georeference, PixelSize, Window, write_raster

UTM = Georeference(crs=CRS.from_epsg(32632), transform=Affine(10, 0, 500000, 0, -10, 5600000))
ALL = Window(0, 0, 60, 40)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(1, 3000, (60, 40, 4), dtype=np.uint16)


@pytest.fixture
def scene(tmp_path, pixels):
    write_raster(tmp_path / "a.tif", pixels, georeference=UTM, descriptions=["blue", "green", "red", "nir"])
    return SceneInput("a", (tmp_path / "a.tif",))


def trained(**known):
    return TrainedOn(**known)


def read(opened, window=ALL):
    return opened.source.read_with_valid(window)[0]


def test_a_scene_is_read_as_it_is_where_nothing_is_known(scene, pixels):
    opened = open_scene(scene, ReadOptions(), trained())
    np.testing.assert_array_equal(read(opened), pixels)
    assert opened.facts["files"] == ["a.tif"]
    assert opened.facts["crs"] == "EPSG:32632"
    assert set(opened.facts["not_compared"]) == {"bands", "dtype", "values", "pixel_size"}
    opened.watch.check()


def test_the_bands_of_the_training_are_taken(scene, pixels):
    known = trained(bands=Bands(2, ("red", "nir"), ("red", "nir"), "uint16"))
    np.testing.assert_array_equal(read(open_scene(scene, ReadOptions(), known)), pixels[..., 2:])
    numbers = trained(bands=Bands(2, (), (4, 1), "uint16"))
    np.testing.assert_array_equal(read(open_scene(scene, ReadOptions(), numbers)), pixels[..., [3, 0]])


def test_the_users_bands_go_before_those_of_the_training(scene, pixels):
    known = trained(bands=Bands(2, ("red", "nir"), ("red", "nir"), "uint16"))
    opened = open_scene(scene, ReadOptions(bands=("green", 1)), known)
    np.testing.assert_array_equal(read(opened), pixels[..., [1, 0]])


def test_bands_that_a_scene_has_not_are_told_with_the_way_out(scene):
    known = trained(bands=Bands(2, ("swir", "nir"), ("swir", "nir"), "uint16"))
    with pytest.raises(InputError, match=r"4 bands, the model takes 2 \(swir, nir\).*--bands"):
        open_scene(scene, ReadOptions(), known)
    assert open_scene(scene, ReadOptions(checks=False), known).source.count == 4


def test_values_are_rescaled_to_the_dtype_of_the_training(scene, pixels):
    known = trained(bands=Bands(4, (), None, "uint8"), dtype="uint8")
    with pytest.raises(InputError, match="--rescale"):
        open_scene(scene, ReadOptions(), known)
    opened = open_scene(scene, ReadOptions(rescale=(0.1, 5.0)), known)
    expected = np.clip(np.floor(pixels * 0.1 + 5.5), 0, 255).astype(np.uint8)
    assert np.abs(read(opened).astype(int) - expected).max() <= 1  # halves
    assert read(opened).dtype == np.uint8


def test_values_are_brought_to_the_scale_of_the_training(scene, pixels):
    known = trained(bands=Bands(4, (), None, "float32"), dtype="float32", scale=ImageScale.parse([1, 0.5, 2, 4], -3))
    opened = open_scene(scene, ReadOptions(), known)
    np.testing.assert_array_equal(read(opened), (pixels * np.array([1, 0.5, 2, 4]) - 3).astype(np.float32))
    assert opened.facts["scale"] == {"scale": (1.0, 0.5, 2.0, 4.0), "offset": -3.0}
    own = open_scene(scene, ReadOptions(rescale=(2.0, 1.0)), known)
    np.testing.assert_array_equal(read(own), pixels * np.float32(2) + 1)
    assert own.facts["scale"] is None


def test_reflectances_of_sentinel_2_have_no_data_at_0(tmp_path, pixels):
    pixels[5, 7] = 0
    write_raster(tmp_path / "a.tif", pixels, georeference=UTM)
    known = trained(scale=ImageScale("sentinel2_since_2022"))
    values, valid = open_scene(SceneInput("a", (tmp_path / "a.tif",)), ReadOptions(), known).source.read_with_valid(ALL)
    assert (valid == 0).sum() == 1
    assert valid[5, 7] == 0
    expected = np.where(valid[..., None] == 0, 0, (pixels - 1000.0) / 10000)
    np.testing.assert_allclose(values, expected, atol=1e-6)


def test_pixels_are_brought_to_the_size_of_the_training(scene):
    known = trained(pixel_size=PixelSize(20.0, 20.0, "metre"), pixel_size_range=(20.0, 20.0))
    with pytest.raises(InputError, match=r"10 x 10 metres.*--resample"):
        open_scene(scene, ReadOptions(), known)
    opened = open_scene(scene, ReadOptions(resample="bilinear"), known)
    assert (opened.source.height, opened.source.width) == (30, 20)
    assert opened.source.georeference().transform.a == 20


def test_resampling_needs_to_know_to_what(scene):
    with pytest.raises(InputError, match="the checkpoint says nothing"):
        open_scene(scene, ReadOptions(resample="bilinear"), trained())


@pytest.mark.parametrize("name", ["files", "resample"])
def test_an_unknown_way_of_resampling(name):
    with pytest.raises(InputError, match=f"{name} is 'lanczos'"):
        ReadOptions(**{name: "lanczos"})


def test_tolerance_is_next_to_the_files(tmp_path, pixels):
    path = write_tiff(tmp_path / "a.tif", pixels, block=(16, 16), transform=UTM.transform, crs=UTM.crs)
    damage_block(path, 1, 1)
    known = trained(pixel_size=PixelSize(20.0, 20.0, "metre"), pixel_size_range=(20.0, 20.0))
    opened = open_scene(SceneInput("a", (path,)), ReadOptions(resample="nearest", rescale=(2.0, 0.0), checks=False), known)
    half = Window(0, 0, 30, 20)
    with pytest.raises(RasterError, match="cannot be read"):
        opened.source.read_with_valid(half)
    kept = UnreadableBlocks()
    values, valid = tolerant(opened, "nodata", kept).read_with_valid(half)
    assert kept.areas == [Window(16, 16, 16, 16)]
    gap = np.zeros((30, 20), bool)
    gap[8:16, 8:16] = True
    np.testing.assert_array_equal(valid == 0, gap)
    assert (values[gap] == 0).all()


def test_a_mask_beside_the_scene_counts_for_its_fingerprint(tmp_path, scene):
    write_raster(tmp_path / "a_mask.tif", np.ones((60, 40), np.uint8), georeference=UTM)
    masked = scene._replace(mask=tmp_path / "a_mask.tif")
    one, other = (open_scene(each, ReadOptions(), trained()).facts for each in (scene, masked))
    assert one["fingerprint"] != other["fingerprint"]
    assert (one["mask"], other["mask"]) == (None, "a_mask.tif")


def test_what_may_stand_for_a_scene():
    assert scene_input("x/a.tif") == SceneInput("a", ("x/a.tif",))
    assert scene_input([Path("b.tif"), "c.tif"]) == SceneInput("b", (Path("b.tif"), "c.tif"))
    assert scene_input(SceneInput("n", ("a.tif",))).name == "n"
    with pytest.raises(InputError, match="empty"):
        scene_input([])
