from __future__ import annotations

import numpy as np
import pytest
import torch
from affine import Affine
from PIL import Image
from rasterio.crs import CRS

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation import PredictionWriter
from rs_da_mm.raster import Georeference, Scene, write_raster

PALETTE = [[0, 0, 0], [255, 0, 0], [0, 0, 255]]


@pytest.fixture
def scene(tmp_path):
    path = tmp_path / "tile.tif"
    place = Georeference(CRS.from_epsg(32650), Affine(4.0, 0.0, 500_000, 0.0, -4.0, 3_400_000))
    write_raster(path, np.zeros((64, 96, 3), np.uint8), georeference=place)
    return path


def sample(prediction, **fields):
    return {"pred_sem_seg": {"data": torch.as_tensor(prediction)[None]}, **fields}


def test_a_window_is_written_where_it_lies(tmp_path, scene):
    prediction = np.arange(32 * 32).reshape(32, 32) % 3
    writer = PredictionWriter(tmp_path / "out", PALETTE)
    path = writer.write(sample(prediction, img_path=str(scene), scene="tile", window=(32, 64, 32, 32)))
    assert path == tmp_path / "out" / "tile_32_64.tif"
    written = Scene(path)
    np.testing.assert_array_equal(written.read()[..., 0], prediction)
    assert written.crs.to_epsg() == 32650
    assert tuple(written.transform)[:6] == (4.0, 0.0, 500_000 + 64 * 4.0, 0.0, -4.0, 3_400_000 - 32 * 4.0)
    assert written.colormap[1][:3] == (255, 0, 0)


def test_pixels_without_data_are_255(tmp_path, scene):
    fields = {"img_path": str(scene), "window": (0, 0, 2, 2), "valid_mask": {"data": torch.tensor([[[1, 0], [1, 1]]])}}
    path = PredictionWriter(tmp_path).write(sample([[1, 1], [2, 2]], **fields))
    written = Scene(path)
    np.testing.assert_array_equal(written.read()[..., 0], [[1, 255], [2, 2]])
    np.testing.assert_array_equal(written.read_valid(), [[1, 0], [1, 1]])


def test_an_image_that_is_no_window_becomes_a_palette_png(tmp_path):
    path = PredictionWriter(tmp_path, PALETTE).write(sample([[0, 1, 2]], img_path="Images/wh0001.jpg"))
    assert path == tmp_path / "wh0001.png"
    with Image.open(path) as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), [[0, 1, 2]])
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), [PALETTE])


def test_two_samples_of_one_name_are_refused(tmp_path):
    writer = PredictionWriter(tmp_path)
    writer.write(sample([[0]], img_path="north/tile.png"))
    writer.write(sample([[0]], img_path="north/tile.png"))
    with pytest.raises(InputError, match=r"both north/tile\.png and south/tile\.png"):
        writer.write(sample([[0]], img_path="south/tile.png"))
