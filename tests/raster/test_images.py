from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from affine import Affine

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Georeference, Scene, write_raster


def names(folder: Path) -> list[str]:
    """The files in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def photo() -> np.ndarray:
    """Soft colours, which JPEG keeps nearly as they are."""
    rows, cols = np.meshgrid(np.linspace(0, 200, 64), np.linspace(0, 200, 80), indexing="ij")
    return np.stack([rows, cols, (rows + cols) / 2], axis=2).astype(np.uint8)


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_png_reads_as_written(tmp_path, bands, dtype):
    values = np.random.default_rng(0).integers(1, np.iinfo(dtype).max, (30, 40, bands)).astype(dtype)
    write_raster(tmp_path / "a.png", values)
    np.testing.assert_array_equal(Scene(tmp_path / "a.png", alpha=False).read(), values)
    assert names(tmp_path) == ["a.png"]


def test_a_png_keeps_a_palette(tmp_path):
    labels = (np.arange(12).reshape(3, 4) % 3).astype(np.uint8)
    write_raster(tmp_path / "a.png", labels, palette=[(0, 0, 255), (255, 0, 0), (0, 255, 0)])
    scene = Scene(tmp_path / "a.png")
    np.testing.assert_array_equal(scene.read()[:, :, 0], labels)
    assert [scene.colormap[index][:3] for index in range(3)] == [(0, 0, 255), (255, 0, 0), (0, 255, 0)]
    assert names(tmp_path) == ["a.png"]


def test_a_png_keeps_nodata(tmp_path, photo):
    photo[3, 3] = 0
    write_raster(tmp_path / "a.png", photo[:, :, 0], nodata=photo[3, 3, 0])
    assert names(tmp_path) == ["a.png"]
    assert Scene(tmp_path / "a.png").read_valid()[3, 3] == 0


def test_a_jpeg_is_nearly_as_written_and_quality_counts(tmp_path, photo):
    write_raster(tmp_path / "fine.jpg", photo)
    write_raster(tmp_path / "coarse.JPEG", photo, quality=5)
    fine, coarse = (Scene(tmp_path / name).read().astype(int) for name in ("fine.jpg", "coarse.JPEG"))
    assert np.abs(fine - photo).mean() < 2
    assert np.abs(coarse - photo).mean() > np.abs(fine - photo).mean()
    assert (tmp_path / "coarse.JPEG").stat().st_size < (tmp_path / "fine.jpg").stat().st_size
    assert names(tmp_path) == ["coarse.JPEG", "fine.jpg"]


def test_a_gray_jpeg(tmp_path, photo):
    write_raster(tmp_path / "a.jpg", photo[:, :, 0])
    assert Scene(tmp_path / "a.jpg").count == 1


@pytest.mark.parametrize(
    ("name", "shape", "dtype", "message"),
    [
        ("a.jpg", (4, 4, 4), np.uint8, "JPEG holds 1 or 3 bands of uint8, not 4 of uint8"),
        ("a.jpg", (4, 4, 3), np.uint16, "JPEG holds 1 or 3 bands of uint8, not 3 of uint16"),
        ("a.png", (4, 4, 5), np.uint8, "PNG holds 1 or 2 or 3 or 4 bands"),
        ("a.png", (4, 4), np.float32, "not 1 of float32; write a .tif"),
    ],
)
def test_what_a_format_does_not_hold_is_told(tmp_path, name, shape, dtype, message):
    with pytest.raises(RasterError, match=message):
        write_raster(tmp_path / name, np.zeros(shape, dtype))
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.png", {"georeference": Georeference(transform=Affine.scale(2))}, "PNG has no place for georeference"),
        ("a.png", {"tags": {"a": 1}}, "PNG has no place for tags"),
        ("a.jpg", {"nodata": 0}, "JPEG has no place for nodata"),
        ("a.jpg", {"palette": [(0, 0, 0)]}, "JPEG has no place for palette"),
        ("a.jpg", {"quality": 0}, "quality is 0"),
    ],
)
def test_what_would_be_lost_is_refused(tmp_path, name, options, message):
    with pytest.raises(RasterError, match=message):
        write_raster(tmp_path / name, np.zeros((4, 4), np.uint8), **options)


def test_no_georeference_is_nothing_to_lose(tmp_path, photo):
    write_raster(tmp_path / "a.png", photo, georeference=Georeference())
    assert Scene(tmp_path / "a.png").shape == (64, 80)
