"""Clouds, shadows and other pixels of no use, from masks of any pixel size, taken out of an image's valid mask."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.quality_rules import QualityRule
from rs_da_mm.datasets.scene_files import SceneFiles
from rs_da_mm.errors import RasterError
from rs_da_mm.raster import PlacedSource, Scene, SourceView, Window, laid_on


class QualityMask:
    """A quality mask on the grid of an image, by the nearest pixel.

    Args:
        path: The mask: any pixel size and coordinate system.
        rule: What its values mean.
        grid: The image.

    Raises:
        RasterError: When the mask cannot be opened, has no such band, or does not lie on the image's ground.
    """

    def __init__(self, path: Path, rule: QualityRule, grid: Scene) -> None:
        # A value counts for what it says, also where the file calls it nodata: in a cloud mask that is often 'clear'.
        try:
            mask = Scene(path, bands=(rule.band,), nodata=float("nan"), alpha=False)
            self._source = laid_on(mask, grid)
        except RasterError as error:
            raise RasterError(f"masks: {error}") from error
        self.rule = rule

    def read_invalid(self, window: Window) -> NDArray[np.bool_]:
        """Find the pixels of no use.

        Args:
            window: Where on the image; it may reach beyond the edge.

        Returns:
            ``(H, W)``, true where the rule says so, and where the mask has no pixel.

        Raises:
            InputError: When the mask cannot be read.
        """
        values, known = self._source.read_with_valid(window)
        return self.rule.is_invalid(values[..., 0]) | (known == 0)


class QualityMaskedSource(SourceView):
    """An image whose valid mask leaves out what quality masks call invalid; its values stay.

    Args:
        source: The image.
        masks: The masks, on the image's grid.
    """

    def __init__(self, source: PlacedSource, masks: Sequence[QualityMask]) -> None:
        super().__init__(source)
        self.masks = tuple(masks)

    def read_with_valid(self, window: Window) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Read a window; see :meth:`SourceView.read_with_valid`."""
        pixels, valid = self.source.read_with_valid(window)
        for mask in self.masks:
            valid[mask.read_invalid(Window(*window))] = 0
        return pixels, valid


def quality_masks(files: SceneFiles) -> tuple[QualityMask, ...]:
    """Open the quality masks of a scene.

    Args:
        files: The scene.

    Returns:
        They, on the grid of its image; what was opened before is kept, as long as no file of the scene changes.

    Raises:
        RasterError: When one cannot be opened, or does not lie on the image's ground.
    """
    return _open(files, files.stamps()) if files.quality else ()


@lru_cache(maxsize=256)
def _open(files: SceneFiles, stamps: tuple[tuple[int, int], ...]) -> tuple[QualityMask, ...]:
    grid = files.image()
    return tuple(QualityMask(path, rule, grid) for path, rule in zip(files.quality, files.reading.quality, strict=True))
