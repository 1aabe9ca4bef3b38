"""Loading heights onto the pixels of an image."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
from mmcv.transforms import BaseTransform

from rs_da_mm.datasets.image_reading import image_paths
from rs_da_mm.datasets.transforms.fields import add_seg_field
from rs_da_mm.errors import InputError
from rs_da_mm.raster import PlacedSource, Resampling, Scene, Window, laid_on, local_file, locate
from rs_da_mm.registry import TRANSFORMS

HeightUnit = Literal["metre", "foot", "us_survey_foot"]
"""Units of heights: the international foot is 0.3048 m, the US survey foot 1200/3937 m."""

_METRES = {"metre": 1.0, "foot": 0.3048, "us_survey_foot": 1200 / 3937}


@TRANSFORMS.register_module()
class LoadHeight(BaseTransform):
    """Load ``height`` (H, W) float32 in metres, on the image's pixels, from any raster of heights (DSM, DTM, nDSM).

    Reads ``height_path``, ``img_path`` and, where the sample has them, ``window`` and ``resample``. The raster may have any
    pixel size and coordinate system: values between its pixels are found by ``method``, in which pixels without data take no
    part.

    Adds ``height``; and ``height_valid`` (H, W) uint8, 1 where a height is known. Where none is, ``height`` is 0. Both are
    listed in ``seg_fields``, so that geometric transforms move them with the image. The image's own ``valid_mask`` stays as it
    is, since a pixel without height can still be labelled; ``require=True`` makes it invalid instead.

    Args:
        unit: What the raster's values are counted in.
        offset: Metres to add, after the conversion: geoid against ellipsoid, or the height of a base.
        method: ``'bilinear'``, ``'nearest'`` or ``'cubic'``.
        require: Whether a pixel of unknown height is invalid (``valid_mask``); put LoadHeight after LoadRaster for that.
        band: The band that holds the heights, counted from 1; not needed where the file has one.

    Raises:
        InputError: When unit or method do not exist. While loading: when the sample has no heights, or their file has several
            bands.
        RasterError: While loading: when the file cannot be read, or does not lie on the image's ground.
    """

    def __init__(
        self,
        unit: HeightUnit = "metre",
        offset: float = 0.0,
        method: Resampling = "bilinear",
        require: bool = False,
        band: int | None = None,
    ) -> None:
        super().__init__()
        if unit not in _METRES:
            raise InputError(f"LoadHeight: unit is {unit!r}; it can be {', '.join(map(repr, _METRES))}.")
        if method not in get_args(Resampling) or not math.isfinite(offset):
            raise InputError(
                f"LoadHeight: method is {method!r} and offset {offset!r}; give {', '.join(map(repr, get_args(Resampling)))}, "
                "and metres."
            )
        self.unit, self.offset, self.method, self.require, self.band = unit, float(offset), method, require, band

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read the heights of a sample; see the class for the keys."""
        path = results.get("height_path")
        if path is None:
            raise InputError(
                f"{results.get('img_path', 'a sample')} has no heights (no `height_path`), but the pipeline loads them. Give the "
                "data set heights='…', or leave LoadHeight out."
            )
        stamps = tuple(map(_stamp, (str(path), *image_paths(results))))
        surface = _surface(str(path), self.band, image_paths(results), results.get("resample"), self.method, stamps)
        window = results.get("window")
        stored, known = surface.read_with_valid(
            Window(0, 0, surface.height, surface.width) if window is None else Window(*window)
        )
        height = (stored[..., 0].astype(np.float64) * _METRES[self.unit] + self.offset).astype(np.float32)
        height[known == 0] = 0
        add_seg_field(results, "height", height)
        add_seg_field(results, "height_valid", known)
        if self.require:
            if results.get("valid_mask") is None:
                raise InputError("LoadHeight(require=True) needs a `valid_mask`; put it after LoadRaster.")
            results["valid_mask"][known == 0] = 0
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}(unit='{self.unit}', offset={self.offset}, method='{self.method}', require={self.require})"


@lru_cache(maxsize=256)
def _surface(
    path: str,
    band: int | None,
    images: tuple[str, ...],
    resample: Resampling | None,
    method: Resampling,
    stamps: tuple[tuple[int, int] | None, ...],
) -> PlacedSource:
    """Lay heights on an image's grid, once per scene and process, as long as no file changes."""
    heights = Scene(path, None if band is None else (band,))
    if heights.count != 1:
        raise InputError(f"{path} has {heights.count} bands; say which of them holds the heights: LoadHeight(band=1).")
    return laid_on(heights, Scene(images, resample=resample), method)


def _stamp(name: str) -> tuple[int, int] | None:
    file = local_file(locate(name))
    if file is None or not file.is_file():
        return None
    state = file.stat()
    return state.st_size, state.st_mtime_ns
