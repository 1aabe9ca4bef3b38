from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from rs_da_mm import partial_files
from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Georeference, RasterWriter, Scene, Window, check_readable, window_grid, write_raster
from rs_da_mm.raster.handles import open_fresh

UTM = CRS.from_epsg(32650)
GRID = Affine(2.0, 0.0, 500_000.0, 0.0, -2.0, 4_000_000.0)
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and file size limits are POSIX's")

WRITE_AND_DIE = """
import sys
import numpy as np
from rs_da_mm.raster import write_raster, RasterWriter
pixels = np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)
"""


def names(folder: Path) -> list[str]:
    """The files in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python code that has the room imported and some incompressible pixels made."""
    return subprocess.run([sys.executable, "-c", WRITE_AND_DIE + code, *arguments], capture_output=True, text=True, timeout=100)


@pytest.fixture(autouse=True)
def _forget_swept_folders(monkeypatch):
    monkeypatch.setattr(partial_files, "_swept", set())


def test_a_raster_says_what_it_was_told(tmp_path, pixels):
    path = tmp_path / "new folder" / "a.tif"
    write_raster(
        path,
        pixels,
        georeference=Georeference(UTM, GRID),
        nodata=0,
        descriptions=["red", "green", "blue"],
        tags={"model": "MACU-Net", "epochs": 3},
        blocksize=64,
    )
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read().transpose(1, 2, 0), pixels)
        assert (dataset.crs, dataset.transform, dataset.nodata) == (UTM, GRID, 0)
        assert dataset.descriptions == ("red", "green", "blue")
        assert dataset.tags()["model"] == "MACU-Net"
        assert dataset.tags()["epochs"] == "3"
        assert dataset.block_shapes[0] == (64, 64)
        assert dataset.compression.value == "DEFLATE"
        assert dataset.interleaving.value == "PIXEL"
    assert names(path.parent) == ["a.tif"]


def test_control_points_are_kept(tmp_path, pixels):
    points = (GroundControlPoint(0, 0, 10.0, 50.0), GroundControlPoint(0, 9, 11.0, 50.0), GroundControlPoint(9, 0, 10.0, 49.0))
    write_raster(tmp_path / "a.tif", pixels, georeference=Georeference(gcps=points, gcps_crs=CRS.from_epsg(4326)))
    found, crs = Scene(tmp_path / "a.tif").gcps
    assert crs.to_epsg() == 4326
    assert [(p.row, p.col, p.x, p.y) for p in found] == [(p.row, p.col, p.x, p.y) for p in points]


def test_a_place_goes_from_scene_to_scene(tmp_path, plainly, pixels):
    source = Scene(plainly(tmp_path / "a.tif", pixels, crs=UTM, transform=GRID))
    write_raster(tmp_path / "b.tif", pixels[:, :, 0], georeference=source.georeference())
    assert Scene(tmp_path / "b.tif").georeference() == source.georeference()


def test_a_palette_is_kept(tmp_path, pixels):
    palette = [(0, 0, 0), (255, 0, 0), (1, 2, 3)]
    write_raster(tmp_path / "a.tif", pixels[:, :, 0] % 3, palette=palette)
    with open_fresh(tmp_path / "a.tif") as dataset:
        assert [dataset.colormap(1)[index][:3] for index in range(3)] == palette


def test_four_bytes_a_pixel_have_no_alpha(tmp_path, pixels):
    """GDAL would mark the fourth of four uint8 bands as alpha, and the near infrared would become a mask."""
    image = np.dstack([pixels, np.zeros_like(pixels[:, :, 0])])
    write_raster(tmp_path / "nrgb.tif", image)
    scene = Scene(tmp_path / "nrgb.tif")
    assert scene.count == 4
    assert scene.read_valid().all()


