from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning


def write_plainly(
    path: Path, pixels: np.ndarray, mask: np.ndarray | None = None, alpha: int | None = None, **profile: Any
) -> Path:
    """Write a raster with rasterio alone, so that nothing of ours is tested against itself."""
    bands = pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels
    height, width, count = bands.shape
    profile = {"driver": "GTiff", "height": height, "width": width, "count": count, "dtype": bands.dtype.name, **profile}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **profile) as dataset:
            if alpha is not None:
                kinds = list(dataset.colorinterp)
                kinds[alpha - 1] = rasterio.enums.ColorInterp.alpha
                dataset.colorinterp = kinds
            dataset.write(np.moveaxis(bands, 2, 0))
            if mask is not None:
                dataset.write_mask(mask)
    return path


@pytest.fixture
def plainly():
    return write_plainly


@pytest.fixture
def pixels() -> np.ndarray:
    """300 x 200 pixels of 3 bands, every value told by its place: no two windows are alike."""
    rows, cols, bands = np.meshgrid(np.arange(300), np.arange(200), np.arange(3), indexing="ij")
    return ((rows * 7 + cols * 13 + bands * 29) % 251 + 1).astype(np.uint8)
