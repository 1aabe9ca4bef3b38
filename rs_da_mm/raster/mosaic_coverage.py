"""Which parts of a virtual mosaic (VRT) its sources cover, from its description: no source is opened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

MOSAIC_CELL = (256, 256)
"""Rows and columns of the cells in which a mosaic's coverage is told."""


def mosaic_cells(dataset: Any, bands: Sequence[int]) -> NDArray[np.bool_] | None:
    """Find the cells of a mosaic that one of its sources reaches.

    Args:
        dataset: The VRT, open in rasterio.
        bands: Band numbers, counted from 1; none for its mask.

    Returns:
        ``(rows, columns)`` of :data:`MOSAIC_CELL`; ``None`` when the VRT is no plain mosaic (warped, pansharpened, computed).
    """
    root = ElementTree.fromstring(dataset.tags(ns="xml:VRT")["xml:VRT"])
    band_elements = root.findall("VRTRasterBand") if bands else root.findall("MaskBand/VRTRasterBand")
    chosen = [element for element in band_elements if not bands or int(element.get("band", 0)) in bands]
    if not chosen or any(element.get("subClass") for element in (root, *chosen)):
        return None
    cells = np.zeros((-(-dataset.height // MOSAIC_CELL[0]), -(-dataset.width // MOSAIC_CELL[1])), np.bool_)
    for element in chosen:
        for source in element.iter():
            if not source.tag.endswith("Source"):
                continue
            place = source.find("DstRect")
            if place is None:  # it covers all
                return None
            rows, cols = (_cells_of(place, *names) for names in (("yOff", "ySize", 0), ("xOff", "xSize", 1)))
            cells[rows, cols] = True
    return cells


def _cells_of(place: ElementTree.Element, start: str, length: str, axis: int) -> slice:
    """The cells that a source touches along one axis, with a pixel to spare for how GDAL rounds."""
    first = float(place.get(start, 0)) - 1
    last = first + float(place.get(length, 0)) + 2
    return slice(max(math.floor(first / MOSAIC_CELL[axis]), 0), max(math.ceil(last / MOSAIC_CELL[axis]), 0))