@pytest.mark.parametrize("compress", ["deflate", "zstd", "lzw", "none"])
@pytest.mark.parametrize(
    "dtype",
    ["uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "uint64", "float32", "float64", "complex64", ">u2", ">f4"],
)
def test_every_dtype_and_compression_reads_as_written(tmp_path, dtype, compress):
    values = np.random.default_rng(0).normal(0, 40, (70, 90, 2)).astype(dtype)
    write_raster(tmp_path / "a.tif", values, compress=compress, blocksize=32, threads=2)
    read = Scene(tmp_path / "a.tif").read()
    assert read.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (300, 5), (255, 255), (256, 256)])
@pytest.mark.parametrize("tiled", [True, False])
def test_every_size_reads_as_written(tmp_path, size, tiled):
    values = np.arange(size[0] * size[1], dtype=np.int32).reshape(size)
    write_raster(tmp_path / "a.tif", values, tiled=tiled)
    np.testing.assert_array_equal(Scene(tmp_path / "a.tif").read()[:, :, 0], values)


def test_pixels_of_zeros_and_nodata_are_written_too(tmp_path):
    write_raster(tmp_path / "a.tif", np.zeros((600, 600), np.uint8), nodata=0, blocksize=64)
    with open_fresh(tmp_path / "a.tif") as dataset:
        assert dataset.get_tag_item("BLOCK_OFFSET_9_9", "TIFF", bidx=1) is not None


@given(height=st.integers(1, 80), width=st.integers(1, 80), size=st.integers(8, 40), stride=st.integers(5, 40))
@settings(max_examples=20, deadline=None)
def test_windows_that_overlap_make_a_whole(tmp_path_factory, height, width, size, stride):
    path = tmp_path_factory.mktemp("overlap") / "a.tif"
    values = np.random.default_rng(1).integers(0, 99, (height, width), dtype=np.uint8)
    with RasterWriter(path, height=height, width=width, count=1, dtype="uint8", fill=99, blocksize=16, compress="none") as writer:
        written = np.zeros((height, width), bool)
        for row, col, rows, cols in window_grid(height, width, size, stride):
            writer.write(values[row : row + rows, col : col + cols], row, col)
            written[row : row + rows, col : col + cols] = True
    np.testing.assert_array_equal(Scene(path).read()[:, :, 0], np.where(written, values, 99))


def test_pixels_that_were_never_written_are_an_error(tmp_path):
    writer = RasterWriter(tmp_path / "a.tif", height=100, width=100, count=1, dtype="uint8", nodata=0)
    writer.write(np.ones((40, 100), np.uint8))
    writer.write(np.ones((50, 100), np.uint8), row=50)
    with pytest.raises(RasterError, match=r"a\.tif: rows 40\.\.49, columns 0\.\.99 were never written.* fill="):
        writer.close()
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (np.ones((5, 5), np.uint8), (0, 0), r"shape \(5, 5\) was given; \(rows, columns, 2\)"),
        (np.ones((5, 5, 3), np.uint8), (0, 0), r"shape \(5, 5, 3\) was given"),
        (np.ones((0, 5, 2), np.uint8), (0, 0), r"shape \(0, 5, 2\) was given"),
        (np.ones((5, 5, 2), np.int64), (0, 0), "int64 values were given for a raster of uint8"),
        (np.ones((5, 5, 2), np.uint8), (6, 0), r"rows 6\.\.10, columns 0\.\.4 reach beyond the raster's 10 x 10"),
        (np.ones((5, 5, 2), np.uint8), (0, -1), "reach beyond"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, data, place, message):
    writer = RasterWriter(tmp_path / "a.tif", height=10, width=10, count=2, dtype=np.uint8)
    with pytest.raises(RasterError, match=message), writer:
        writer.write(data, *place)
    assert names(tmp_path) == []


@pytest.mark.parametrize("shape", [(5,), (5, 5, 2, 2)])
def test_what_is_no_image_is_told(tmp_path, shape):
    with pytest.raises(RasterError, match="an array of shape"):
        write_raster(tmp_path / "a.tif", np.ones(shape, np.uint8))


