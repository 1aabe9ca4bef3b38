"""Rasters that are damaged in a place of one's choice, for the tests of reading on."""

from __future__ import annotations

import warnings

import numpy as np
import rasterio

from rs_da_mm.raster.handles import forget_failure


def write_tiff(path, pixels, block=(32, 48), tiled=True, compress="deflate", **profile):
    """Write a GeoTIFF with rasterio alone, in tiles or in strips of ``block[0]`` rows."""
    height, width, count = pixels.shape
    layout = {"tiled": True, "blockxsize": block[1], "blockysize": block[0]} if tiled else {"blockysize": block[0]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        profile = {"driver": "GTiff", "height": height, "width": width, "count": count, "dtype": pixels.dtype.name, **profile}
        with rasterio.open(path, "w", compress=compress, **layout, **profile) as dataset:
            dataset.write(np.moveaxis(pixels, 2, 0))
    return path


def damage_block(path, row, col, band=1):
    """Overwrite the bytes of a compressed block, but for its head; row and column are counted in blocks.

    Ones make no deflate stream. (With a few bits turned over it may be one still: GDAL does not always look at its checksum.)
    """
    with rasterio.open(path) as dataset:
        tag = f"{col}_{row}"
        start, size = (int(dataset.get_tag_item(f"BLOCK_{what}_{tag}", "TIFF", bidx=band)) for what in ("OFFSET", "SIZE"))
    with path.open("r+b") as file:
        file.seek(start + 2)
        file.write(b"\xff" * (size - 2))


def cut(path, share):
    """Keep only the first part of a file."""
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))


def readable_pixels(path):
    """Which pixels rasterio can read, block by block, each with a file that was just opened."""
    with rasterio.open(path) as dataset:
        readable = np.zeros(dataset.shape, np.uint8)
        windows = [window for _, window in dataset.block_windows(1)]
    for window in windows:
        with rasterio.open(path) as dataset:
            try:
                dataset.read(window=window)
            except rasterio.errors.RasterioIOError:
                forget_failure(path)
                continue
        readable[window.toslices()] = 1
    return readable
