from __future__ import annotations

import numpy as np

from rs_da_mm.datasets.transforms.draws import chance, integer, uniform


def _draws() -> list[float]:
    return [uniform(-2.0, 3.0), integer(7), chance(0.5)]


def test_same_seed_same_draws(reseed):
    reseed(5)
    first = [_draws() for _ in range(20)]
    reseed(5)
    assert [_draws() for _ in range(20)] == first


def test_ranges_and_frequencies():
    assert {integer(3) for _ in range(200)} == {0, 1, 2}
    numbers = [uniform(-2.0, 3.0) for _ in range(2000)]
    assert -2 <= min(numbers) < -1.9
    assert 2.9 < max(numbers) <= 3
    assert abs(np.mean([chance(0.3) for _ in range(4000)]) - 0.3) < 4 * (0.3 * 0.7 / 4000) ** 0.5
    assert not any(chance(0.0) for _ in range(100))
    assert all(chance(1.0) for _ in range(100))