def test_an_unknown_suffix_is_told(tmp_path, pixels):
    with pytest.raises(RasterError, match=r"a\.img: rasters are written by window as GeoTIFF"):
        write_raster(tmp_path / "a.img", pixels)


def test_a_closed_writer_writes_no_more(tmp_path):
    writer = RasterWriter(tmp_path / "a.tif", height=2, width=2, count=1, dtype="uint8")
    writer.write(np.ones((2, 2), np.uint8))
    writer.close()
    writer.close()
    with pytest.raises(RasterError, match="writer is closed"):
        writer.write(np.ones((2, 2), np.uint8))
    assert Scene(tmp_path / "a.tif").read().all()


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, pixels):
    path = tmp_path / "a.tif"
    write_raster(path, pixels)
    before = path.read_bytes()

    def interrupted() -> None:
        with RasterWriter(path, height=300, width=200, count=3, dtype="uint8") as writer:
            writer.write(pixels)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == before
    assert names(tmp_path) == ["a.tif"]


def test_nothing_shows_before_the_end(tmp_path, pixels):
    path = tmp_path / "a.tif"
    with RasterWriter(path, height=300, width=200, count=3, dtype="uint8") as writer:
        writer.write(pixels)
        assert not path.exists()
        (hidden,) = names(tmp_path)
        assert hidden.startswith(f".a.tif.partial-{os.getpid()}-")
    assert names(tmp_path) == ["a.tif"]


def test_a_scene_in_use_reads_the_new_file(tmp_path, pixels):
    path = tmp_path / "a.tif"
    write_raster(path, pixels)
    scene = Scene(path)
    scene.read()
    write_raster(path, pixels[::-1])
    np.testing.assert_array_equal(scene.read(), pixels[::-1])


def test_a_folder_that_is_a_file_is_told(tmp_path, pixels):
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(RasterError, match=r"a\.tif could not be written"):
        write_raster(tmp_path / "folder" / "a.tif", pixels)


def test_values_that_come_back_changed_are_an_error(tmp_path, pixels, monkeypatch):
    monkeypatch.setattr("rs_da_mm.raster.ledger.checksum", lambda values: 0)
    with pytest.raises(
        RasterError, match=r"a\.tif could not be written: rows 0\.\.255, columns 0\.\.199 do not read as they were"
    ):
        write_raster(tmp_path / "a.tif", pixels)
    assert names(tmp_path) == []


@POSIX
def test_a_limit_on_the_size_of_files_is_told(tmp_path):
    """Stands for a full disk: the system refuses to make the file longer."""
    path = tmp_path / "a.tif"
    write_raster(path, np.ones((9, 9), np.uint8))
    before = path.read_bytes()
    result = run(
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))\n"
        "for options in ({}, {'threads': 2}, {'compress': 'none', 'tiled': False}):\n"
        "    try:\n"
        "        write_raster(sys.argv[1], pixels, **options)\n"
        "    except ValueError as error:\n"
        "        print(type(error).__name__, error)\n",
        str(path),
    )
    assert result.stdout.count(f"RasterError {path} could not be written") == 3, result.stderr
    assert path.read_bytes() == before
    assert names(tmp_path) == ["a.tif"]


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    made = sys.platform == "linux" and os.geteuid() == 0
    if (
        not made
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500k", "tmpfs", str(folder)], capture_output=True).returncode
    ):
        pytest.skip("mounting a small disk takes root on Linux")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("options", [{}, {"threads": 2}, {"compress": "none", "tiled": False}])
@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
def test_a_full_disk_is_told(small_disk, name, options):
    path = small_disk / name
    write_raster(path, np.ones((9, 9), np.uint8))
    before = path.read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3), dtype=np.uint8)
    with pytest.raises(RasterError, match=rf"{name} could not be written: .* MB are free in .*disk\."):
        write_raster(path, noise, **(options if name == "a.tif" else {}))
    assert path.read_bytes() == before
    assert names(small_disk) == [name]


