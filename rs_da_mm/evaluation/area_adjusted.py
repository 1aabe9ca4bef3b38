"""Accuracy of a map and areas of its classes from a sample, as shares of the mapped area, with their standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class AreaAdjusted:
    """What a sample says of a map; all of it shares from 0 to 1, of the area and not of the sample.

    The equations are those of Olofsson et al. (2014), "Good practices for estimating area and assessing accuracy of land change",
    Remote Sensing of Environment 148, 42-57.

    Attributes:
        proportions: p_ij, the share of the area that is class i in the map and class j in truth, shape (K, K); equation 4.
        overall: Overall accuracy, sum of p_jj; equation 1.
        users: User's accuracy of each class, p_ii / p_i., shape (K,); equation 2. NaN for a class that is nowhere in the map.
        producers: Producer's accuracy of each class, p_jj / p_.j, shape (K,); equation 3. NaN for a class that is nowhere in the
            reference.
        areas: p_.k, the share of the area that is class k in truth, shape (K,); equations 8 and 9.
        overall_error: Standard error of ``overall``; the root of equation 5.
        users_error: Of ``users``; the root of equation 6. NaN where it is not known.
        producers_error: Of ``producers``; the root of equation 7. NaN where it is not known.
        areas_error: Of ``areas``; equation 10.
        sampled: Whether the errors are those of a sample; ``False`` where the whole area was compared, and all errors are 0.
    """

    proportions: Shares
    overall: float
    users: Shares
    producers: Shares
    areas: Shares
    overall_error: float
    users_error: Shares
    producers_error: Shares
    areas_error: Shares
    sampled: bool = True


def critical_value(confidence: float) -> float:
    """How many standard errors an interval reaches to either side.

    Args:
        confidence: Share of such intervals that hold the truth, above 0 and below 1.

    Returns:
        The quantile of the normal distribution: 1.96 for 0.95.
    """
    return NormalDist().inv_cdf((1 + confidence) / 2)


def stratified_estimates(counts: ArrayLike, sizes: ArrayLike) -> AreaAdjusted:
    """Estimate from a stratified random sample, or from a simple random one that is stratified afterwards.

    With the classes of the map as strata these are equations 1 to 10 of Olofsson et al. (2014). With other strata they are the
    estimators of Stehman (2014), "Estimating area and map accuracy for stratified random sampling when the strata are different
    from the map classes", International Journal of Remote Sensing 35, 4923-4939: a stratified mean for overall accuracy and
    areas, a combined ratio for user's and producer's accuracy. The correction for a finite population is left out, as in the
    former: it is 1 but for the millionth part that a sample is of a map.

    Args:
        counts: Sample units by stratum, class in the map and class in truth, shape (H, K, K).
        sizes: Area of each stratum in any unit, shape (H,). A stratum of size 0 is not there.

    Returns:
        The estimates.

    Raises:
        ValueError: When a stratum has fewer than two sample units, or units and no area.
    """
    found, weights = np.asarray(counts, np.float64), np.asarray(sizes, np.float64)
    weights = weights / weights.sum()
    units = found.sum((1, 2))
    is_there = weights > 0
    if (units[is_there] < 2).any() or units[~is_there].any():
        raise ValueError(f"every stratum needs two sample units or more, and an area; found {units.tolist()} units")
    found, weights, units = found[is_there], weights[is_there], units[is_there]
    within = found / units[:, np.newaxis, np.newaxis]
    factors = weights**2 / (units - 1)
    correct = np.diagonal(within, axis1=1, axis2=2)
    mapped, true = within.sum(2), within.sum(1)
    agreeing = correct.sum(1)
    return AreaAdjusted(
        proportions=np.tensordot(weights, within, 1),
        overall=float(weights @ agreeing),
        users=divided(weights @ correct, weights @ mapped),
        producers=divided(weights @ correct, weights @ true),
        areas=weights @ true,
        overall_error=float(np.sqrt(factors @ (agreeing * (1 - agreeing)))),
        users_error=_ratio_error(correct, mapped, weights, factors),
        producers_error=_ratio_error(correct, true, weights, factors),
        areas_error=np.sqrt(factors @ (true * (1 - true))),
    )


def whole_area(areas: ArrayLike) -> AreaAdjusted:
    """Compare map and truth where both are known everywhere: nothing is estimated, and nothing has an error.

    Args:
        areas: Area by class in the map and class in truth, in any unit, shape (K, K).

    Returns:
        The shares, with errors of 0.
    """
    table = np.asarray(areas, np.float64)
    shares = table / table.sum()
    correct, mapped, true = np.diagonal(shares), shares.sum(1), shares.sum(0)
    none = np.zeros(len(shares))
    return AreaAdjusted(
        proportions=shares,
        overall=float(correct.sum()),
        users=divided(correct, mapped),
        producers=divided(correct, true),
        areas=true,
        overall_error=0.0,
        users_error=np.where(mapped > 0, none, np.nan),
        producers_error=np.where(true > 0, none, np.nan),
        areas_error=none,
        sampled=False,
    )


def divided(part: Shares, whole: Shares) -> Shares:
    """Divide, with NaN for 0/0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _ratio_error(part: Shares, whole: Shares, weights: Shares, factors: Shares) -> Shares:
    """Standard error of the combined ratio R = Y/X, where every unit of y is one of x.

    V(R) = 1/X² sum_h W_h² (s_y² + R² s_x² - 2 R s_xy) / n_h, with s_y² = n_h/(n_h - 1) y(1 - y), s_x² likewise and
    s_xy = n_h/(n_h - 1) y(1 - x). Where the strata are the classes of the map, this is equation 6 for X the mapped and equation 7
    for X the true area of a class.

    Args:
        part: Mean of y by stratum and class, shape (H, K).
        whole: Mean of x, shape (H, K).
        weights: W_h, shape (H,).
        factors: W_h² / (n_h - 1), shape (H,).
    """
    total = weights @ whole
    ratio = divided(weights @ part, total)
    spread: Shares = part * (1 - part) + ratio**2 * whole * (1 - whole) - 2 * ratio * part * (1 - whole)
    # What is 0 comes out a hair below it, at times.
    return divided(np.sqrt(np.clip(factors @ spread, 0, None)), total)
