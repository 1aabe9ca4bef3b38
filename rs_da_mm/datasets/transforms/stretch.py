"""From any bit depth to 8 bit, by a linear stretch of each band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.registry import TRANSFORMS


def percentile_limits(image: NDArray[Any], valid: NDArray[np.bool_], percentiles: tuple[float, float]) -> NDArray[np.float64]:
    """Find between which two values the valid pixels of each band lie, but for the tails.

    Args:
        image: (H, W, bands) of any real dtype.
        valid: (H, W), true where a pixel counts. Values that are not finite never count.
        percentiles: Lower and upper, 0 to 100.

    Returns:
        (bands, 2): the lower and upper limit per band; (0, 0) where no pixel counts.
    """
    limits = np.zeros((image.shape[2], 2))
    for band in range(image.shape[2]):
        values = image[..., band][valid]
        values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if values.size:
            limits[band] = np.percentile(values, percentiles)
    return limits


def stretch(image: NDArray[Any], limits: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Map each band's values from between its limits to 0…255.

    ``round(255 · clip((x - low) / (high - low), 0, 1))``; where ``high`` is ``low``, the limit of that: 0 up to it and 255 above.

    Args:
        image: (H, W, bands) of any real dtype; NaN becomes 0.
        limits: (bands, 2).

    Returns:
        (H, W, bands) uint8.
    """
    low, high = limits[:, 0], limits[:, 1]
    # The smallest positive width turns a constant band into a step, without dividing by zero.
    width = np.maximum(high - low, np.finfo(np.float32).tiny)
    with np.errstate(over="ignore", invalid="ignore"):
        share = (image.astype(np.float64) - low) / width
    return np.rint(255 * np.clip(np.nan_to_num(share, nan=0.0), 0, 1)).astype(np.uint8)


@TRANSFORMS.register_module()
class StretchTo8Bit(BaseTransform):
    """Turn ``img`` of any dtype into uint8, band by band, by a linear stretch between two limits.

    ``round(255 · clip((x - low) / (high - low), 0, 1))``. A band whose limits coincide becomes 0 up to the limit and 255 above
    it. Invalid pixels take no part in finding limits, and become 0.

    Args:
        percentiles: The limits of a band are these percentiles of the valid pixels of each single image; the same ground then
            looks different in different windows, which is right for looking at it and seldom for training.
        limits: Fixed limits instead, from the statistics of the data set: (low, high) per band, in the image's units.

    Raises:
        InputError: When percentiles or limits are not in rising order; while running, when the image has another number of bands.
    """

    def __init__(
        self,
        percentiles: tuple[float, float] = (2.0, 98.0),
        limits: Sequence[tuple[float, float]] | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= percentiles[0] < percentiles[1] <= 100:
            raise InputError(f"StretchTo8Bit: percentiles are {percentiles}, but must rise and lie between 0 and 100")
        self.percentiles = percentiles
        self.limits = None if limits is None else np.asarray(limits, np.float64).reshape(-1, 2)
        if self.limits is not None and not (self.limits[:, 0] <= self.limits[:, 1]).all():
            raise InputError(f"StretchTo8Bit: limits are {limits}, but each must be (low, high) with high not below low")

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Stretch ``img``; ``valid_mask`` is read where the sample has one."""
        image = results["img"] if results["img"].ndim == 3 else results["img"][..., None]
        mask = results.get("valid_mask")
        valid = np.ones(image.shape[:2], np.bool_) if mask is None else mask == 1
        limits = percentile_limits(image, valid, self.percentiles) if self.limits is None else self.limits
        if len(limits) != image.shape[2]:
            raise InputError(
                f"{results.get('img_path', 'a sample')}: the image has {image.shape[2]} bands, but StretchTo8Bit has limits for "
                f"{len(limits)}. Give (low, high) once per band, or choose bands with LoadRaster(bands=[...])"
            )
        stretched = stretch(image, limits)
        stretched[~valid] = 0
        results["img"] = stretched
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}(percentiles={self.percentiles}, limits={self.limits})"
