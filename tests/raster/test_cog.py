from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import CogWriter, Georeference, RasterWriter, Scene, check_readable, cog_faults

PLACE = Georeference(CRS.from_epsg(32650), Affine(2.0, 0.0, 500_000.0, 0.0, -2.0, 4_000_000.0))
POSIX = pytest.mark.skipif(os.name != "posix", reason="file size limits are POSIX's")


def class_map(height=512, width=768) -> np.ndarray:
    """Fields of 16 pixels with noise, and a corner and some pixels without data."""
    generator = np.random.default_rng(0)
    labels = np.kron(generator.integers(0, 5, (height // 16, width // 16)), np.ones((16, 16))).astype(np.uint8)
    noisy = generator.random(labels.shape) < 0.3
    labels[noisy] = generator.integers(0, 5, noisy.sum())
    labels[generator.random(labels.shape) < 0.2] = 255
    labels[:101, :203] = 255
    return labels


def write(path, data, writer=CogWriter, **options):
    options = {"georeference": PLACE, "nodata": 255, "blocksize": 128} | options
    height, width = data.shape[:2]
    count = 1 if data.ndim == 2 else data.shape[2]
    with writer(path, height=height, width=width, count=count, dtype=data.dtype, **options) as out:
        for row in range(0, height, 128):
            out.write(data[row : row + 128], row)
    return path


def overview(path, level):
    with rasterio.open(path, overview_level=level) as dataset:
        return dataset.read(1)


def test_it_holds_what_was_written_and_is_cloud_optimized(tmp_path):
    labels = class_map()
    palette = [(10 * index, 0, 255) for index in range(5)]
    path = write(tmp_path / "a.tif", labels, palette=palette, descriptions=["class"], tags={"CLASS_0": "water"})
    assert cog_faults(path) == []
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(1), labels)
        assert (dataset.crs, dataset.transform, dataset.nodata) == (PLACE.crs, PLACE.transform, 255)
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.tags()["CLASS_0"] == "water"
        assert dataset.descriptions == ("class",)
        assert [dataset.colormap(1)[index][:3] for index in range(5)] == palette
        assert dataset.overviews(1) == [2, 4, 8]
    assert [file.name for file in tmp_path.iterdir()] == ["a.tif"]


def test_overviews_take_the_most_frequent_class_of_the_four_pixels_below(tmp_path):
    labels = class_map()
    path = write(tmp_path / "a.tif", labels)
    below = labels
    for level in range(3):
        above = overview(path, level)
        fours = below.reshape(above.shape[0], 2, above.shape[1], 2).transpose(0, 2, 1, 3).reshape(*above.shape, 4)
        counts = np.stack([(fours == number).sum(axis=2) for number in range(5)])
        empty = counts.sum(axis=0) == 0
        np.testing.assert_array_equal(above == 255, empty)
        chosen = np.take_along_axis(counts, np.where(empty, 0, above)[None].astype(int), 0)[0]
        np.testing.assert_array_equal(chosen, counts.max(axis=0))
        below = above


def test_averaged_overviews_of_scores(tmp_path):
    scores = np.random.default_rng(1).integers(0, 251, (512, 512), dtype=np.uint8)
    path = write(tmp_path / "a.tif", scores, overviews="average", scale=0.004)
    means = scores.reshape(256, 2, 256, 2).mean(axis=(1, 3))
    assert np.abs(overview(path, 0) - means).max() <= 0.5
    with rasterio.open(path) as dataset:
        assert dataset.scales == (0.004,)


def test_half_floats_of_several_bands(tmp_path):
    values = np.random.default_rng(2).random((300, 260, 3)).astype(np.float16)
    path = write(tmp_path / "a.tif", values, nodata=np.nan, overviews="average")
    assert cog_faults(path) == []
    np.testing.assert_array_equal(Scene(path).read(), values.astype(np.float32))


def test_half_floats_give_the_same_bytes_whatever_the_memory_held(tmp_path):
    values = np.random.default_rng(2).random((600, 530, 3)).astype(np.float16)
    files = set()
    for number in range(5):
        path = write(tmp_path / f"{number}.tif", values, nodata=np.nan, overviews="average")
        files.add(path.read_bytes())
        np.full((4, 600, 530, 3), number, np.float16)  # other values where the next one's memory will be
    assert len(files) == 1


@pytest.mark.parametrize("with_data", [True, False])
def test_what_is_not_written_takes_no_place(tmp_path, with_data):
    path = tmp_path / "a.tif"
    with CogWriter(path, height=6000, width=6000, count=1, dtype="uint8", nodata=255, sparse=True) as out:
        if with_data:
            out.write(np.full((128, 128), 3, np.uint8), 3072, 1024)
    assert path.stat().st_size < (100_000 if with_data else 300_000)  # GDAL refuses a file without any block
    assert cog_faults(path) == []
    check_readable(path)
    labels = Scene(path).read()[..., 0]
    assert np.count_nonzero(labels == 3) == with_data * 128 * 128
    assert np.count_nonzero(labels == 255) == labels.size - with_data * 128 * 128


def test_control_points_are_kept(tmp_path):
    points = (GroundControlPoint(0, 0, 10.0, 50.0), GroundControlPoint(0, 9, 11.0, 50.0), GroundControlPoint(9, 0, 10.0, 49.0))
    path = write(tmp_path / "a.tif", class_map(), georeference=Georeference(gcps=points, gcps_crs=CRS.from_epsg(4326)))
    found, crs = Scene(path).gcps
    assert crs.to_epsg() == 4326
    assert [(p.row, p.col, p.x, p.y) for p in found] == [(p.row, p.col, p.x, p.y) for p in points]


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"old")

    def fail_halfway():
        with CogWriter(path, height=64, width=64, count=1, dtype="uint8", nodata=255) as out:
            out.write(np.zeros((64, 64), np.uint8))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize("fault", [OSError("no space left"), None])
def test_a_failed_conversion_leaves_nothing(tmp_path, monkeypatch, fault):
    """GDAL fails with its overviews half made, or makes something else than what was asked for."""

    def copy(source, target, **options):
        target.with_name(target.name + ".ovr.tmp").write_bytes(b"half")
        target.write_bytes(source.read_bytes())
        if fault is not None:
            raise fault

    monkeypatch.setattr(rasterio.shutil, "copy", copy)
    labels = class_map(1024, 768)
    with pytest.raises(RasterError, match="no space left" if fault else "not come out as a cloud-optimized GeoTIFF"):
        write(tmp_path / "a.tif", labels)
    assert list(tmp_path.iterdir()) == []


@POSIX
def test_a_disk_that_fills_up_during_the_conversion_is_told(tmp_path):
    code = """
import resource, signal, sys
import numpy as np
from rs_da_mm.raster import CogWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
noise = np.random.default_rng(0).integers(0, 256, (700, 700), dtype=np.uint8)
resource.setrlimit(resource.RLIMIT_FSIZE, (560_000, 560_000))
try:
    with CogWriter(sys.argv[1], height=700, width=700, count=1, dtype="uint8") as out:
        out.write(noise)
except ValueError as error:
    print(type(error).__name__, error)
"""
    path = tmp_path / "a.tif"
    result = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=100)
    assert f"RasterError {path} could not be written" in result.stdout, result.stderr
    assert list(tmp_path.iterdir()) == []


def test_unknown_overviews_are_refused(tmp_path):
    with pytest.raises(RasterError, match="overviews is 'median'; it can be 'mode', 'average'"):
        CogWriter(tmp_path / "a.tif", height=1, width=1, count=1, dtype="uint8", overviews="median")


def test_the_plain_writer_makes_none(tmp_path):
    assert cog_faults(write(tmp_path / "a.tif", class_map(), writer=RasterWriter)) == ["it has no overviews"]
