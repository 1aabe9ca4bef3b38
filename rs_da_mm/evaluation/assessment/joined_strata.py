"""Strata of a sample that was drawn without them: the classes of the map, joined where a class has too few units."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError


def joined_strata(units: NDArray[np.int64], sizes: NDArray[np.float64], least: int = 2) -> NDArray[np.int64]:
    """Give each class of a map its stratum.

    A class with fewer than ``least`` units can be no stratum of its own. All such classes become one, together with the classes
    of fewest units if theirs do not suffice: of a random sample, any strata will do (Cochran 1977, Sampling Techniques, section
    5A.9).

    Args:
        units: Sample units in each class of the map, shape (K,).
        sizes: Area of each class, shape (K,). A class without area is no reason to join any.
        least: Units that a stratum needs.

    Returns:
        Number of the stratum of each class, from 0 on, shape (K,).

    Raises:
        InputError: When there are fewer than ``least`` units altogether.
    """
    if units.sum() < least:
        raise InputError(f"{int(units.sum())} sample units lie on the map; {least} are the least that anything can be told from.")
    order = [int(k) for k in np.argsort(units, kind="stable") if sizes[k] > 0]
    joined: list[int] = []
    for k in order:
        if units[k] >= least and (not joined or units[joined].sum() >= least):
            break
        joined.append(k)
    stratum = np.arange(len(units))
    stratum[joined] = joined[0] if joined else 0
    return np.unique(stratum, return_inverse=True)[1].reshape(-1)


def summed(values: NDArray[np.float64], strata: NDArray[np.int64]) -> NDArray[np.float64]:
    """Add up what the classes of each stratum have, shape (K,) to (H,)."""
    total: NDArray[np.float64] = np.bincount(strata, weights=values).astype(np.float64)
    return total
