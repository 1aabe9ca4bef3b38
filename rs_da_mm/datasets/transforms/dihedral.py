"""The eight symmetries of a square: remote sensing has no up and no left."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms.utils import cache_randomness
from numpy.typing import NDArray

from rs_da_mm.datasets.transforms.draws import chance, integer
from rs_da_mm.datasets.transforms.fields import SpatialField
from rs_da_mm.datasets.transforms.geometric import SpatialTransform
from rs_da_mm.registry import TRANSFORMS


def dihedral(array: NDArray[Any], element: int) -> NDArray[Any]:
    """Apply one of the eight symmetries of a square to the first two axes.

    Args:
        array: (H, W) or (H, W, bands).
        element: 0 to 7: ``element % 4`` quarter turns counter-clockwise, from 4 on after mirroring left and right.

    Returns:
        A view; (W, H, …) for an odd number of quarter turns.
    """
    mirrored = array[:, ::-1] if element >= 4 else array
    return np.rot90(mirrored, element % 4)


@TRANSFORMS.register_module()
class RandomDihedral(SpatialTransform):
    """Turn a sample by 0°, 90°, 180° or 270° and mirror it or not, each of the eight with the same probability.

    No value is interpolated. A sample that is not square gets one of the four symmetries that keep its shape, so that samples
    of one shape can still be stacked.

    Args:
        prob: Probability that a sample is changed at all.
    """

    def __init__(self, prob: float = 1.0) -> None:
        super().__init__()
        self.prob = prob

    def draw(self, results: dict[str, Any]) -> int | None:
        """Choose the symmetry's number, see :func:`dihedral`."""
        height, width = results["img"].shape[:2]
        return self._random_element(height == width)

    @cache_randomness
    def _random_element(self, square: bool) -> int | None:
        if not chance(self.prob):
            return None
        return integer(8) if square else 2 * integer(4)

    def move(self, array: NDArray[Any], _field: SpatialField, mapping: int) -> NDArray[Any]:
        """Apply the symmetry to one array."""
        return dihedral(array, mapping)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(prob={self.prob})"
