from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import Resampling

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Scene, Window
from rs_da_mm.raster.handles import quiet

UTM = CRS.from_epsg(32650)
FINE = (120, 84)


def place(pixel, down=0.0, right=0.0):
    """A grid of square pixels of some metres, moved by some metres."""
    return {"crs": UTM, "transform": Affine(pixel, 0.0, 500_000.0 + right, 0.0, -pixel, 4_000_000.0 - down)}


def noise(shape, dtype=np.uint16, seed=0):
    return np.random.default_rng(seed).integers(1, 4000, shape).astype(dtype)


def points(pixel):
    """Control points of a scene of 1200 x 840 metres."""
    corners = [(0, 0), (0, 840), (1200, 0), (1200, 840)]
    return [GroundControlPoint(y / pixel, x / pixel, 10 + x / 1e4, 50 - y / 1e4 + x / 1e6) for y, x in corners]


@pytest.fixture
def sentinel(tmp_path, plainly):
    """Bands of 10, 20 and 60 metres."""
    tiled = {"tiled": True, "blockxsize": 32, "blockysize": 32}
    return [
        plainly(tmp_path / "b20.tif", noise((60, 42, 2), seed=1), **place(20), **tiled),
        plainly(tmp_path / "b10.tif", noise((*FINE, 2), seed=2), **place(10), **tiled),
        plainly(tmp_path / "b60.tif", noise((20, 14), seed=3), **place(60)),
    ]


def gdal(path, method, size=FINE):
    """A whole file read larger by GDAL itself."""
    with quiet(), rasterio.open(path) as dataset:
        return np.moveaxis(dataset.read(out_shape=(dataset.count, *size), resampling=Resampling[method]), 0, 2)


def test_files_of_different_pixel_size_are_refused_unless_told(sentinel):
    with pytest.raises(RasterError, match=r"must be of one size, or be resampled to the finest"):
        Scene(sentinel)
    with pytest.raises(RasterError, match=r"b20\.tif and 2 more: resampling is 'best'"):
        Scene(sentinel, resample="best")


@pytest.mark.parametrize("method", ["nearest", "bilinear", "cubic"])
def test_coarser_files_are_read_at_the_finest_pixel_size(sentinel, method):
    scene = Scene(sentinel, resample=method)
    assert (scene.shape, scene.count, scene.dtype) == (FINE, 5, np.uint16)
    assert (scene.crs, scene.transform, scene.res) == (UTM, place(10)["transform"], (10, 10))
    pixels, valid = scene.read_with_valid()
    assert valid.all()
    np.testing.assert_array_equal(pixels[:, :, 2:4], gdal(sentinel[1], "nearest"))
    for bands, path, rim in ((np.s_[0:2], sentinel[0], 4), (np.s_[4:], sentinel[2], 12)):
        rim = 0 if method != "cubic" else rim  # beyond the edge, GDAL's cubic kernel is cut, ours sees the edge go on
        inner = np.s_[rim : FINE[0] - rim, rim : FINE[1] - rim]
        difference = pixels[:, :, bands].astype(int) - gdal(path, method)
        assert abs(difference[inner]).max() <= (method != "nearest")


def test_bands_are_chosen_over_all_files(sentinel):
    every = Scene(sentinel, resample="bilinear").read()
    chosen = Scene(sentinel, bands=(5, 2, 3), resample="bilinear")
    np.testing.assert_array_equal(chosen.read(Window(7, 11, 50, 40)), every[7:57, 11:51, [4, 1, 2]])
    coarse = Scene(sentinel, bands=(5, 2), resample="bilinear")  # the file of 10 metres is not used
    assert coarse.shape == (60, 42)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_windows_that_share_a_pixel_give_it_the_same_bits(tmp_path_factory, plainly, data):
    folder = tmp_path_factory.mktemp("seams")
    shape = data.draw(st.sampled_from([(20, 14), (21, 15), (40, 28)]))
    pixel = 1200 / shape[0]
    dtype, nodata = data.draw(st.sampled_from([(np.uint8, 0), (np.uint16, None), (np.float32, np.nan), (np.float32, -9999)]))
    coarse = noise((*shape, 2), seed=data.draw(st.integers(0, 9))).astype(dtype)
    if nodata is not None:
        coarse[np.random.default_rng(data.draw(st.integers(0, 9))).random(shape) < 0.2] = nodata
    shift = data.draw(st.floats(-0.4, 0.4)) * pixel if shape == (20, 14) else 0.0
    files = [
        plainly(folder / "coarse.tif", coarse, nodata=nodata, **place(pixel, shift, -shift)),
        plainly(folder / "fine.tif", noise((*FINE, 1), np.uint8), **place(10)),
    ]
    scene = Scene(files, resample=data.draw(st.sampled_from(["nearest", "bilinear", "cubic"])))
    pixels, valid = scene.read_with_valid()
    for _ in range(4):
        row, col = data.draw(st.integers(-10, 119)), data.draw(st.integers(-10, 83))
        window = Window(row, col, data.draw(st.integers(1, 130)), data.draw(st.integers(1, 94)))
        top, left, bottom, right = max(row, 0), max(col, 0), min(row + window.height, 120), min(col + window.width, 84)
        if bottom <= top or right <= left:
            continue
        inside = np.s_[top - row : bottom - row, left - col : right - col]
        read, said = scene.read_with_valid(window)
        assert read[inside].tobytes() == pixels[top:bottom, left:right].tobytes()
        np.testing.assert_array_equal(said[inside], valid[top:bottom, left:right])
        np.testing.assert_array_equal(scene.read(window), read)
        np.testing.assert_array_equal(scene.read_valid(window), said)
        assert said.sum() == said[inside].sum()


