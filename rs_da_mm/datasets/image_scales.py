"""From stored numbers to physical ones: scale and offset, as given, as the file says, or as Sentinel-2's products mean them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import PlacedSource, RescaledSource, Scene, portable_name
from rs_da_mm.raster.band_scales import band_scales
from rs_da_mm.raster.tags import file_tags

FILE = "file"
SENTINEL2 = "sentinel2"
SENTINEL2_SINCE_2022 = "sentinel2_since_2022"
SENTINEL2_BEFORE_2022 = "sentinel2_before_2022"
NAMED_SCALES = (FILE, SENTINEL2, SENTINEL2_SINCE_2022, SENTINEL2_BEFORE_2022)
"""Scales that have a name, see :class:`ImageScale`."""

_QUANTIFICATION = 10_000.0
_ADD_OFFSET = -1000.0
_BASELINE_TAGS = ("PROCESSING_BASELINE", "S2_PROCESSING_BASELINE", "s2:processing_baseline", "processing:version")
_BASELINE_IN_NAME = re.compile(r"_N(\d\d)(\d\d)_R\d{3}_")
_Numbers = float | tuple[float, ...]


@dataclass(frozen=True)
class ImageScale:
    """How an image's stored values become ``stored * scale + offset`` in float32; what holds no data becomes 0.

    Attributes:
        named: ``'file'``: by the scale and offset that the file gives each band. ``'sentinel2_since_2022'``: reflectance
            ``(stored - 1000) / 10000``, for products of processing baseline 04.00 and later (from 25 January 2022 on, and older
            scenes that were processed again). ``'sentinel2_before_2022'``: ``stored / 10000``. ``'sentinel2'``: one of the two
            by the scene's processing baseline, taken from its file's tags or from the product's name in its path (``_N0400_``).
            ``None``: by the numbers.
        scale: One number, or one per band.
        offset: One number, or one per band.

    Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), ``BOA_ADD_OFFSET`` and
        ``BOA_QUANTIFICATION_VALUE``.
    """

    named: str | None = None
    scale: _Numbers = 1.0
    offset: _Numbers = 0.0

    @classmethod
    def parse(cls, scale: Any, offset: Any) -> ImageScale | None:
        """Read ``scale`` and ``offset``.

        Args:
            scale: A name, a number, numbers per band, or ``None``.
            offset: A number, numbers per band, or ``None``.

        Returns:
            The scale; ``None`` where values are to stay as they are stored.

        Raises:
            DatasetError: When it is none of these, or a named scale is given an offset too.
        """
        if scale is None and offset is None:
            return None
        if isinstance(scale, str):
            if scale not in NAMED_SCALES:
                raise DatasetError(f"scale is {scale!r}; give numbers, or {', '.join(map(repr, NAMED_SCALES))}.")
            if offset is not None:
                raise DatasetError(f"scale={scale!r} brings its own offset; leave offset out, or give both as numbers.")
            return cls(scale)
        return cls(None, _numbers("scale", scale, 1.0), _numbers("offset", offset, 0.0))

    @property
    def is_sentinel2(self) -> bool:
        """Whether it is one of Sentinel-2's, whose value 0 always means "no data"."""
        return self.named in (SENTINEL2, SENTINEL2_SINCE_2022, SENTINEL2_BEFORE_2022)

    def parameters(self) -> dict[str, Any]:
        """The form that is recorded with stored results."""
        return {"scale": self.named or self.scale, "offset": None if self.named else self.offset}

    def applied(self, scene: Scene, source: PlacedSource) -> RescaledSource:
        """See an image on this scale.

        Args:
            scene: The image's files, with the bands that are read.
            source: What reads them.

        Returns:
            The source with its values rescaled.

        Raises:
            InputError: When there is not one number per band, or nothing tells the baseline of a Sentinel-2 product.
        """
        scale, offset = self._numbers_of(scene)
        return RescaledSource(source, scale, offset)

    def _numbers_of(self, scene: Scene) -> tuple[_Numbers, _Numbers]:
        if self.named is None:
            return self.scale, self.offset
        if self.named == FILE:
            told = band_scales(scene)
            return tuple(one.gain for one in told), tuple(one.offset for one in told)
        since = self.named == SENTINEL2_SINCE_2022 or (self.named == SENTINEL2 and sentinel2_baseline(scene) >= (4, 0))
        return 1 / _QUANTIFICATION, _ADD_OFFSET / _QUANTIFICATION if since else 0.0


def sentinel2_baseline(scene: Scene) -> tuple[int, int]:
    """Find the processing baseline of a Sentinel-2 scene.

    Args:
        scene: The scene.

    Returns:
        Its two numbers: ``(4, 0)`` for 04.00.

    Raises:
        DatasetError: When neither the tags of its first file nor its path tell; it says what to give instead.
    """
    path = scene.paths[0]
    tags = file_tags(path)
    for name in _BASELINE_TAGS:
        found = re.fullmatch(r"(\d+)\.(\d+)", tags.get(name, "").strip())
        if found is not None:
            return int(found[1]), int(found[2])
    named = _BASELINE_IN_NAME.findall(str(path))
    if named:
        return int(named[-1][0]), int(named[-1][1])
    raise DatasetError(
        f"{portable_name(path)}: nothing tells its processing baseline, neither a tag ({', '.join(_BASELINE_TAGS)}) nor a "
        f"product's name in its path (…_N0400_R108_…), so scale='{SENTINEL2}' does not know whether 1000 was added to its "
        f"values. Give scale='{SENTINEL2_SINCE_2022}' (it was) or scale='{SENTINEL2_BEFORE_2022}' (it was not, or it was taken "
        "off again)."
    )


def _numbers(what: str, given: Any, default: float) -> _Numbers:
    if given is None:
        return default
    values = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if not values or not all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in values):
        raise DatasetError(f"{what} is {given!r}; give a number, or one per band.")
    return float(given) if isinstance(given, (int, float)) else tuple(map(float, values))