def test_a_disk_that_fills_up_at_the_very_end_is_told(small_disk):
    """All blocks wait in GDAL's cache until the file is closed."""
    (small_disk / "ballast").write_bytes(bytes(300_000))
    values = np.random.default_rng(0).integers(0, 256, (700, 700), dtype=np.uint8)
    with pytest.raises(RasterError, match="could not be written"):
        write_raster(small_disk / "a.tif", values, compress="none")
    assert names(small_disk) == ["ballast"]


@POSIX
def test_a_killed_writer_leaves_the_old_file_and_the_next_one_cleans_up(tmp_path, plainly, pixels):
    path = plainly(tmp_path / "a.tif", pixels)
    before = path.read_bytes()
    result = run(
        "import os, signal\n"
        "writer = RasterWriter(sys.argv[1], height=600, width=600, count=3, dtype='uint8')\n"
        "writer.write(pixels[:300])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n",
        str(path),
    )
    assert result.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    left = names(tmp_path)
    assert len(left) == 2
    assert left[0].startswith(".a.tif.partial-")
    write_raster(path, pixels[::-1])
    assert names(tmp_path) == ["a.tif"]
    np.testing.assert_array_equal(Scene(path).read(), pixels[::-1])


def test_half_floats_take_16_bits(tmp_path):
    values = np.random.default_rng(0).standard_normal((300, 300)).astype(np.float16)
    values[0, 0] = np.nan
    write_raster(tmp_path / "a.tif", values, compress="none", nodata=np.nan)
    assert (tmp_path / "a.tif").stat().st_size < 4 * 256 * 256 * 2 + 2000
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert dataset.dtypes == ("float32",)
        np.testing.assert_array_equal(dataset.read(1), values.astype(np.float32))


def test_half_floats_that_were_not_written_are_filled(tmp_path):
    with RasterWriter(tmp_path / "a.tif", height=3, width=3, count=1, dtype="float16", fill=0.1) as writer:
        writer.write(np.ones((1, 3), np.float16))
    assert (Scene(tmp_path / "a.tif").read()[1:] == np.float16(0.1)).all()


def test_a_scale_is_told_to_readers(tmp_path, pixels):
    write_raster(tmp_path / "a.tif", pixels, scale=0.004)
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert dataset.scales == (0.004,) * 3
    with pytest.raises(RasterError, match="PNG has no place for scale"):
        write_raster(tmp_path / "a.png", pixels, scale=0.004)


def test_a_sparse_raster_holds_only_what_was_written(tmp_path):
    path = tmp_path / "a.tif"
    with RasterWriter(path, height=20_000, width=20_000, count=1, dtype="uint8", nodata=255, sparse=True) as writer:
        writer.write(np.full((256, 512), 7, np.uint8), 512, 1024)
        writer.write(np.full((256, 512), 255, np.uint8), 9984, 1024)
    assert path.stat().st_size < 200_000
    scene = Scene(path)
    assert (scene.read(Window(512, 1024, 256, 512)) == 7).all()
    assert scene.read_valid(Window(500, 1000, 300, 600)).sum() == 256 * 512
    assert not scene.read_valid(Window(9984, 1024, 256, 512)).any()


def test_a_sparse_raster_of_nothing_can_be_read(tmp_path):
    with RasterWriter(tmp_path / "a.tif", height=900, width=900, count=1, dtype="uint8", nodata=255, sparse=True):
        pass
    assert (Scene(tmp_path / "a.tif").read() == 255).all()
    check_readable(tmp_path / "a.tif")


def test_a_sparse_raster_needs_a_nodata_value(tmp_path):
    with pytest.raises(RasterError, match="a sparse raster needs a nodata value"):
        RasterWriter(tmp_path / "a.tif", height=9, width=9, count=1, dtype="uint8", sparse=True)
