from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_scenes import ArraySource

from rs_da_mm.inference.inputs.scene_values import SAMPLES, compare_values, misfits, sample_pixels

RNG = np.random.default_rng(0)


def test_a_small_scene_is_read_once_and_whole():
    source = ArraySource(RNG.integers(0, 99, (40, 50, 2)))
    pixels = sample_pixels(source)
    assert np.array_equal(pixels, source.pixels.reshape(-1, 2))
    assert len(source.reads) == 1


def test_a_large_scene_is_read_in_windows_that_are_spread_over_it():
    source = ArraySource(np.zeros((3000, 2000, 1), np.uint8))
    pixels = sample_pixels(source)
    assert pixels.shape == (SAMPLES * 128 * 128, 1)
    assert all(window.row + 128 <= 3000 and window.col + 128 <= 2000 for window in source.reads)
    quarters = {(window.row // 1500, window.col // 1000) for window in source.reads}
    assert len(quarters) == 4


def test_only_valid_pixels_count_and_places_without_data_are_passed_over():
    valid = np.zeros((2000, 2000), np.uint8)
    valid[1200:, 1200:] = 1
    source = ArraySource(np.where(valid, 7, 9)[..., None], valid)
    assert set(sample_pixels(source).ravel()) == {7}
    assert len(source.reads) > SAMPLES / 2
    assert sample_pixels(ArraySource(source.pixels, np.zeros_like(valid))) is None


def test_nothing_is_read_where_there_is_no_data():
    source = ArraySource(np.zeros((2000, 2000, 1), np.uint8))
    sample_pixels(source, has_data=lambda window: window.row >= 1000)
    assert source.reads
    assert all(window.row >= 1000 for window in source.reads)


@settings(max_examples=30, deadline=None)
@given(mean=st.floats(-1e4, 1e4), std=st.floats(0.1, 1e4), shift=st.floats(-20, 20))
def test_the_distance_is_counted_in_standard_deviations(mean, std, shift):
    z = np.linspace(-1, 1, 101) + shift
    (band,) = compare_values((mean + std * z)[:, None], [mean], [std])
    assert band.median_z == pytest.approx(np.median(np.abs(z)), abs=1e-6)
    assert band.median == pytest.approx(mean + std * shift, abs=1e-6 * std)


def test_a_gain_and_an_offset_come_first():
    pixels = RNG.uniform(0, 1, (500, 2))
    (first, second) = compare_values(pixels, [5000.0], [2000.0], gain=10000.0, offset=100.0)
    assert first.median == pytest.approx(np.median(pixels[:, 0]) * 10000 + 100)
    assert second.mean == 5000.0


def test_far_bands_are_told_one_by_one_and_flat_ones_all_together():
    fitting = RNG.normal(100, 20, 1000)
    far = np.stack([fitting, fitting + 500, fitting], axis=1)
    assert misfits(compare_values(far, [100.0], [20.0])) == [1]
    flat = np.stack([fitting, fitting], axis=1) / 10000
    assert misfits(compare_values(flat, [100.0], [20.0])) == [0, 1]
    one_constant = np.stack([fitting, np.full(1000, 100.0)], axis=1)
    assert misfits(compare_values(one_constant, [100.0], [20.0])) == []
