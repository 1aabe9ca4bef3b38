from __future__ import annotations

import multiprocessing
import os
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Scene, Window, window_grid, write_raster

TRANSFORM = Affine(2.0, 0.0, 500_000.0, 0.0, -2.0, 4_000_000.0)
PLACE = {"crs": CRS.from_epsg(32650), "transform": TRANSFORM}

REPLACES_OPEN_FILES = pytest.mark.skipif(os.name == "nt", reason="Windows changes no file that is open")


@pytest.fixture
def scene_file(tmp_path, plainly, pixels):
    return plainly(tmp_path / "scene.tif", pixels, tiled=True, blockxsize=64, blockysize=64, compress="deflate", **PLACE)


def test_what_a_scene_tells(scene_file):
    scene = Scene(scene_file)
    assert (scene.shape, scene.height, scene.width, scene.count) == ((300, 200), 300, 200, 3)
    assert scene.dtype == np.uint8
    assert scene.crs.to_epsg() == 32650
    assert scene.transform == TRANSFORM
    assert scene.res == (2.0, 2.0)
    assert scene.bounds == (500_000.0, 4_000_000.0 - 600, 500_000.0 + 400, 4_000_000.0)
    assert scene.block_shape == (64, 64)
    assert scene.paths == (scene_file,)
    assert (scene.nodata, scene.gcps, scene.colormap) == (None, None, None)
    assert scene.descriptions == (None, None, None)
    assert repr(scene) == f"Scene({scene_file}, 300 x 200, 3 x uint8)"


def test_pixels_come_row_column_band_and_contiguous(scene_file, pixels):
    read = Scene(scene_file).read()
    np.testing.assert_array_equal(read, pixels)
    assert read.flags.c_contiguous


@pytest.mark.parametrize("window", [Window(0, 0, 64, 64), Window(33, 17, 100, 50), Window(299, 199, 1, 1)])
def test_a_window_is_what_rasterio_reads(scene_file, window):
    with rasterio.open(scene_file) as dataset:
        part = rasterio.windows.Window(window.col, window.row, window.width, window.height)
        expected = dataset.read(window=part).transpose(1, 2, 0)
    np.testing.assert_array_equal(Scene(scene_file).read(window), expected)


def test_beyond_the_edge_all_is_zero_and_not_valid(scene_file, pixels):
    window = Window(-10, 180, 330, 40)
    image, valid = Scene(scene_file).read_with_valid(window)
    expected = np.zeros((330, 40, 3), np.uint8)
    expected[10:310, :20] = pixels[:, 180:]
    np.testing.assert_array_equal(image, expected)
    np.testing.assert_array_equal(valid, expected[:, :, 0] > 0)
    assert image.flags.c_contiguous


def test_far_outside_there_is_nothing(scene_file):
    image, valid = Scene(scene_file).read_with_valid(Window(1000, 1000, 5, 5))
    assert image.shape == (5, 5, 3)
    assert not image.any()
    assert not valid.any()


def test_a_plain_tuple_is_a_window_too(scene_file, pixels):
    np.testing.assert_array_equal(Scene(scene_file).read((5, 6, 7, 8)), pixels[5:12, 6:14])


def test_a_window_of_nothing_is_refused(scene_file):
    with pytest.raises(RasterError, match="0 x 5 pixels"):
        Scene(scene_file).read(Window(0, 0, 0, 5))


@pytest.mark.parametrize("bands", [(3, 1), (2,), (1, 1, 3), (3, 2, 1)])
def test_any_bands_in_any_order(scene_file, pixels, bands):
    scene = Scene(scene_file, bands=bands)
    assert scene.count == len(bands)
    np.testing.assert_array_equal(scene.read(Window(5, 6, 20, 30)), pixels[5:25, 6:36, [band - 1 for band in bands]])


@pytest.mark.parametrize("band", [0, 4, -1])
def test_a_band_that_is_not_there_is_told(scene_file, band):
    with pytest.raises(RasterError, match=rf"scene\.tif has 3 bands, band {band} was asked for"):
        Scene(scene_file, bands=(1, band))


