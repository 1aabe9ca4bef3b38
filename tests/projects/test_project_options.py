"""Options beyond images and labels, through to the samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from tiny_own_data import NAMES, place, write_images, write_labels

from rs_da_mm.errors import InputError
from rs_da_mm.projects import ProjectRequest, make_project
from rs_da_mm.projects.options import read_area, read_mask, read_scale
from rs_da_mm.raster import write_raster
from rs_da_mm.registry import DATASETS


@pytest.fixture
def asked(tmp_path):
    labels = write_images(tmp_path / "images", count=2)
    write_labels(tmp_path / "labels", labels)
    return ProjectRequest(
        (str(tmp_path / "images"),), str(tmp_path / "labels"), tmp_path / "project", classes=",".join(NAMES), window=48,
        iterations=2, batch_size=2, estimate=False,
    )  # fmt: skip


def samples(project):
    dataset = DATASETS.build(Config.fromfile(project.folder / "config.py").train_dataloader.dataset)
    return [dataset[index] for index in range(len(dataset))]


def test_bands_scale_masks_and_heights_reach_the_samples(asked, tmp_path):
    for number in (1, 2):
        clouds = np.full((72, 96), 4, np.uint8)  # pixels twice as large as the image's
        clouds[:, ::2] = 9
        where = place(192 * (number - 1))
        coarse = replace(where, transform=where.transform * where.transform.scale(2))
        write_raster(tmp_path / "scl" / f"scene_{number}_SCL.tif", clouds, georeference=coarse)
        write_raster(tmp_path / "dsm" / f"scene_{number}.tif", clouds.astype(np.float32), georeference=coarse)
    project = make_project(
        replace(
            asked, bands=(4, 2), scale="0.001", offset="-0.1", masks=(f"scl={tmp_path / 'scl'}",), heights=str(tmp_path / "dsm")
        )
    )
    for sample in samples(project):
        valid = sample["data_samples"].valid_mask.data[0]
        assert valid.float().mean() == pytest.approx(0.5)
        assert sample["inputs"].shape == (2, 48, 48)
        assert 0.1 < float(sample["inputs"][:, valid == 1].float().mean()) < 1.3
    header, *rows = (project.folder / "scenes.csv").read_text().splitlines()
    assert header == "scene,image,label,height,mask"
    assert rows[1].endswith(f"dsm/scene_2.tif,{(tmp_path / 'scl' / 'scene_2_SCL.tif').as_posix()}")


def test_an_area_leaves_out_what_lies_outside(asked):
    west, north = place().transform * (0, 0)
    area = f"{west},{north - 1440},{west + 1920},{north}"
    project = make_project(replace(asked, area=area, classes=None))
    inside = sum(pixels[:-1].sum() for pixels in project.parts.pixels.values())
    assert 0 < inside <= 144 * 192
    assert {sample["data_samples"].metainfo["scene"] for sample in samples(project)} == {"scene_1"}


@pytest.mark.parametrize("split", ["scene", "random", "group:folder"])
def test_other_splits(asked, tmp_path, split):
    for number in (1, 2, 3):
        labels = write_images(tmp_path / "in" / f"p{number}", count=1, placed=False, names=f"s{number}_{{}}")
        write_labels(tmp_path / "gt", labels, placed=False)
    project = make_project(replace(asked, images=(str(tmp_path / "in"),), labels=str(tmp_path / "gt"), split=split))
    scenes = {
        part: {dataset.get_data_info(i)["scene"] for i in range(len(dataset))} for part, dataset in project.parts.datasets.items()
    }
    if split == "random":
        assert any("flatter" in remark for remark in project.parts.remarks)
    else:
        assert sorted(map(len, scenes.values())) == [1, 1, 1]


@pytest.mark.parametrize("model", ["resnet_unet_18", "segformer"])
def test_other_networks_take_bands_classes_and_window(asked, model):
    config = Config.fromfile(make_project(replace(asked, model=model)).folder / "config.py")
    assert config.model.backbone.in_channels == 4
    assert config.model.decode_head.num_classes == 3
    assert config.optim_wrapper.optimizer.lr == pytest.approx(3e-4)


def test_weights_are_a_start_for_the_bands_that_have_a_colour(asked, tmp_path):
    torch.save({}, tmp_path / "resnet18.pth")
    for number in (1, 2):
        path = tmp_path / "images" / f"scene_{number}.tif"
        pixels = np.random.default_rng(0).integers(0, 1000, (144, 192, 4)).astype(np.uint16)
        names = ["nir", "red", "green", "blue"]
        write_raster(path, pixels, georeference=place(192 * (number - 1)), descriptions=names)
    project = make_project(replace(asked, model="resnet_unet_18", weights=str(tmp_path / "resnet18.pth")))
    start = Config.fromfile(project.folder / "config.py").model.backbone.init_cfg
    assert start.band_map == dict(red=2, green=3, blue=4)
    assert start.checkpoint == (tmp_path / "resnet18.pth").as_posix()
    with pytest.raises(InputError, match="there is no such file"):
        make_project(replace(asked, out=tmp_path / "other", weights=str(tmp_path / "nothing.pth")))


def test_a_network_that_does_not_exist_is_refused_and_nothing_is_written(asked):
    with pytest.raises(InputError, match="deeplabv3plus"):
        make_project(replace(asked, model="deeplab3plus"))
    assert not asked.out.exists()


def test_masks_areas_and_scales_are_read(tmp_path):
    assert read_mask("scl=a/{scene}.tif") == ({"kind": "scl"}, "a/{scene}.tif")
    assert read_mask("bits:0,4=qa.tif") == ({"kind": "bits", "invalid": [0, 4]}, "qa.tif")
    assert read_area("1,2,3.5,4") == (1.0, 2.0, 3.5, 4.0)
    (tmp_path / "area.gpkg").touch()
    assert read_area(str(tmp_path / "area.gpkg")) == (tmp_path / "area.gpkg").as_posix()
    assert read_scale("--scale", "sentinel2") == "sentinel2"
    assert read_scale("--scale", "0.5") == 0.5
    assert read_scale("--offset", "1,2") == [1.0, 2.0]
    for wrong in ("values=a.tif", "fog=a.tif", "scl", "bits:x=a.tif"):
        with pytest.raises(InputError, match="--masks"):
            read_mask(wrong)
    with pytest.raises(InputError, match="--area"):
        read_area("1,2,3")
    with pytest.raises(InputError, match="--scale many"):
        read_scale("--scale", "many")
