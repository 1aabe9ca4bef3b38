"""Loading an image, or a window of one, with the mask that says where it holds data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from rs_da_mm.datasets.image_reading import image_source, open_scene
from rs_da_mm.datasets.transforms.fields import add_seg_field
from rs_da_mm.errors import InputError
from rs_da_mm.raster import Window
from rs_da_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadRaster(BaseTransform):
    """Load ``img`` and ``valid_mask`` from any raster that GDAL opens, all bands or some, whole or by window.

    Reads ``img_path`` (one file, or several that make up one scene) and, where the sample has them, ``window`` (row, column,
    height and width in pixels of the scene), ``mask_path`` (a raster with 0 where there is no data) and ``band_indices``; also,
    from :class:`~rs_da_mm.datasets.RasterFolderDataset`, ``resample``, ``nodata``, ``image_scale`` and ``quality_masks``. Works
    in a pipeline of ours and in one of mmseg's own data sets. Bands keep the order that was asked for, and nothing swaps red
    and blue.

    Adds ``img`` (H, W, bands) in the file's dtype, or float32 where the sample has a scale; ``valid_mask`` (H, W) uint8, 1
    where there is data, also listed in mmseg's ``seg_fields``; ``img_shape`` and ``ori_shape``; ``scene_shape``, the size of
    the whole scene; and ``bands``, the names of the bands, where the data set or the file has names.

    Args:
        bands: Which bands, in which order: numbers counted from 1 over all files, or names that the files give their bands.
            Without it the sample's ``band_indices``, and without these all bands that are not alpha.
        count: How many bands must come out, for files that ought to be alike; ``None`` accepts any number.
        to_float32: Convert the image to float32.
        nodata: The value that means "no data", in place of the files' own.
        alpha: Whether a band that a file marks as alpha is one, see :class:`rs_da_mm.raster.Scene`.

    Raises:
        InputError: While loading: when a band does not exist, or ``count`` is not met. The message names the file.
        RasterError: While loading: when a file or window cannot be read.
    """

    def __init__(
        self,
        bands: Sequence[int | str] | None = None,
        count: int | None = None,
        to_float32: bool = False,
        nodata: float | None = None,
        alpha: bool = True,
    ) -> None:
        super().__init__()
        self.bands = None if bands is None else tuple(bands)
        self.count = count
        self.to_float32 = to_float32
        self.nodata = nodata
        self.alpha = alpha

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read the image of a sample; see the class for the keys."""
        scene = open_scene(results, self.bands, self.nodata, self.alpha)
        if self.count is not None and scene.count != self.count:
            raise InputError(
                f"{scene.name}: {scene.count} bands, but LoadRaster(count={self.count}) expects {self.count}. "
                "Choose bands with LoadRaster(bands=[...]), numbers counted from 1 or names"
            )
        window = results.get("window")
        source = image_source(results, scene)
        image, valid = source.read_with_valid(Window(0, 0, *scene.shape) if window is None else Window(*window))
        results["img"] = image.astype(np.float32, copy=False) if self.to_float32 else image
        add_seg_field(results, "valid_mask", valid)
        results["img_shape"] = results["ori_shape"] = image.shape[:2]
        results["scene_shape"] = scene.shape
        names = scene.descriptions
        if all(names) and (self.bands is not None or "bands" not in results):  # a data set may call its bands otherwise
            results["bands"] = names
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}(bands={self.bands}, count={self.count}, to_float32={self.to_float32})"