def test_several_files_are_one_scene(tmp_path, plainly, pixels):
    heights = np.linspace(-5, 90, 300 * 200, dtype=np.float32).reshape(300, 200)
    image = plainly(tmp_path / "image.tif", pixels, **PLACE)
    dsm = plainly(tmp_path / "dsm.tif", heights, **PLACE)
    scene = Scene([image, dsm])
    assert scene.count == 4
    assert scene.dtype == np.float32
    window = Window(10, 20, 30, 40)
    np.testing.assert_array_equal(scene.read(window)[:, :, :3], pixels[10:40, 20:60])
    np.testing.assert_array_equal(scene.read(window)[:, :, 3], heights[10:40, 20:60])
    mixed = Scene([image, dsm], bands=(4, 1, 3))
    np.testing.assert_array_equal(mixed.read(window)[:, :, 0], heights[10:40, 20:60])
    np.testing.assert_array_equal(mixed.read(window)[:, :, 1:], pixels[10:40, 20:60, [0, 2]])
    assert Scene([image, dsm], bands=(1, 2)).dtype == np.uint8


def test_a_file_with_bands_of_two_dtypes(tmp_path, plainly):
    small = plainly(tmp_path / "small.tif", np.full((4, 5), 7, np.uint8))
    large = plainly(tmp_path / "large.tif", np.full((4, 5), 700, np.int16))
    band = (
        '<VRTRasterBand dataType="{}" band="{}"><SimpleSource><SourceFilename>{}</SourceFilename></SimpleSource></VRTRasterBand>'
    )
    both = tmp_path / "both.vrt"
    both.write_text(
        '<VRTDataset rasterXSize="5" rasterYSize="4">'
        + band.format("Byte", 1, small)
        + band.format("Int16", 2, large)
        + "</VRTDataset>"
    )
    scene = Scene(both, bands=(2, 1))
    assert scene.dtype == np.int16
    np.testing.assert_array_equal(scene.read()[0, 0], [700, 7])


@pytest.mark.parametrize(
    ("shape", "place", "message"),
    [
        ((300, 199), PLACE, "300 x 199 pixels and .*image.tif 300 x 200"),
        ((300, 200), {**PLACE, "crs": CRS.from_epsg(32651)}, "CRS EPSG:32650 against EPSG:32651"),
        ((300, 200), {**PLACE, "transform": Affine(2.0, 0.0, 500_001.0, 0.0, -2.0, 4_000_000.0)}, "0.5 pixels apart"),
    ],
)
def test_files_that_do_not_fit_are_told(tmp_path, plainly, pixels, shape, place, message):
    image = plainly(tmp_path / "image.tif", pixels, **PLACE)
    other = plainly(tmp_path / "other.tif", np.ones(shape, np.uint8), **place)
    with pytest.raises(RasterError, match=message) as error:
        Scene([image, other])
    assert "image.tif" in str(error.value)
    assert "other.tif" in str(error.value)


def test_no_file_at_all():
    with pytest.raises(RasterError, match="list of files is empty"):
        Scene([])


@pytest.mark.parametrize("name", ["with spaces.tif", "Straße 北京.tif", "50% of it.tif", "a!b&c.tif", "x#y.tif"])
def test_paths_as_people_write_them(tmp_path, pixels, name):
    folder = tmp_path / "données d'été"
    write_raster(folder / name, pixels)
    np.testing.assert_array_equal(Scene(str(folder / name)).read(), pixels)


@pytest.mark.parametrize(("name", "driver"), [("photo.jpg", "JPEG"), ("photo.png", "PNG")])
def test_photographs_have_no_place_and_make_no_noise(tmp_path, plainly, pixels, name, driver):
    path = plainly(tmp_path / name, pixels, driver=driver)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scene = Scene(path)
        read = scene.read(Window(0, 0, 10, 10))
    assert scene.crs is None
    assert scene.transform == Affine.identity()
    assert scene.georeference().is_empty
    assert read.shape == (10, 10, 3)


def test_a_scene_with_control_points_only(tmp_path, plainly, pixels):
    points = [
        GroundControlPoint(0, 0, 10.0, 50.0),
        GroundControlPoint(0, 200, 11.0, 50.1),
        GroundControlPoint(300, 0, 10.1, 49.0),
        GroundControlPoint(300, 200, 11.1, 49.1),
    ]
    path = plainly(tmp_path / "gcps.tif", pixels, gcps=points, crs=CRS.from_epsg(4326))
    scene = Scene(path)
    assert scene.crs is None
    found, crs = scene.gcps
    assert crs.to_epsg() == 4326
    assert [(p.row, p.col, p.x, p.y) for p in found] == [(p.row, p.col, p.x, p.y) for p in points]


