"""What all geometric transforms share: one mapping, drawn once, moves everything on the pixel grid."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

from rs_da_mm.datasets.transforms.fields import SpatialField, ensure_valid_mask, fields_of


class SpatialTransform(BaseTransform):
    """Move image, labels, valid mask, heights and index maps of a sample by the same mapping.

    A subclass says in :meth:`draw` which mapping a sample gets (by a method decorated with mmcv's ``cache_randomness``, so that
    several images can share it) and in :meth:`move` what the mapping does to one array. Any number of bands and any dtype.
    """

    adds_outside = False
    """Whether the mapping can bring in pixels from outside of the image; the sample then gets a valid mask if it has none."""

    @abstractmethod
    def draw(self, results: dict[str, Any]) -> Any:
        """Choose the mapping for a sample; ``None`` leaves it as it is."""

    @abstractmethod
    def move(self, array: NDArray[Any], field: SpatialField, mapping: Any) -> NDArray[Any]:
        """Apply a mapping to an array of shape (H, W) or (H, W, bands)."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Move every array of the sample that lies on the pixel grid.

        Args:
            results: A sample with ``img`` (H, W, bands) and what else :data:`~.fields.SPATIAL_FIELDS` lists.

        Returns:
            The same dict with moved arrays of unchanged dtype and ``img_shape`` brought up to date.
        """
        if results["img"].ndim == 2:  # mmcv's functions drop the band axis of a single band
            results["img"] = results["img"][..., None]
        mapping = self.draw(results)
        if mapping is None:
            return results
        if self.adds_outside:
            ensure_valid_mask(results)
        for key, field in fields_of(results):
            results[key] = np.ascontiguousarray(self.move(results[key], field, mapping))
        results["img_shape"] = results["img"].shape[:2]
        return results
