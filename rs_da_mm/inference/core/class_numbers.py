"""From scores to class numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def class_numbers(scores: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Find the class with the highest score, the first of those that share it: ``scores.argmax(axis=0)``, some ten times faster.

    Args:
        scores: ``(classes, rows, columns)``, up to 256 classes, all numbers.

    Returns:
        ``(rows, columns)`` uint8.
    """
    numbers = np.zeros(scores.shape[1:], np.uint8)
    highest = scores[0].copy()
    number = np.empty_like(numbers)
    for index in range(1, scores.shape[0]):
        # A class goes before all that have a lower number, so the highest number that ever led is the one that leads.
        np.multiply(scores[index] > highest, np.uint8(index), out=number)
        np.maximum(numbers, number, out=numbers)
        np.maximum(highest, scores[index], out=highest)
    return numbers