@pytest.mark.parametrize("method", ["nearest", "bilinear", "cubic"])
def test_what_holds_no_data_is_neither_mixed_in_nor_lost(tmp_path, plainly, method):
    heights = np.full((20, 14), 50.0, np.float32)
    heights[5:9, 4:6] = -9999
    heights[15, 3] = np.nan
    files = [
        plainly(tmp_path / "image.tif", noise((*FINE, 1)), **place(10)),
        plainly(tmp_path / "dsm.tif", heights, nodata=-9999, **place(60)),
    ]
    pixels, valid = Scene(files, resample=method).read_with_valid()
    empty = np.repeat(np.repeat((heights == -9999) | np.isnan(heights), 6, 0), 6, 1)
    np.testing.assert_array_equal(valid, ~empty)
    np.testing.assert_allclose(pixels[:, :, 1][~empty], 50)
    assert set(pixels[:, :, 1][empty]) == {-9999, 0}  # as stored, and what is no number is 0


@pytest.mark.parametrize("internal", [True, False])
def test_masks_of_coarser_files_go_by_the_nearest_pixel(tmp_path, plainly, internal):
    mask = np.full((20, 14), 255, np.uint8)
    mask[3:7, 2:9] = 0
    fine_mask = np.full(FINE, 255, np.uint8)
    fine_mask[-3:] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        files = [
            plainly(tmp_path / "fine.tif", noise((*FINE, 1)), mask=fine_mask, **place(10)),
            plainly(tmp_path / "coarse.tif", noise((20, 14)), mask=mask, **place(60)),
        ]
    assert (tmp_path / "coarse.tif.msk").exists() is not internal
    expected = (np.repeat(np.repeat(mask, 6, 0), 6, 1) & fine_mask) > 0
    scene = Scene(files, resample="bilinear")
    np.testing.assert_array_equal(scene.read_valid(), expected)
    np.testing.assert_array_equal(scene.read_with_valid(Window(10, 5, 90, 70))[1], expected[10:100, 5:75])


@pytest.mark.parametrize(("size", "pixel"), [((20, 14), 60), (FINE, 10), ((240, 168), 5)])
def test_the_scenes_mask_may_be_of_any_pixel_size(sentinel, tmp_path, plainly, size, pixel):
    said = (noise(size) % 3 > 0).astype(np.uint8)
    for georeference in ({}, place(pixel)):
        mask = plainly(tmp_path / "mask.tif", said, **georeference)
        scene = Scene(sentinel, mask=mask, resample="cubic")
        rows, cols = ((np.arange(length) + 0.5) * new / length for length, new in zip(FINE, size, strict=True))
        np.testing.assert_array_equal(scene.read_valid(), said[np.ix_(rows.astype(int), cols.astype(int))])


def test_a_grid_may_begin_half_a_coarse_pixel_off(tmp_path, plainly):
    """Landsat's panchromatic pixels of 15 m begin 7.5 m inside of those of 30 m, and end 7.5 m inside."""
    ramp = np.arange(30, dtype=np.float32)[np.newaxis] * 30 + np.zeros((40, 1), np.float32)
    files = [
        plainly(tmp_path / "b8.tif", noise((79, 59)), **place(15, 7.5, 7.5)),
        plainly(tmp_path / "b4.tif", ramp, **place(30)),
    ]
    scene = Scene(files, resample="bilinear")
    assert scene.transform == place(15, 7.5, 7.5)["transform"]
    np.testing.assert_allclose(scene.read()[5, :, 1], np.arange(59) * 15.0)  # centres at 15, 30, 45, … metres


