"""Rotation by any angle, scaling and shearing, for any band count and dtype."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from mmcv.transforms.utils import cache_randomness
from numpy.typing import NDArray

from rs_da_mm.datasets.transforms.draws import chance, uniform
from rs_da_mm.datasets.transforms.fields import SpatialField
from rs_da_mm.datasets.transforms.geometric import SpatialTransform
from rs_da_mm.errors import InputError
from rs_da_mm.registry import TRANSFORMS

_BANDS_PER_CALL = 4
"""OpenCV's documentation promises four channels; some versions take more."""

_NATIVE = frozenset({"uint8", "uint16", "int16", "float32", "float64"})
"""What OpenCV warps as it is. Everything else goes through float64, which holds it exactly up to 2**53."""

_WHOLE = 0.999
"""From this interpolated coverage on, no pixel that went in was outside; a little under 1 for rounding."""

Range = float | tuple[float, float]


def affine_matrix(angle: float, scale: float, shear: float, height: int, width: int) -> NDArray[np.float64]:
    """The map from source to target pixels, about the centre of the image.

    ``target = centre + scale · R(angle) · S(shear) · (source - centre)`` with pixel centres at whole numbers (x to the right, y
    downwards), ``R`` turning counter-clockwise as one looks at the image and ``S = [[1, tan(shear)], [0, 1]]``.

    Args:
        angle: Degrees.
        scale: Above 1 enlarges.
        shear: Degrees, between -90 and 90.
        height: Rows of the image.
        width: Columns of the image.

    Returns:
        (2, 3), to be multiplied by (x, y, 1).
    """
    turn = math.radians(angle)
    rotation = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    linear = scale * rotation @ np.array([[1.0, math.tan(math.radians(shear))], [0.0, 1.0]])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([linear, centre - linear @ centre])


def warp_array(array: NDArray[Any], matrix: NDArray[np.float64], interpolation: Literal["linear", "nearest"]) -> NDArray[Any]:
    """Warp an array by a map from source to target; what lies outside repeats the nearest edge pixel.

    Args:
        array: (H, W) or (H, W, bands) of any real dtype.
        matrix: (2, 3), as :func:`affine_matrix` gives it.
        interpolation: ``'linear'`` is bilinear, rounded to the nearest number for integers.

    Returns:
        An array of the same shape and dtype.
    """
    height, width = array.shape[:2]
    flags = cv2.INTER_LINEAR if interpolation == "linear" else cv2.INTER_NEAREST
    source = array.reshape(height, width, -1)
    if array.dtype.name not in _NATIVE:
        source = source.astype(np.float64)
    warped = [
        cv2.warpAffine(
            np.ascontiguousarray(source[..., first : first + _BANDS_PER_CALL]),
            matrix,
            (width, height),
            flags=flags,
            borderMode=cv2.BORDER_REPLICATE,
        ).reshape(height, width, -1)
        for first in range(0, source.shape[2], _BANDS_PER_CALL)
    ]
    stacked = warped[0] if len(warped) == 1 else np.concatenate(warped, axis=2)
    if np.issubdtype(array.dtype, np.integer) and stacked.dtype != array.dtype:
        stacked = np.rint(stacked)
    return stacked.reshape(array.shape).astype(array.dtype, copy=False)


def wholly_inside(mask: NDArray[Any], matrix: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where a bilinear value is made of pixels of the mask alone.

    Args:
        mask: (H, W) booleans; everything outside of the array counts as false.
        matrix: (2, 3), as :func:`affine_matrix` gives it.

    Returns:
        (H, W) booleans.
    """
    height, width = mask.shape
    share = cv2.warpAffine(
        mask.astype(np.float32), matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    return share >= _WHOLE


class Warp(NamedTuple):
    """A drawn mapping.

    Attributes:
        matrix: (2, 3), from source to target pixels.
        inside: (H, W) booleans, true where the target comes from inside of the source alone.
    """

    matrix: NDArray[np.float64]
    inside: NDArray[np.bool_]


@TRANSFORMS.register_module()
class RandomAffineWarp(SpatialTransform):
    """Rotate, scale and shear a sample about its centre; its size stays.

    Images and heights are interpolated bilinearly, labels and index maps take the nearest pixel. A pixel is valid afterwards
    only if all that went into it was valid, so nodata never bleeds into data; the border of what is not valid grows by up to
    one pixel. Outside of the image: image 0, label 255, not valid.

    Args:
        angle: Range in degrees, counter-clockwise; one number stands for ``(-angle, angle)``.
        scale: Range of the enlargement; one number fixes it.
        shear: Range in degrees; one number stands for ``(-shear, shear)``.
        prob: Probability that a sample is changed at all.

    Raises:
        InputError: When a scale is not above 0, or a shear not between -90 and 90.
    """

    adds_outside = True

    def __init__(self, angle: Range = 180.0, scale: Range = 1.0, shear: Range = 0.0, prob: float = 1.0) -> None:
        super().__init__()
        self.angle = _range(angle, symmetric=True)
        self.scale = _range(scale, symmetric=False)
        self.shear = _range(shear, symmetric=True)
        self.prob = prob
        if min(self.scale) <= 0:
            raise InputError(f"RandomAffineWarp: scale is {scale}, but must be above 0")
        if max(abs(value) for value in self.shear) >= 90:
            raise InputError(f"RandomAffineWarp: shear is {shear}, but must be between -90 and 90 degrees")

    def draw(self, results: dict[str, Any]) -> Warp | None:
        """Choose angle, scale and shear."""
        drawn = self._random_parameters()
        if drawn is None:
            return None
        angle, scale, shear = drawn
        height, width = results["img"].shape[:2]
        matrix = affine_matrix(angle, scale, shear, height, width)
        return Warp(matrix, wholly_inside(np.ones((height, width), np.bool_), matrix))

    @cache_randomness
    def _random_parameters(self) -> tuple[float, float, float] | None:
        if not chance(self.prob):
            return None
        return uniform(*self.angle), uniform(*self.scale), uniform(*self.shear)

    def move(self, array: NDArray[Any], field: SpatialField, mapping: Warp) -> NDArray[Any]:
        """Warp one array and fill what came from outside."""
        if field.interpolation == "all":
            return wholly_inside(array == 1, mapping.matrix).astype(array.dtype)
        warped = warp_array(array, mapping.matrix, field.interpolation)
        warped[~mapping.inside] = field.fill
        return warped

    def __repr__(self) -> str:
        return f"{type(self).__name__}(angle={self.angle}, scale={self.scale}, shear={self.shear}, prob={self.prob})"


def _range(value: Range, symmetric: bool) -> tuple[float, float]:
    if isinstance(value, (int, float)):
        return (-abs(value), abs(value)) if symmetric else (value, value)
    return float(min(value)), float(max(value))
