"""Padding that says it is padding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.transforms.fields import SpatialField
from rs_da_mm.datasets.transforms.geometric import SpatialTransform
from rs_da_mm.errors import InputError
from rs_da_mm.registry import TRANSFORMS


def as_pair(name: str, size: int | tuple[int, int] | list[int]) -> tuple[int, int]:
    """Read a size given as one number or as (height, width).

    Raises:
        InputError: When it is neither, or not above 0.
    """
    pair = (size, size) if isinstance(size, int) else tuple(size)
    if len(pair) != 2 or not all(isinstance(value, int) and value > 0 for value in pair):
        raise InputError(f"{name} is {size}, but must be a whole number above 0 or a pair (height, width) of them")
    return int(pair[0]), int(pair[1])


def pad_array(array: NDArray[Any], height: int, width: int, fill: float) -> NDArray[Any]:
    """Pad (H, W) or (H, W, bands) on the right and at the bottom to at least ``height`` × ``width``; dtype is kept."""
    below, right = max(height - array.shape[0], 0), max(width - array.shape[1], 0)
    if not below and not right:
        return array
    padded = np.full((array.shape[0] + below, array.shape[1] + right, *array.shape[2:]), fill, array.dtype)
    padded[: array.shape[0], : array.shape[1]] = array
    return padded


@TRANSFORMS.register_module()
class PadToSize(SpatialTransform):
    """Pad a sample on the right and at the bottom: image 0, label 255, not valid.

    For training; at test time padding is the data preprocessor's, which has the prediction cut back.

    Args:
        size: Least height and width; one number for both.
        divisor: Height and width become multiples of it.

    Raises:
        InputError: When neither is given, or one is not above 0.
    """

    adds_outside = True

    def __init__(self, size: int | tuple[int, int] | None = None, divisor: int | None = None) -> None:
        super().__init__()
        if size is None and divisor is None:
            raise InputError("PadToSize: give `size`, `divisor`, or both")
        if divisor is not None and divisor < 1:
            raise InputError(f"PadToSize: divisor is {divisor}, but must be at least 1")
        self.size = None if size is None else as_pair("PadToSize: size", size)
        self.divisor = divisor

    def draw(self, results: dict[str, Any]) -> tuple[int, int] | None:
        """Work out the padded height and width; ``None`` where there is nothing to pad."""
        height, width = results["img"].shape[:2]
        padded = (height, width) if self.size is None else (max(height, self.size[0]), max(width, self.size[1]))
        if self.divisor is not None:
            padded = (math.ceil(padded[0] / self.divisor) * self.divisor, math.ceil(padded[1] / self.divisor) * self.divisor)
        return None if padded == (height, width) else padded

    def move(self, array: NDArray[Any], field: SpatialField, mapping: tuple[int, int]) -> NDArray[Any]:
        """Pad one array with what its field holds outside."""
        return pad_array(array, *mapping, fill=field.fill)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pad the sample; ``pad_shape`` is set as well."""
        results = super().transform(results)
        results["pad_shape"] = results["img"].shape[:2]
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, divisor={self.divisor})"
