"""What the files of a scene say about the unit of their values."""

from __future__ import annotations

from typing import NamedTuple

from rs_da_mm.raster.handles import open_raster
from rs_da_mm.raster.scene import Scene


class BandScale(NamedTuple):
    """How stored values become physical ones: ``gain * value + offset``, GDAL's "scale" and "offset".

    Attributes:
        gain: 1 where the file says nothing.
        offset: 0 where the file says nothing.
    """

    gain: float
    offset: float


def band_scales(scene: Scene) -> tuple[BandScale, ...]:
    """Read the scale of each selected band; :meth:`~rs_da_mm.raster.Scene.read` gives values as stored, without it.

    Args:
        scene: The scene.

    Raises:
        RasterError: When a file cannot be opened.
    """
    found = {}
    for source in scene._sources:
        dataset = open_raster(source.path)
        for band, place in zip(source.bands, source.places, strict=True):
            found[place] = BandScale(float(dataset.scales[band - 1]), float(dataset.offsets[band - 1]))
    return tuple(found[place] for place in range(scene.count))
