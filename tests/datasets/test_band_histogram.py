from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rs_da_mm.datasets.band_histogram import FloatHistogram, IntegerHistogram, make_histogram

PERCENTS = (0, 1, 2, 33.3, 50, 98, 99, 100)


def filled(histogram, batches):
    for batch in batches:
        histogram.add(batch)
    return histogram


@settings(deadline=None)
@given(
    st.sampled_from(["uint8", "int8", "uint16", "int16"]).flatmap(lambda dtype: hnp.arrays(dtype, st.integers(1, 200))),
    st.integers(0, 200),
)
def test_integers_are_described_exactly(values, cut):
    histogram = filled(make_histogram(values.dtype), [values[:cut], values[cut:]])
    assert isinstance(histogram, IntegerHistogram)
    exact = values.astype(np.float64)
    assert histogram.count == len(values)
    assert histogram.moments() == pytest.approx((exact.mean(), exact.std()), rel=1e-12, abs=1e-9)
    assert histogram.extremes() == (exact.min(), exact.max())
    for percent in PERCENTS:
        assert histogram.percentile(percent) == pytest.approx(np.percentile(exact, percent), rel=1e-12, abs=1e-9)


def test_16_bit_sums_do_not_overflow():
    histogram = IntegerHistogram(np.dtype("uint16"))
    histogram.add(np.array([65535, 0], dtype=np.uint16))
    histogram._counts *= 10**13  # as many pixels as 200,000 scenes of GID: their squares add up to 4e22, past 64 bits
    assert histogram.moments() == (32767.5, 32767.5)


@settings(deadline=None, max_examples=40)
@given(
    hnp.arrays(np.float32, st.integers(1, 300), elements=st.floats(-1e6, 1e6, width=32, allow_subnormal=False)),
    st.integers(0, 300),
)
def test_floats_have_exact_moments_and_percentiles_to_a_half_thousandth(values, cut):
    histogram = filled(FloatHistogram(), [values[:cut], values[cut:]])
    exact = values.astype(np.float64)
    assert histogram.moments() == pytest.approx((exact.mean(), exact.std()), rel=1e-9, abs=1e-9)
    assert histogram.extremes() == (exact.min(), exact.max())
    for percent in PERCENTS:
        low, high = (np.percentile(exact, percent, method=method) for method in ("lower", "higher"))
        slack = max(abs(low), abs(high)) / 2048 + 1e-30
        assert low - slack <= histogram.percentile(percent) <= high + slack


def test_the_standard_deviation_of_floats_survives_a_large_mean():
    values = 1e8 + np.random.default_rng(0).normal(size=10_000)
    histogram = filled(make_histogram(np.dtype("float64")), np.split(values, 10))
    assert histogram.moments()[1] == pytest.approx(values.std(), rel=1e-6)


def test_32_bit_integers_are_counted_as_floats():
    values = np.array([-(2**31), 0, 2**31 - 1], dtype=np.int32)
    histogram = filled(make_histogram(values.dtype), [values])
    assert histogram.extremes() == (-(2.0**31), 2.0**31 - 1)
    assert histogram.percentile(50) == pytest.approx(0, abs=1e-30)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_nothing_has_no_statistics(dtype):
    histogram = filled(make_histogram(np.dtype(dtype)), [np.zeros(0, dtype)])
    assert histogram.count == 0
    assert all(math.isnan(number) for number in (*histogram.moments(), *histogram.extremes(), histogram.percentile(50)))
