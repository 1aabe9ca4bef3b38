"""Blending over a band of rows: the numbers, the memory, the bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rs_da_mm.inference.core.band import RollingBand
from rs_da_mm.inference.core.plan import plan_windows
from rs_da_mm.raster import Window, window_slices


def painted(pieces, scores, covered):
    for piece in pieces:
        place = window_slices(Window(piece.row, piece.col, *piece.covered.shape))
        assert not covered[place].any()
        scores[:, place[0], place[1]] = piece.scores
        covered[place] = piece.covered


@settings(deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 40), st.integers(1, 12), st.floats(0, 0.9), st.integers(1, 50), st.integers(0, 2**32 - 1)
)
def test_it_gives_the_weighted_mean(height, width, size, overlap, chunk, seed):
    size = min(size, height, width)
    rng = np.random.default_rng(seed)
    plan = plan_windows(height, width, size, overlap)
    sums, total = np.zeros((2, height, width)), np.zeros((height, width))
    scores, covered = np.zeros((2, height, width), np.float32), np.zeros((height, width), bool)
    band = RollingBand(2, size, 0, (0, width), chunk)
    for index, row in enumerate(plan.rows):
        for window in row.windows:
            given_scores = rng.normal(size=(2, size, size)).astype(np.float32)
            weights = rng.random((size, size), np.float32) * (rng.random((size, size)) < 0.8)
            band.add(window, given_scores, weights)
            rows, cols = window_slices(window)
            sums[:, rows, cols] += given_scores * weights.astype(float)
            total[rows, cols] += weights
        painted(band.pop(plan.finished_rows(index)[1]), scores, covered)
    np.testing.assert_array_equal(covered, total > 0)
    np.testing.assert_allclose(scores, np.where(covered, sums / np.where(covered, total, 1), 0), rtol=1e-4, atol=1e-5)


def test_chunks_make_no_difference_to_a_single_bit():
    rng = np.random.default_rng(0)
    scores, weights = rng.normal(size=(3, 8, 8)).astype(np.float32), rng.random((8, 8), np.float32)
    results = []
    for chunk in (3, 7, 100):
        band = RollingBand(3, 8, 5, (2, 20), chunk)
        for col in (2, 6, 12):
            band.add(Window(5, col, 8, 8), scores, weights)
        out, covered = np.zeros((3, 13, 20), np.float32), np.zeros((13, 20), bool)
        painted(band.pop(13), out, covered)
        results.append(out.tobytes())
    assert len(set(results)) == 1


def test_memory_is_that_of_the_columns_in_use_however_tall_the_scene():
    channels, size, chunk = 3, 16, 32
    band = RollingBand(channels, size, 0, (0, 32 * 1000), chunk)
    ones, scores = np.ones((size, size), np.float32), np.ones((channels, size, size), np.float32)
    for row in range(0, 2000, 8):
        band.add(Window(row, row * 16 % 31984, size, size), scores, ones)  # from chunk to chunk
        for _ in band.pop(row + 8):
            pass
        # Two windows are open at once, and each touches two chunks at most.
        assert band.nbytes <= 4 * (channels + 1) * size * chunk * 4 + scores.nbytes


def test_what_is_not_a_number_stays_where_it_counts_nothing():
    band = RollingBand(1, 2, 0, (0, 3))
    weights = np.array([[1, 0, 1], [1, 1, 1]], np.float32)
    band.add(Window(0, 0, 2, 3), np.array([[[1, np.inf, 3], [4, 5, 6]]], np.float32), weights)
    band.add(Window(0, 0, 2, 3), np.full((1, 2, 3), np.nan, np.float32), np.zeros((2, 3), np.float32))
    (piece,) = band.pop(2)
    np.testing.assert_array_equal(piece.scores, [[[1, 0, 3], [4, 5, 6]]])
    np.testing.assert_array_equal(piece.covered, weights > 0)


def test_large_bands_come_in_small_parts():
    band = RollingBand(1, 4096, 0, (0, 2048))
    band.add(Window(0, 0, 4096, 2048), np.ones((1, 4096, 2048), np.float32), np.ones((4096, 2048), np.float32))
    pieces = list(band.pop(4096))
    assert [piece.row for piece in pieces] == [0, 1024, 2048, 3072]
    assert not list(band.pop(4096))


@pytest.mark.parametrize("window", [Window(4, 2, 4, 4), Window(6, 2, 4, 4), Window(5, 1, 4, 4), Window(5, 7, 4, 4)])
def test_a_window_outside_is_refused(window):
    band = RollingBand(1, 4, 5, (2, 10))
    with pytest.raises(ValueError, match=r"rows 5\.\.8, columns 2\.\.9"):
        band.add(window, np.ones((1, 4, 4), np.float32), np.ones((4, 4), np.float32))
