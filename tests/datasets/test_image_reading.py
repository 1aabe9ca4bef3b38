from __future__ import annotations

import numpy as np
from tiny_folders import placed, write_random_image

from rs_da_mm.datasets.image_reading import image_paths, image_source, open_scene
from rs_da_mm.datasets.image_scales import ImageScale
from rs_da_mm.datasets.quality_masks import QualityMask
from rs_da_mm.datasets.quality_rules import QualityRule
from rs_da_mm.raster import Window, write_raster

WHOLE = Window(0, 0, 20, 30)


def test_files_of_a_sample(tmp_path):
    assert image_paths({"img_path": tmp_path / "a"}) == (str(tmp_path / "a"),)
    assert image_paths({"img_path": ["a", tmp_path / "b"]}) == ("a", str(tmp_path / "b"))


def test_coarser_files_are_brought_to_the_finest(tmp_path):
    fine = write_random_image(tmp_path / "b2.tif", (20, 30), 1)
    coarse = write_random_image(tmp_path / "b11.tif", (10, 15), 1, seed=1, georeference=placed(20.0))
    paths = [str(tmp_path / "b2.tif"), str(tmp_path / "b11.tif")]
    scene = open_scene({"img_path": paths, "resample": "nearest"})
    np.testing.assert_array_equal(scene.read(), np.dstack([fine, coarse.repeat(2, 0).repeat(2, 1)]))
    chosen = open_scene({"img_path": paths, "resample": "nearest", "band_indices": (2, 1)})
    np.testing.assert_array_equal(chosen.read(), scene.read()[..., ::-1])


def test_a_loaders_bands_and_nodata_go_before_the_samples(tmp_path):
    pixels = write_random_image(tmp_path / "a.tif", (20, 30), descriptions=["r", "g", "b"])
    sample = {"img_path": str(tmp_path / "a.tif"), "band_indices": (1,), "nodata": int(pixels[0, 0, 0])}
    assert open_scene(sample).read_valid()[0, 0] == 0
    np.testing.assert_array_equal(open_scene(sample, ["b"]).read(), pixels[..., 2:])
    assert open_scene(sample, nodata=251).read_valid().all()


def test_scale_and_quality_masks_come_on_top(tmp_path):
    pixels = write_random_image(tmp_path / "a.tif", (20, 30))
    values = np.ones((20, 30), np.uint8)
    values[:4] = 0
    write_raster(tmp_path / "m.tif", values, georeference=placed())
    sample = {"img_path": str(tmp_path / "a.tif")}
    scene = open_scene(sample)
    assert image_source(sample, scene) is scene
    sample |= {
        "image_scale": ImageScale.parse(2, 1),
        "quality_masks": (QualityMask(tmp_path / "m.tif", QualityRule("zero", (0,)), scene),),
    }
    found, valid = image_source(sample, scene).read_with_valid(WHOLE)
    np.testing.assert_array_equal(found, pixels * 2.0 + 1)
    np.testing.assert_array_equal(valid, values)
