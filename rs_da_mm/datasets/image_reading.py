"""The image of a sample: its files as one scene, on the scale and with the quality masks that its data set gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rs_da_mm.datasets.quality_masks import QualityMaskedSource
from rs_da_mm.raster import PlacedSource, Scene, band_numbers
from rs_da_mm.raster.known_scenes import known_scene


def image_paths(sample: Mapping[str, Any]) -> tuple[str, ...]:
    """The files of a sample's image."""
    source = sample["img_path"]
    return tuple(str(path) for path in source) if isinstance(source, (list, tuple)) else (str(source),)


def open_scene(
    sample: Mapping[str, Any], bands: Sequence[int | str] | None = None, nodata: float | None = None, alpha: bool = True
) -> Scene:
    """Open the files of a sample's image.

    Args:
        sample: ``img_path``, and where it has them ``band_indices``, ``mask_path``, ``nodata`` and ``resample``.
        bands: Numbers or names, in place of the sample's.
        nodata: The value that means "no data", in place of the sample's and the files' own.
        alpha: See :class:`rs_da_mm.raster.Scene`.

    Returns:
        The scene, values as stored; it is shared with whoever opens the same.

    Raises:
        RasterError: When a file cannot be opened, or a band does not exist.
    """
    paths = image_paths(sample)
    bands = sample.get("band_indices") if bands is None else bands
    numbers = None if bands is None else band_numbers(paths, bands)
    nodata = sample.get("nodata") if nodata is None else nodata
    return known_scene(paths, numbers, sample.get("mask_path"), nodata, alpha=alpha, resample=sample.get("resample"))


def image_source(sample: Mapping[str, Any], scene: Scene) -> PlacedSource:
    """See a scene as a sample's data set has it.

    Args:
        sample: Where it has them, ``image_scale`` (an :class:`~rs_da_mm.datasets.image_scales.ImageScale`) and ``quality_masks``
            (:class:`~rs_da_mm.datasets.quality_masks.QualityMask` on the image's grid).
        scene: What :func:`open_scene` gave.

    Returns:
        The scene, rescaled to float32 and with less valid pixels where the sample says so.

    Raises:
        InputError: When the scale does not fit the scene.
    """
    source: PlacedSource = scene
    if sample.get("image_scale") is not None:
        source = sample["image_scale"].applied(scene, source)
    if sample.get("quality_masks"):
        source = QualityMaskedSource(source, sample["quality_masks"])
    return source
