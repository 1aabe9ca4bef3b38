"""How many points a sample needs, and how many of them each class of the map gets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rs_da_mm.errors import InputError

Allocation = Literal["proportional", "equal", "neyman"]


def sample_size(shares: ArrayLike, users: ArrayLike, standard_error: float) -> int:
    """Work out the points that a stratified sample needs.

    Args:
        shares: W_i, the share of each stratum of the map, shape (K,).
        users: U_i, the user's accuracy that is expected of each, 0 to 1, shape (K,).
        standard_error: S(O), the standard error of overall accuracy that is wanted, above 0.

    Returns:
        n = (sum_i W_i S_i / S(O))² with S_i = sqrt(U_i (1 - U_i)), rounded up: Olofsson et al. (2014), equation 13, after Cochran
        (1977), equation 5.25. That of a finite population is left out, as there.

    Raises:
        InputError: When the error is not above 0, or an accuracy lies outside 0 to 1.
    """
    if not standard_error > 0:
        raise InputError(f"--standard-error {standard_error:g}: must be above 0, as 0.01.")
    return max(1, math.ceil((float(np.asarray(shares) @ _spreads(users)) / standard_error) ** 2 - 1e-9))


def allocate(
    points: int, shares: ArrayLike, users: ArrayLike, pixels: Sequence[int], method: Allocation, minimum: int
) -> NDArray[np.int64]:
    """Share points out among strata.

    Args:
        points: How many there are.
        shares: Share of each stratum of the map, shape (K,), all above 0.
        users: User's accuracy that is expected of each, shape (K,); ``'neyman'`` uses it.
        pixels: Pixels of each stratum, of which none is drawn twice.
        method: ``'proportional'`` to the share, ``'equal'``, or ``'neyman'``: to the share times sqrt(U (1 - U)), which makes the
            error of overall accuracy least.
        minimum: What each stratum gets at least, so that its user's accuracy can be told: 50 to 100 are recommended for rare
            classes (Olofsson et al. 2014, section 5.1.1).

    Returns:
        Points of each stratum, shape (K,): their sum is ``points``, or fewer where strata have fewer pixels than they would get.

    Raises:
        InputError: When the method is unknown, the minimum is below 2, or there are too few points for it.
    """
    size = np.asarray(shares, np.float64)
    if method not in get_args(Allocation):
        raise InputError(f"--allocation {method}: can be {', '.join(get_args(Allocation))}.")
    if minimum < 2:
        raise InputError(f"--minimum {minimum}: every class needs two points or more for an error to be told.")
    if points < minimum * len(size):
        raise InputError(
            f"--sample {points}: {len(size)} classes with {minimum} points each need {minimum * len(size)}; draw more points, or "
            "lower --minimum."
        )
    weights = {"proportional": size, "equal": np.ones(len(size)), "neyman": size * _spreads(users)}[method]
    if not weights.any():
        weights = size
    is_raised = np.zeros(len(size), bool)
    while True:
        rest = points - minimum * int(is_raised.sum())
        given = np.where(is_raised, minimum, rest * weights / max(weights[~is_raised].sum(), np.finfo(float).tiny))
        below = ~is_raised & (given < minimum)
        if not below.any():
            break
        is_raised |= below
    return np.minimum(_rounded(given, points), np.asarray(pixels, np.int64))


def _spreads(users: ArrayLike) -> NDArray[np.float64]:
    accuracy = np.asarray(users, np.float64)
    if ((accuracy < 0) | (accuracy > 1)).any():
        raise InputError("--expected: a user's accuracy lies between 0 and 1, as 0.85.")
    return np.sqrt(accuracy * (1 - accuracy))


def _rounded(given: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Round down, and give what is left to the largest remainders."""
    whole = np.floor(given + 1e-9).astype(np.int64)
    missing = total - int(whole.sum())
    order = np.argsort(whole - given, kind="stable")
    whole[order[:missing]] += 1
    return whole
