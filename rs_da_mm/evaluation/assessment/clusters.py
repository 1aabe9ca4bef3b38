"""Accuracy and areas from groups of pixels that were sampled together, as in reference polygons."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rs_da_mm.evaluation.area_adjusted import AreaAdjusted, Shares, divided


def cluster_estimates(counts: ArrayLike, sizes: ArrayLike, strata: ArrayLike) -> AreaAdjusted:
    """Estimate from a simple random sample of groups of pixels, stratified afterwards by what the map says.

    The shares are p_ij = W_h n_ij / n_h, with n_ij the pixels of all groups, h the stratum to which class i of the map belongs
    and n_h its pixels: those of single pixels. The errors are not, since the pixels of a group are alike: each estimate is
    linearised, so that it becomes a sum of one number z_c per group, and its variance is C/(C - 1) sum_c z_c² over the C groups
    (Särndal, Swensson and Wretman 1992, Model Assisted Survey Sampling, section 5.5 for the linearisation and 4.2 for groups;
    Stehman 1997, Remote Sensing of Environment 60, 258-269, for error matrices).

    Args:
        counts: Pixels by group, class in the map and class in truth, shape (C, K, K).
        sizes: Area of each stratum in any unit, shape (H,).
        strata: Stratum of each class of the map, shape (K,), see :func:`joined_strata` in the module of that name.

    Returns:
        The estimates. The error of a user's or producer's accuracy is NaN where fewer than two groups have the class.

    Raises:
        ValueError: When there are fewer than two groups, or a stratum with an area has no pixel.
    """
    pixels, stratum = np.asarray(counts, np.float64), np.asarray(strata, np.int64)
    groups, classes = pixels.shape[:2]
    weights = np.asarray(sizes, np.float64) / np.sum(sizes)
    member = np.zeros((len(weights), classes))
    member[stratum, np.arange(classes)] = 1
    in_stratum = pixels.sum(2) @ member.T  # (C, H)
    total = in_stratum.sum(0)
    if groups < 2 or (total[weights > 0] == 0).any():
        raise ValueError(f"two groups or more, and pixels in every stratum, are needed; found {groups} and {total.tolist()}")
    # W_h / n_h of each class's stratum; 0 where there is neither.
    scale = divided(weights, total)[stratum]
    scale[np.isnan(scale)] = 0
    shares = pixels.sum(0) * scale[:, np.newaxis]
    inside = divided(pixels.sum(0), np.broadcast_to(total[stratum][:, np.newaxis], (classes, classes)).copy())
    inside[np.isnan(inside)] = 0
    z = (pixels - inside * in_stratum[:, stratum][:, :, np.newaxis]) * scale[:, np.newaxis]
    z_correct, z_mapped, z_true = np.diagonal(z, axis1=1, axis2=2), z.sum(2), z.sum(1)
    correct, mapped, true = np.diagonal(shares), shares.sum(1), shares.sum(0)
    users, producers = divided(correct, mapped), divided(correct, true)
    return AreaAdjusted(
        proportions=shares,
        overall=float(correct.sum()),
        users=users,
        producers=producers,
        areas=true,
        overall_error=float(_error(z_correct.sum(1)[:, np.newaxis])[0]),
        users_error=_known(divided(_error(z_correct - users * z_mapped), mapped), pixels.sum(2)),
        producers_error=_known(divided(_error(z_correct - producers * z_true), true), pixels.sum(1)),
        areas_error=_error(z_true),
    )


def _error(z: Shares) -> Shares:
    """Standard error of sums over the groups, whose mean is 0 by construction."""
    groups = len(z)
    return np.sqrt(groups / (groups - 1) * (z**2).sum(0))


def _known(errors: Shares, pixels: NDArray[np.float64]) -> Shares:
    """NaN for classes (K,) that fewer than two groups have: from one, no spread can be told."""
    return np.where((pixels > 0).sum(0) >= 2, errors, np.nan)