def test_a_palette_is_read_as_indices_with_its_colours(tmp_path, pixels):
    write_raster(tmp_path / "labels.tif", pixels[:, :, 0] % 3, palette=[(0, 0, 0), (255, 0, 0), (0, 255, 0)])
    scene = Scene(tmp_path / "labels.tif")
    assert scene.read().max() == 2
    assert scene.colormap[1] == (255, 0, 0, 255)


def test_descriptions_and_nodata_follow_the_selected_bands(tmp_path, pixels):
    write_raster(tmp_path / "named.tif", pixels, descriptions=["red", None, "blue"], nodata=0)
    scene = Scene(tmp_path / "named.tif", bands=(3, 2))
    assert scene.descriptions == ("blue", None)
    assert scene.nodata == 0
    assert Scene(tmp_path / "named.tif", nodata=9).nodata == 9


def test_a_profile_writes_a_raster_alike(scene_file, tmp_path, pixels):
    scene = Scene(scene_file)
    profile = scene.profile_like()
    for name in ("height", "width", "count", "dtype"):
        profile.pop(name)
    write_raster(tmp_path / "copy.tif", pixels, **profile)
    copy = Scene(tmp_path / "copy.tif")
    assert (copy.crs, copy.transform, copy.nodata) == (scene.crs, scene.transform, scene.nodata)


@REPLACES_OPEN_FILES
def test_a_truncated_file_tells_file_and_window_and_still_gives_the_rest(tmp_path, plainly, pixels):
    path = plainly(tmp_path / "cut.tif", pixels, blockysize=10)
    scene = Scene(path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size // 2)
    np.testing.assert_array_equal(Scene(path).read(Window(0, 0, 50, 200)), pixels[:50])
    with pytest.raises(RasterError, match=r"cut\.tif: rows 250\.\.299, columns 0\.\.199 cannot be read") as error:
        scene.read(Window(250, 0, 50, 200))
    assert "copy it again" in str(error.value)


@REPLACES_OPEN_FILES
def test_a_file_replaced_by_one_of_another_size_is_told(tmp_path, plainly, pixels):
    path = plainly(tmp_path / "scene.tif", pixels)
    scene = Scene(path)
    plainly(path, pixels[:100])
    with pytest.raises(RasterError, match="replaced while in use: it had 300 x 200"):
        scene.read(Window(0, 0, 10, 10))


def test_numbers_only(tmp_path, plainly):
    values = np.array([[1.5, np.nan], [np.inf, -2.0]], np.float32)
    scene = Scene(plainly(tmp_path / "dsm.tif", values))
    image, valid = scene.read_with_valid()
    np.testing.assert_array_equal(image[:, :, 0], [[1.5, 0], [0, -2.0]])
    np.testing.assert_array_equal(valid, [[1, 0], [0, 1]])
    np.testing.assert_array_equal(scene.read(), image)
    np.testing.assert_array_equal(scene.read_valid(), valid)


def test_a_scene_is_pickled_without_its_handles(scene_file, pixels):
    scene = Scene(scene_file, bands=(2,))
    scene.read(Window(0, 0, 5, 5))
    stored = pickle.dumps(scene)
    np.testing.assert_array_equal(pickle.loads(stored).read(), pixels[:, :, [1]])


@pytest.mark.parametrize("method", [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()])
def test_worker_processes_read_the_same(scene_file, pixels, method):
    scene = Scene(scene_file)
    windows = window_grid(300, 200, 50)
    scene.read(windows[0])  # the handle that a forked worker must not touch
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads, which torch brings along
        with multiprocessing.get_context(method).Pool(1) as pool:
            results = [pool.apply_async(Scene.read, (scene, window)) for window in windows]
            for window, result in zip(windows, results, strict=True):
                expected = pixels[window.row : window.row + 50, window.col : window.col + 50]
                np.testing.assert_array_equal(result.get(timeout=100), expected)
    np.testing.assert_array_equal(scene.read(), pixels)


def test_threads_read_the_same(scene_file, pixels):
    scene = Scene(scene_file)
    windows = window_grid(300, 200, 40, stride=20, edge="shift") * 3
    with ThreadPoolExecutor(8) as threads:
        for window, read in zip(windows, threads.map(scene.read, windows), strict=True):
            np.testing.assert_array_equal(read, pixels[window.row : window.row + 40, window.col : window.col + 40])
