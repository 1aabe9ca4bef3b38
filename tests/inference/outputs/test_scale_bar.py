from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.inference.outputs.scale_bar import scale_bar


@pytest.mark.parametrize(
    ("width", "metres", "labels"),
    [
        (1000, 10.0, ("0", "1", "2 km")),
        (7200, 4.0, ("0", "2.5", "5 km")),
        (1000, 0.3, ("0", "25", "50 m")),
        (100, 0.01, ("0", "10", "20 cm")),
        (1000, None, ("0", "100", "200 pixels")),
        (1, None, ("0", "0.5", "1 pixels")),
    ],
)
def test_bars_of_round_lengths(width, metres, labels):
    assert scale_bar(width, metres).labels == labels


@given(width=st.integers(1, 10**6), metres=st.floats(0.01, 1e5))
def test_a_bar_is_as_long_as_it_says_and_fits(width, metres):
    bar = scale_bar(width, metres)
    length = bar.length * {"km": 1000, "m": 1, "cm": 0.01}[bar.unit]
    assert bar.part * width * metres == pytest.approx(length)
    assert 0.3 / 2.5 * (1 - 1e-9) <= bar.part <= 0.3 * (1 + 1e-9)
    digits = length / 10 ** math.floor(math.log10(length) + 1e-9)
    assert min(abs(digits - digit) for digit in (1, 2, 5)) < 1e-6