def test_two_grids_of_one_size_may_lie_apart(tmp_path, plainly):
    ramp = np.arange(30, dtype=np.float32)[np.newaxis] + np.zeros((20, 1), np.float32)
    files = [plainly(tmp_path / "a.tif", ramp, **place(10)), plainly(tmp_path / "b.tif", ramp, **place(10, 0, -4.0))]
    np.testing.assert_allclose(Scene(files, resample="bilinear").read()[3, 1:-1, 1], np.arange(1, 29) + 0.4, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "where", "message"),
    [
        ((20, 14), place(60, 31), r"coarse\.tif cannot be resampled to the pixels of .*fine\.tif: .* 0\.517 pixels of it apart"),
        ((20, 14), place(60, 0, 3000), r"50 pixels of it apart, half a pixel is allowed"),
        ((19, 14), place(60), r"their edges lie 1 pixels of it apart"),
        ((20, 14), {**place(60), "crs": CRS.from_epsg(32651)}, r"CRS EPSG:32650 against EPSG:32651"),
        (
            (20, 14),
            {"crs": UTM, "transform": Affine(60.0, 0.5, 500_000.0, 0.5, -60.0, 4_000_000.0)},
            r"their grids are turned against each other",
        ),
        ((20, 14), {"crs": UTM, "gcps": points(60)}, r"one lies by an affine grid, the other by ground control points"),
        ((20, 13), {}, r"20 x 13 pixels are not of the shape of 120 x 84"),
        ((20, 14), {**place(60), "transform": Affine(60, 0, 5e5, 0, 60, 4e6 - 1200)}, r"pixels of it apart"),  # upside down
    ],
)
def test_files_that_do_not_cover_the_same_ground_are_told(tmp_path, plainly, shape, where, message):
    files = [
        plainly(tmp_path / "fine.tif", noise((*FINE, 1)), **place(10)),
        plainly(tmp_path / "coarse.tif", noise(shape), **where),
    ]
    with pytest.raises(RasterError, match=message):
        Scene(files, resample="bilinear")


class TestControlPointsOnly:
    """No file has a grid: control points alone place them."""

    wgs = CRS.from_epsg(4326)

    def write(self, tmp_path, plainly, coarse=None):
        return [
            plainly(tmp_path / "coarse.tif", noise((20, 14), seed=5), gcps=coarse or points(60), crs=self.wgs),
            plainly(tmp_path / "fine.tif", noise((*FINE, 1)), gcps=points(10), crs=self.wgs),
        ]

    def test_they_fit_by_their_points(self, tmp_path, plainly):
        files = self.write(tmp_path, plainly)
        scene = Scene(files, resample="bilinear")
        found, crs = scene.gcps
        assert crs == self.wgs
        assert [(p.row, p.col, p.x, p.y) for p in found] == [(p.row, p.col, p.x, p.y) for p in points(10)]
        assert scene.crs is None
        assert abs(scene.read()[:, :, 0].astype(int) - gdal(files[0], "bilinear")[:, :, 0]).max() <= 1

    def test_other_points_are_told(self, tmp_path, plainly):
        moved = [GroundControlPoint(p.row, p.col, p.x + 0.001, p.y) for p in points(60)]
        for other in (moved, points(60)[1:], points(30)):
            with pytest.raises(RasterError, match="other ground control points"):
                Scene(self.write(tmp_path, plainly, other), resample="bilinear")

    def test_a_finer_photograph_takes_their_place(self, tmp_path, plainly):
        files = self.write(tmp_path, plainly)
        files[1] = plainly(tmp_path / "photo.png", noise((*FINE, 3), np.uint8), driver="PNG")
        scene = Scene(files, resample="nearest")
        assert [(p.row, p.col, p.x, p.y) for p in scene.gcps[0]] == [(p.row, p.col, p.x, p.y) for p in points(10)]


def test_a_finer_photograph_takes_the_place_of_the_others(tmp_path, plainly):
    photo = plainly(tmp_path / "photo.png", noise((*FINE, 3), np.uint8), driver="PNG")
    coarse = plainly(tmp_path / "coarse.tif", noise((20, 14)), **place(60))
    scene = Scene([photo, coarse], resample="nearest")
    assert (scene.crs, scene.transform) == (UTM, place(10)["transform"])
    other = plainly(tmp_path / "other.tif", noise((20, 14)), **place(60, 600))
    with pytest.raises(RasterError, match=r"other\.tif cannot be resampled to the pixels of .*photo\.png"):
        Scene([photo, coarse, other], resample="nearest")


def test_photographs_fit_by_their_shape(tmp_path, plainly):
    one = plainly(tmp_path / "one.png", noise((31, 41), np.uint8), driver="PNG")
    two = plainly(tmp_path / "two.png", noise((61, 81), np.uint8), driver="PNG")
    scene = Scene([one, two], resample="nearest")
    assert scene.shape == (61, 81)
    assert scene.georeference().is_empty
