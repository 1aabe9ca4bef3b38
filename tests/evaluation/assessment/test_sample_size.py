from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.sample_size import allocate, sample_size

SHARES, USERS = [0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95]
MANY = [10**9] * 4


def test_the_worked_example_of_olofsson_2014():
    """Section 5.1: 641 points for a standard error of 0.01."""
    assert sample_size(SHARES, USERS, 0.01) == 641


def test_allocations_of_the_worked_example():
    """Its table 5: proportional 13, 10, 205, 413; equal 160; with 75 for the rare classes about 165 and 325 for the others."""
    assert allocate(641, SHARES, USERS, MANY, "proportional", 2).tolist() == [13, 10, 205, 413]
    assert sorted(allocate(641, SHARES, USERS, MANY, "equal", 50)) == [160, 160, 160, 161]
    found = allocate(641, SHARES, USERS, MANY, "proportional", 75)
    assert found[:2].tolist() == [75, 75]
    assert found[2:] == pytest.approx([165, 325], abs=4)


def test_neyman_makes_the_error_least():
    spread = np.sqrt(np.array(USERS) * (1 - np.array(USERS)))
    best = allocate(600, SHARES, USERS, MANY, "neyman", 2)
    np.testing.assert_allclose(best, 600 * np.array(SHARES) * spread / (SHARES @ spread), atol=1)

    def variance(points):
        return (np.array(SHARES) ** 2 * spread**2 / points).sum()

    for one, other in np.ndindex(4, 4):
        if one != other:
            moved = best.copy()
            moved[one] -= 5
            moved[other] += 5
            assert variance(moved) > variance(best)


@given(
    shares=st.lists(st.floats(1e-4, 1), min_size=1, max_size=8),
    more=st.integers(0, 500),
    minimum=st.integers(2, 60),
    method=st.sampled_from(["proportional", "equal", "neyman"]),
)
def test_every_class_gets_its_minimum_and_all_points_are_given(shares, more, minimum, method):
    shares = np.array(shares) / sum(shares)
    points = len(shares) * minimum + more
    found = allocate(points, shares, [0.8] * len(shares), [10**6] * len(shares), method, minimum)
    assert found.sum() == points
    assert (found >= minimum).all()
    if method != "equal":
        assert (np.diff(found[np.argsort(shares, kind="stable")]) >= -1).all()


def test_no_more_points_than_pixels():
    assert allocate(200, [0.9, 0.1], [0.8, 0.8], [10**6, 7], "proportional", 50).tolist() == [150, 7]


def test_certain_classes_need_no_points_by_neyman_but_their_minimum():
    assert allocate(100, [0.5, 0.5], [1.0, 0.5], MANY[:2], "neyman", 10).tolist() == [10, 90]
    assert allocate(100, [0.75, 0.25], [1.0, 1.0], MANY[:2], "neyman", 10).tolist() == [75, 25]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sample_size(SHARES, USERS, 0), "--standard-error 0: must be above 0"),
        (lambda: sample_size(SHARES, [2, 1, 1, 1], 0.01), "--expected: a user's accuracy lies between 0 and 1"),
        (lambda: allocate(641, SHARES, USERS, MANY, "optimal", 50), "--allocation optimal: can be proportional, equal, neyman"),
        (lambda: allocate(641, SHARES, USERS, MANY, "equal", 1), "--minimum 1: every class needs two points"),
        (lambda: allocate(100, SHARES, USERS, MANY, "equal", 50), "--sample 100: 4 classes with 50 points each need 200"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_no_spread_needs_one_point():
    assert sample_size([1.0], [1.0], 0.01) == 1
