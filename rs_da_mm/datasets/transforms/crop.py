"""A random window of a sample that is worth training on."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms.utils import cache_randomness
from numpy.typing import NDArray

from rs_da_mm.datasets.transforms.draws import integer
from rs_da_mm.datasets.transforms.fields import SpatialField
from rs_da_mm.datasets.transforms.geometric import SpatialTransform
from rs_da_mm.datasets.transforms.pad import as_pair, pad_array
from rs_da_mm.errors import InputError
from rs_da_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomWindowCrop(SpatialTransform):
    """Cut a random window of exactly ``size`` out of a sample, if need be after padding it as :class:`~.pad.PadToSize` does.

    Args:
        size: Height and width of the window; one number for both.
        cat_max_ratio: The largest share that one class may have among the window's labelled pixels (mmseg's word); 1 allows all.
        min_valid: The least share of valid pixels in the window.
        attempts: How many windows are drawn at most; the last one is taken as it is.
        ignore_index: The label that ``cat_max_ratio`` leaves out.

    Raises:
        InputError: When an argument is out of its range.
    """

    adds_outside = True

    def __init__(
        self,
        size: int | tuple[int, int],
        cat_max_ratio: float = 1.0,
        min_valid: float = 0.0,
        attempts: int = 10,
        ignore_index: int = 255,
    ) -> None:
        super().__init__()
        if not 0 < cat_max_ratio <= 1 or not 0 <= min_valid <= 1 or attempts < 1:
            raise InputError(
                f"RandomWindowCrop: cat_max_ratio is {cat_max_ratio}, min_valid {min_valid} and attempts {attempts}, "
                "but the first two are shares of 1 and at least one window must be drawn"
            )
        self.size = as_pair("RandomWindowCrop: size", size)
        self.cat_max_ratio = cat_max_ratio
        self.min_valid = min_valid
        self.attempts = attempts
        self.ignore_index = ignore_index

    def draw(self, results: dict[str, Any]) -> tuple[int, int]:
        """Choose the first row and column."""
        return self._random_corner(results)

    @cache_randomness
    def _random_corner(self, results: dict[str, Any]) -> tuple[int, int]:
        height, width = results["img"].shape[:2]
        rows, columns = max(height - self.size[0], 0) + 1, max(width - self.size[1], 0) + 1
        for _ in range(self.attempts):
            corner = (integer(rows), integer(columns))
            if self._worth_it(results, corner):
                break
        return corner

    def _worth_it(self, results: dict[str, Any], corner: tuple[int, int]) -> bool:
        valid = results.get("valid_mask")
        if valid is not None and self.min_valid > 0:
            # Padding counts as invalid: the share is of the whole window.
            share = np.count_nonzero(self._window(valid, corner) == 1) / (self.size[0] * self.size[1])
            if share < self.min_valid:
                return False
        label = results.get("gt_seg_map")
        if label is None or self.cat_max_ratio == 1:
            return True
        window = self._window(label, corner)
        counts = np.unique(window[window != self.ignore_index], return_counts=True)[1]
        return counts.size > 0 and bool(counts.max() <= self.cat_max_ratio * counts.sum())

    def _window(self, array: NDArray[Any], corner: tuple[int, int]) -> NDArray[Any]:
        return array[corner[0] : corner[0] + self.size[0], corner[1] : corner[1] + self.size[1]]

    def move(self, array: NDArray[Any], field: SpatialField, mapping: tuple[int, int]) -> NDArray[Any]:
        """Cut the window out of one array."""
        return pad_array(self._window(array, mapping), *self.size, fill=field.fill)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(size={self.size}, cat_max_ratio={self.cat_max_ratio}, min_valid={self.min_valid}, "
            f"attempts={self.attempts})"
        )
