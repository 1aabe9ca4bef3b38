from __future__ import annotations

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Window
from rs_da_mm.raster.grid_map import AxisMap, GridMap, scaled_map
from rs_da_mm.raster.handles import quiet
from rs_da_mm.raster.interpolation import interpolate, make_stencil, make_taps, require_method, to_dtype

METHODS = ("nearest", "bilinear", "cubic")
DTYPES = (np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64)


def resampled(pixels, valid, grid, window, method):
    """A window of the new grid, made of no more than it needs."""
    stencil = make_stencil(grid, window, pixels.shape[:2], method)
    part = stencil.window
    place = np.s_[part.row : part.row + part.height, part.col : part.col + part.width]
    return interpolate(pixels[place], valid[place], stencil)


def whole(pixels, size, method, valid=None):
    grid = scaled_map(pixels.shape[0] / size[0], pixels.shape[1] / size[1])
    valid = np.ones(pixels.shape[:2], np.bool_) if valid is None else valid
    return resampled(pixels, valid, grid, Window(0, 0, *size), method)


def noise(shape, dtype, seed=0):
    values = np.random.default_rng(seed).normal(100, 60, shape)
    limits = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else np.finfo(np.float32)
    return np.clip(values, limits.min, limits.max).astype(dtype)


@pytest.mark.parametrize("size", [(60, 80), (90, 120), (180, 240), (20, 20), (15, 10), (41, 53)])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_gdal_gives_the_same(tmp_path, plainly, size, method, dtype):
    """Up and down; but for the rim, where a kernel that reaches beyond the edge is a matter of choice, and rounding."""
    pixels = noise((30, 40, 2), dtype)
    path = plainly(tmp_path / "a.tif", pixels)
    with quiet(), rasterio.open(path) as dataset:
        expected = np.moveaxis(dataset.read(out_shape=(2, *size), resampling=Resampling[method]), 0, 2)
    found = whole(pixels, size, method)
    rim = tuple(-(-2 * max(new, old) // old) for new, old in zip(size, (30, 40), strict=True))
    inner = np.s_[rim[0] : -rim[0], rim[1] : -rim[1]]
    assert found.dtype == dtype
    tolerance = 1 if np.dtype(dtype).kind in "iu" and method != "nearest" else 0
    np.testing.assert_allclose(found[inner], expected[inner], rtol=2e-5 if dtype == np.float32 else 0, atol=tolerance or 1e-3)
    if method == "bilinear" and size[0] > 30:
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=tolerance or 1e-3)


@pytest.mark.parametrize("method", ["bilinear", "cubic"])
@pytest.mark.parametrize("scale", [0.25, 0.4, 1.0, 3.0, 4.7])
def test_a_plane_stays_a_plane(method, scale):
    rows, cols = np.mgrid[:60, :50]
    plane = (2.0 * rows - 0.5 * cols + 7)[:, :, np.newaxis]
    grid = GridMap(AxisMap(scale, 0.3), AxisMap(scale, 0.1))
    window = Window(int(16 / scale), int(16 / scale), int(20 / scale), int(15 / scale))
    found = resampled(plane, np.ones((60, 50), np.bool_), grid, window, method)
    at_rows = (np.arange(window.row, window.row + window.height) + 0.5) * scale + 0.3 - 0.5
    at_cols = (np.arange(window.col, window.col + window.width) + 0.5) * scale + 0.1 - 0.5
    # Only weights that lie even about the centre keep a plane: those of kernels that are not stretched, or by whole numbers.
    reach = 1e-4 if scale <= 1 or scale == int(scale) else 0.2
    np.testing.assert_allclose(found[:, :, 0], 2.0 * at_rows[:, np.newaxis] - 0.5 * at_cols + 7, atol=reach)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_one_value_stays_it(dtype, method):
    pixels = np.full((7, 5, 1), 97, dtype)
    valid = np.random.default_rng(3).random((7, 5)) > 0.3
    for size in ((21, 15), (3, 2), (8, 9)):
        found = whole(pixels, size, method, valid)
        np.testing.assert_allclose(found, 97, rtol=1e-6 if np.dtype(dtype).kind == "f" else 0)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_windows_that_share_a_pixel_give_it_the_same_bits(data):
    method, dtype = data.draw(st.sampled_from(METHODS)), data.draw(st.sampled_from(DTYPES))
    height, width = data.draw(st.integers(1, 23)), data.draw(st.integers(1, 23))
    scale = st.sampled_from([0.5, 1 / 3, 1 / 6, 0.25, 1.0, 0.71, 1.5, 2.0, 3.3])
    grid = GridMap(*(AxisMap(data.draw(scale), data.draw(st.floats(-0.5, 0.5))) for _ in range(2)))
    size = max(1, int(height / grid.rows.scale)), max(1, int(width / grid.cols.scale))
    pixels = noise((height, width, 2), dtype, data.draw(st.integers(0, 99)))
    valid = np.random.default_rng(data.draw(st.integers(0, 99))).random((height, width)) < data.draw(
        st.sampled_from([1, 0.8, 0.3])
    )
    pixels[~valid] = data.draw(st.sampled_from([0, 255 if dtype == np.uint8 else -9999 if dtype != np.uint16 else 65535]))
    expected = resampled(pixels, valid, grid, Window(0, 0, *size), method)
    for _ in range(4):
        row, col = data.draw(st.integers(0, size[0] - 1)), data.draw(st.integers(0, size[1] - 1))
        window = Window(row, col, data.draw(st.integers(1, size[0] - row)), data.draw(st.integers(1, size[1] - col)))
        found = resampled(pixels, valid, grid, window, method)
        assert found.tobytes() == expected[row : row + window.height, col : col + window.width].tobytes()


def test_what_holds_no_data_is_not_mixed_in():
    """Halfway: a quarter and three quarters of two neighbours along each axis, of those that hold data."""
    pixels = np.array([[10.0, 20.0], [-9999.0, 40.0]])[:, :, np.newaxis]
    valid = pixels[:, :, 0] >= 0
    found = whole(pixels, (4, 4), "bilinear", valid)[:, :, 0]
    a, b, d = 10.0, 20.0, 40.0
    np.testing.assert_allclose(found[0], [a, 0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b, b])
    weights = np.array([9, 3, 1]) / 16  # of a (the nearest), b and d; c, which holds nothing, has 3
    np.testing.assert_allclose(found[1, 1], (weights @ [a, b, d]) / weights.sum())
    assert (found[2:, :2] == -9999).all()
    np.testing.assert_allclose(found[3, 2:], [d, d])


def test_cubic_overshoots_within_the_dtype_only():
    pixels = np.zeros((8, 8, 1), np.uint8)
    pixels[:, 4:] = 255
    found = whole(pixels, (32, 32), "cubic")
    as_float = whole(pixels.astype(np.float32), (32, 32), "cubic")
    assert as_float.min() < -5
    assert as_float.max() > 260
    np.testing.assert_array_equal(found, np.floor(np.clip(as_float, 0, 255) + 0.5))


def test_neighbours_beyond_the_edge_are_those_at_the_edge():
    taps = make_taps(AxisMap(0.5, 0.0), 0, 8, 4, "cubic")
    assert (taps.start, taps.stop) == (0, 4)
    assert taps.indices[:, 0].tolist() == [0, 0, 0, 1]
    assert taps.indices[:, -1].tolist() == [2, 3, 3, 3]
    np.testing.assert_allclose(taps.weights.sum(axis=0), 1)
    # Keys' kernel with a = -1/2 at 1.25, 0.25, 0.75 and 1.75
    np.testing.assert_allclose(taps.weights[:, 1], [-0.0703125, 0.8671875, 0.2265625, -0.0234375])


@pytest.mark.parametrize("scale", [9.7, 31.3])
def test_a_single_pixel_has_the_same_weights_as_among_others(scale):
    axis = AxisMap(scale, 0.123)
    every = make_taps(axis, 0, 50, 2000, "cubic")
    for index in range(50):
        one = make_taps(axis, index, 1, 2000, "cubic")
        assert one.weights[:, 0].tobytes() == every.weights[:, index].tobytes()


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.uint8, np.int32])
def test_the_largest_numbers_are_kept_within_the_dtype(dtype):
    limits = np.iinfo(dtype)
    found = to_dtype(np.array([-1e30, 1e30, 2.5, 0.49]), np.dtype(dtype))
    assert found[0] == limits.min
    assert limits.max - 2048 <= int(found[1]) <= limits.max
    assert found[2:].tolist() == [3, 0]


def test_an_unknown_method_is_told():
    with pytest.raises(RasterError, match=r"a\.tif: resampling is 'lanczos'; it can be 'nearest', 'bilinear', 'cubic'"):
        require_method("lanczos", "a.tif")
