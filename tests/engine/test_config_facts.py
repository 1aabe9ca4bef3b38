from __future__ import annotations

import cv2
import mmcv
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config

from rs_da_mm.datasets.image_scales import ImageScale
from rs_da_mm.datasets.transforms import LoadRaster
from rs_da_mm.engine.checkpoints.published import Bands
from rs_da_mm.engine.config_facts import band_order, bands_in_config, crop_size, image_scale, stretch_step
from rs_da_mm.raster import Scene


def config(*pipeline, part="test", **more):
    return Config({f"{part}_dataloader": dict(dataset=dict(pipeline=list(pipeline), **more)), "model": {}})


@pytest.mark.parametrize(
    ("found", "size"),
    [
        (config(dict(type="RandomCrop", crop_size=(512, 256)), part="train"), (512, 256)),
        (config(dict(type="mmseg.RandomCrop", crop_size=64), part="train", window_size=99), (64, 64)),
        (config(dict(type="RandomWindowCrop", size=96), part="train"), (96, 96)),
        (config(dict(type="RandomApply", transforms=[dict(type="RandomCrop", crop_size=32)]), part="train"), (32, 32)),
        (config(part="train", window_size=256), (256, 256)),
        (config(dict(type="RandomCrop", crop_size=32), part="test"), None),
        (Config({}), None),
        (Config(dict(train_pipeline=[dict(type="RandomCrop", crop_size=[20, 30])])), (20, 30)),
    ],
)
def test_the_size_of_training_images(found, size):
    assert crop_size(found) == size


def test_wrapped_and_joined_data_sets_are_looked_into():
    inner = dict(type="Inner", window_size=128)
    repeated = dict(type="RepeatDataset", times=3, dataset=dict(type="ConcatDataset", datasets=[inner, dict(type="Other")]))
    assert crop_size(Config(dict(train_dataloader=dict(dataset=repeated)))) == (128, 128)


@pytest.mark.parametrize(
    ("backend", "count", "colour"),
    [("cv2", 3, "color"), ("cv2", 3, "unchanged"), ("cv2", 4, "unchanged"), ("pillow", 3, "color")],
)
def test_the_order_is_what_mmcvs_loader_makes_of_a_picture(tmp_path, backend, count, colour):
    picture = np.random.default_rng(0).integers(1, 255, (8, 9, count)).astype(np.uint8)
    places = [2, 1, 0, 3][:count]
    cv2.imwrite(str(tmp_path / "a.png"), picture[..., places])
    step = dict(type="LoadImageFromFile", color_type=colour, imdecode_backend=backend)
    loaded = LoadImageFromFile(color_type=colour, imdecode_backend=backend).transform({"img_path": str(tmp_path / "a.png")})[
        "img"
    ]
    pixels = Scene(tmp_path / "a.png", alpha=False).read()
    order = band_order(config(step), False, count)
    assert np.array_equal(pixels[..., order], loaded)
    assert not np.array_equal(pixels, loaded)


def test_loaders_of_rasters_keep_the_files_order(tmp_path):
    picture = np.random.default_rng(0).integers(1, 255, (8, 9, 3)).astype(np.uint8)
    mmcv.imwrite(picture, str(tmp_path / "a.png"))
    assert np.array_equal(LoadRaster().transform({"img_path": str(tmp_path / "a.png")})["img"], Scene(tmp_path / "a.png").read())
    for name in ("LoadRaster", "LoadSingleRSImageFromFile"):
        assert band_order(config(dict(type=name)), True, 3) is None
    assert band_order(config(dict(type="LoadImageFromFile", imdecode_backend="tifffile")), True, 3) is None


def test_without_a_pipeline_a_swap_in_the_data_preprocessor_tells():
    assert band_order(Config({}), True, 3) == (2, 1, 0)
    assert band_order(Config({}), True, None) == (2, 1, 0)
    assert band_order(Config({}), False, 3) is None
    assert band_order(Config({}), True, 5) is None


def test_the_stretch_is_that_of_the_test_pipeline():
    limits = [[0.0, 100.0], [50.0, 90.0]]
    found = stretch_step(config(dict(type="LoadRaster"), dict(type="rs_da_mm.StretchTo8Bit", limits=limits)))
    assert found.limits.tolist() == limits
    assert stretch_step(config(dict(type="StretchTo8Bit", percentiles=[1, 99]))).percentiles == [1, 99]
    assert stretch_step(config(dict(type="StretchTo8Bit"), part="train")) is None


@pytest.mark.usefixtures("fresh_mmengine")
def test_a_step_that_may_change_values_is_warned_of(capsys):
    stretch_step(config(dict(type="LoadRaster"), dict(type="CLAHE"), dict(type="PackRSInputs")))
    text = capsys.readouterr().out
    assert "WARNING" in text
    assert "CLAHE" in text
    assert "PackRSInputs" not in text


def test_bands_are_told_by_the_preprocessor_or_the_backbone():
    loader = dict(type="LoadRaster", bands=["nir", "red"])
    assert bands_in_config(config(loader), [1.0, 2.0]) == Bands(2, ("nir", "red"), ("nir", "red"), None)
    chosen = config(dict(type="LoadRaster"), part="train", bands=[4, 3, 2])
    chosen.model = dict(backbone=dict(in_channels=3))
    assert bands_in_config(chosen, [0.0]) == Bands(3, (), (4, 3, 2), None)
    assert bands_in_config(config(), None) is None


def test_the_scale_is_that_of_the_training_data_set():
    assert image_scale(config(part="train", scale="sentinel2_before_2022")) == ImageScale("sentinel2_before_2022")
    assert image_scale(config(part="train", scale=[0.5, 2], offset=1)) == ImageScale(None, (0.5, 2.0), 1.0)
    assert image_scale(config(part="test", scale=3)) is None
    assert image_scale(Config({})) is None
