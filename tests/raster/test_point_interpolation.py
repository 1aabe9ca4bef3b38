from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.raster import Window
from rs_da_mm.raster.point_interpolation import needed_window, sample_at


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_bilinear_is_what_scipy_makes_of_it(rng):
    ndimage = pytest.importorskip("scipy.ndimage", reason="scipy interpolates the same")
    values = rng.normal(size=(20, 30, 2))
    cols, rows = rng.uniform(0, 30, 500), rng.uniform(0, 20, 500)
    found = sample_at(values, np.ones((20, 30), bool), cols, rows, "bilinear")
    for band in range(2):
        expected = ndimage.map_coordinates(values[:, :, band], [rows - 0.5, cols - 0.5], order=1, mode="nearest")
        np.testing.assert_allclose(found[:, band], expected, atol=1e-12)


def test_cubic_gives_back_a_parabola(rng):
    def height(cols, rows):
        return 3 + 2 * cols - rows + 0.5 * cols**2 - 0.25 * rows**2 + 0.125 * cols * rows

    cols, rows = np.meshgrid(np.arange(20) + 0.5, np.arange(15) + 0.5)
    values = height(cols, rows)[:, :, np.newaxis]
    at_cols, at_rows = rng.uniform(2, 18, (5, 40)), rng.uniform(2, 13, (5, 40))
    found = sample_at(values, np.ones((15, 20), bool), at_cols, at_rows, "cubic")
    np.testing.assert_allclose(found[..., 0], height(at_cols, at_rows), atol=1e-10)


@pytest.mark.parametrize("method", ["bilinear", "cubic"])
def test_pixels_without_data_are_never_mixed_in(rng, method):
    values = rng.uniform(0, 1, (12, 12, 1)).astype(np.float32)
    valid = rng.random((12, 12)) < 0.6
    values[~valid] = -9999
    cols, rows = rng.uniform(0, 12, 800), rng.uniform(0, 12, 800)
    found = sample_at(values, valid, cols, rows, method)[:, 0]
    known = valid[np.floor(rows).astype(int), np.floor(cols).astype(int)]
    assert (found[~known] == -9999).all()
    assert found[known].min() > -0.5
    for index in np.nonzero(known)[0][:100]:  # by hand, where a neighbour is missing
        first_row, first_col = int(np.floor(rows[index] - 0.5)), int(np.floor(cols[index] - 0.5))
        near = [(first_row + i, first_col + j) for i in (0, 1) for j in (0, 1)]
        weights = [(1 - abs(r + 0.5 - rows[index])) * (1 - abs(c + 0.5 - cols[index])) for r, c in near]
        held = [(min(max(r, 0), 11), min(max(c, 0), 11)) for r, c in near]
        if all(valid[place] for place in held):
            continue
        share = [weight * valid[place] for weight, place in zip(weights, held, strict=True)]
        expected = sum(part * values[place][0] for part, place in zip(share, held, strict=True) if part) / sum(share)
        assert found[index] == pytest.approx(expected, abs=1e-5)


def test_whole_numbers_are_rounded_and_names_are_not_mixed():
    values = np.array([[[0], [255]]], np.uint8)
    whole = np.ones((1, 2), bool)
    cols, rows = np.array([0.5, 0.9, 1.0, 1.2]), np.full(4, 0.5)
    np.testing.assert_array_equal(sample_at(values, whole, cols, rows, "bilinear")[:, 0], [0, 102, 128, 179])
    np.testing.assert_array_equal(sample_at(values, whole, cols, rows, "nearest")[:, 0], [0, 0, 255, 255])


def test_the_window_that_is_needed():
    cols, rows = np.array([3.2, 7.9]), np.array([0.1, 5.0])
    assert needed_window(cols, rows, (6, 9), "nearest") == Window(0, 3, 6, 5)
    assert needed_window(cols, rows, (6, 9), "bilinear") == Window(0, 2, 6, 7)
    assert needed_window(cols, rows, (20, 20), "cubic") == Window(0, 1, 8, 9)


@pytest.mark.parametrize("method", ["bilinear", "cubic"])
def test_the_window_that_is_needed_is_enough(rng, method):
    values = rng.normal(size=(30, 30, 1))
    whole = np.ones((30, 30), bool)
    cols, rows = rng.uniform(11, 16, 50), rng.uniform(0, 7, 50)
    needed = needed_window(cols, rows, (30, 30), method)
    part = values[needed.row : needed.row + needed.height, needed.col : needed.col + needed.width]
    found = sample_at(part, np.ones(part.shape[:2], bool), cols - needed.col, rows - needed.row, method)
    np.testing.assert_array_equal(found, sample_at(values, whole, cols, rows, method))
