"""Weights that make up for rare classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def median_frequency_weights(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Median frequency balancing.

    ``weight[c] = median(f) / f[c]``, where ``f[c]`` is the class's share of the labelled pixels of those windows in which it
    occurs.

    D. Eigen and R. Fergus, "Predicting depth, surface normals and semantic labels with a common multi-scale convolutional
    architecture", ICCV 2015, section 6.3.2.

    Args:
        counts: ``(windows, classes)`` pixels of each class, without ignored ones.

    Returns:
        ``(classes,)``; 0 for a class that does not occur, whose weight never counts.
    """
    labelled = counts.sum(axis=1)
    pixels = counts.sum(axis=0)
    around = ((counts > 0) * labelled[:, None]).sum(axis=0)
    there = pixels > 0
    frequency = pixels[there] / around[there]
    weights = np.zeros(counts.shape[1])
    if there.any():
        weights[there] = np.median(frequency) / frequency
    return weights


def inverse_root_weights(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """One over the square root of a class's share of all labelled pixels: a milder correction.

    Args:
        counts: ``(windows, classes)`` pixels of each class, without ignored ones.

    Returns:
        ``(classes,)``, 1 on average over the classes that occur; 0 for a class that does not.
    """
    pixels = counts.sum(axis=0)
    there = pixels > 0
    weights = np.zeros(counts.shape[1])
    if there.any():
        weights[there] = 1 / np.sqrt(pixels[there] / pixels.sum())
        weights[there] /= weights[there].mean()
    return weights
