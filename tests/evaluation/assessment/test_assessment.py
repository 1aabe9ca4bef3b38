from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.evaluation.assessment.assessment import rough_intervals


def test_few_points_and_none_wrong_are_told():
    counts = np.array([[29, 1, 0], [0, 12, 0], [0, 0, 0]])
    few, certain = rough_intervals(counts, ("forest", "water", "scrub"), 0.95)
    assert few == "Fewer than 30 points, so that the interval is only rough: water (12)."
    assert "water (up to 22 %)" in certain
    assert "forest" not in certain


def test_the_bound_of_none_wrong_is_that_of_the_binomial():
    """With a share p of wrong pixels, none of n points is wrong with probability (1 - p)^n: 5 % at the bound."""
    stats = pytest.importorskip("scipy.stats")
    (certain,) = [note for note in rough_intervals(np.array([[40]]), ("forest",), 0.95) if note.startswith("No error")]
    assert "up to 7 %" in certain
    assert stats.binom.pmf(0, 40, 1 - 0.05 ** (1 / 40)) == pytest.approx(0.05)


def test_nothing_to_tell():
    assert rough_intervals(np.array([[40, 2], [3, 50]]), ("a", "b"), 0.95) == []
