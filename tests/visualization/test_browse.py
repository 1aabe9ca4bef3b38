from __future__ import annotations

import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from rs_da_mm.errors import InputError
from rs_da_mm.raster import write_raster
from rs_da_mm.visualization.browse import browse_samples

TOOL = Path(__file__).parents[2] / "tools" / "browse.py"

CONFIG = """
custom_imports = dict(imports=['rs_da_mm'], allow_failed_imports=False)
default_scope = 'mmseg'
train_dataloader = dict(
    batch_size=2,
    dataset=dict(
        type='BaseSegDataset',
        data_root=ROOT,
        data_prefix=dict(img_path='img', seg_map_path='ann'),
        img_suffix='.tif',
        seg_map_suffix='.png',
        metainfo=dict(classes=('field', 'water'), palette=[[0, 255, 0], [0, 0, 255]]),
        pipeline=[dict(type='LoadRaster'), dict(type='LoadRasterLabel'), dict(type='RandomDihedral'), dict(type='PackRSInputs')],
    ),
)
model = dict(data_preprocessor=dict(type='RSDataPreprocessor', mean=[1000.0, 500.0], std=[100.0, 50.0]))
"""


@pytest.fixture(autouse=True)
def _scope_as_before():
    with DefaultScope.overwrite_default_scope("mmengine"):
        yield


@pytest.fixture
def config_path(tmp_path) -> Path:
    rows = np.indices((24, 24))[0]
    for number in range(4):
        image = np.stack([np.where(rows < 12, 900, 1100), np.full((24, 24), 525)], -1).astype(np.uint16)
        image[rows >= 18] = 0
        write_raster(tmp_path / "img" / f"scene{number}.tif", image, nodata=0, descriptions=["red", "NIR"])
        write_raster(tmp_path / "ann" / f"scene{number}.png", (rows < 12).astype(np.uint8))
    path = tmp_path / "config.py"
    path.write_text(CONFIG.replace("ROOT", repr(tmp_path.as_posix())), encoding="utf-8")
    return path


def test_ranges_classes_and_gaps_are_those_that_the_model_gets(config_path):
    samples = list(browse_samples(Config.fromfile(config_path), "train", count=3, seed=1))
    assert len({sample.index for sample in samples}) == 3
    assert [sample.index for sample in samples] == sorted(sample.index for sample in samples)
    for sample in samples:
        # (900 - 1000) / 100 and (1100 - 1000) / 100 on 12 and 6 valid rows; (525 - 500) / 50
        assert "red -1.00…1.00 mean -0.33, NIR 0.50…0.50 mean 0.50" in sample.summary
        assert "water 50.0 %, ignored (255) 25.0 %, field 25.0 %" in sample.summary
        assert "no data 25.0 %" in sample.summary
        assert f"scene{sample.index}.tif" in sample.summary
        assert sample.panel.shape[2] == 3


def test_a_part_that_is_tested_on_is_drawn_without_its_padding(config_path):
    config = Config.fromfile(config_path)
    config.val_dataloader = config.train_dataloader
    config.model.data_preprocessor.test_cfg = {"size": 64}
    sample = next(browse_samples(config, "val"))
    assert "no data 25.0 %" in sample.summary
    assert "water 50.0 %" in sample.summary


def test_same_seed_same_samples(config_path):
    config = Config.fromfile(config_path)
    first, second = (list(browse_samples(config, "train", count=2, seed=5)) for _ in range(2))
    assert [sample.index for sample in first] == [sample.index for sample in second]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.panel, other.panel)


def test_a_part_that_the_config_has_not(config_path):
    with pytest.raises(InputError, match="val_dataloader"):
        next(browse_samples(Config.fromfile(config_path), "val"))


def _run_tool(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [str(TOOL), *arguments])
    runpy.run_path(str(TOOL), run_name="__main__")


def test_tool_writes_a_picture_and_a_line_per_sample(config_path, tmp_path, monkeypatch, capsys):
    _run_tool(monkeypatch, str(config_path), "--count", "2", "--out", str(tmp_path / "out"))
    pictures = sorted((tmp_path / "out").iterdir())
    assert len(pictures) == 2
    assert all(picture.name.startswith("train_") and cv2.imread(str(picture)) is not None for picture in pictures)
    printed = capsys.readouterr().out.strip().splitlines()
    assert [line.rsplit(" | ", 1)[1] for line in printed] == [str(picture) for picture in pictures]


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (("mean=[1000.0, 500.0]", "mean=[0.0, 0.0, 0.0]"), (), "`mean` has 3 values and `std` has 2"),
        (("mean=[1000.0, 500.0], std=[100.0, 50.0]", "mean=0.0, std=1.0, bands=4"), (), "the image has 2 bands"),
        (("", ""), ("--count", "0"), "at least one sample"),
    ],
)
def test_tool_tells_bad_input_in_one_sentence(config_path, monkeypatch, capsys, change, arguments, message):
    config_path.write_text(config_path.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        _run_tool(monkeypatch, str(config_path), *arguments)
    assert left.value.code == 1
    told = capsys.readouterr().err.strip()
    assert told.startswith("error: ")
    assert message in told
    assert "\n" not in told
