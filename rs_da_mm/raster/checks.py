"""Whether rasters are whole, and whether two fit each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.enums import MaskFlags
from rasterio.windows import Window as FileWindow

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.blocks import block_windows, check_blocks
from rs_da_mm.raster.georeference import differences
from rs_da_mm.raster.handles import GDAL_ERRORS, open_fresh
from rs_da_mm.raster.ledger import Entry, checksum
from rs_da_mm.raster.locations import Location, locate
from rs_da_mm.raster.profile import Profile
from rs_da_mm.raster.scene import Scene
from rs_da_mm.raster.source import unreadable
from rs_da_mm.raster.windows import Window


def check_alignment(image: Scene, label: Scene) -> list[str]:
    """Compare the grids of an image and its label.

    Args:
        image: The image.
        label: Its label.

    Returns:
        What differs in size, CRS and grid, in words; nothing when they fit. Grids fit when no corner moves by more than a
        hundredth of a pixel. Where either has no georeference only the sizes are compared, and where either names no CRS, no CRS.
    """
    if image.shape != label.shape:
        return [f"size {image.height} x {image.width} against {label.height} x {label.width}"]
    return differences(image.georeference(), label.georeference(), image.height, image.width)


def check_readable(path: str | Path) -> None:
    """Read every block of a raster, and of its mask.

    Args:
        path: The file, or another place that GDAL reads from (``/vsizip/…``, ``https://…``).

    Raises:
        RasterError: When a block cannot be read, as in a file that was cut off, or was never written, as in a file whose writer
            was killed; the message names file and window. Blocks may be missing where the file has a nodata value: they read as
            nodata then, and are not valid. A file without any block is refused in any case.
    """
    where = locate(path)
    with open_fresh(where) as dataset:
        check_blocks(dataset, where, sparse=any(value is not None for value in dataset.nodatavals))
        masked = MaskFlags.per_dataset in dataset.mask_flag_enums[0]
        for _, window in block_windows(dataset):
            _read(dataset, where, window, masked)


def check_written(partial: Path, profile: Profile, entries: Sequence[Entry], sparse: bool = False) -> None:
    """Compare a file that was just closed with what it was meant to be.

    Args:
        partial: The file.
        profile: What it was meant to be.
        entries: What was written where. Without them the whole file is read, and its values are not compared: JPEG changes them.
        sparse: Whether blocks may be missing.

    Raises:
        OSError: When it is anything else, or cannot be read.
    """
    try:
        with open_fresh(partial) as dataset:
            check_blocks(dataset, partial, sparse)
            _compare(dataset, profile)
            for window, expected in entries:
                if checksum(np.moveaxis(_read(dataset, partial, window), 0, 2)) != expected:
                    raise OSError(f"{window.spelled} do not read as they were written")
            if not entries and not sparse:
                _read(dataset, partial, Window(0, 0, profile.height, profile.width))
    except RasterError:
        raise OSError("what was written cannot be read again") from None


def _compare(dataset: Any, profile: Profile) -> None:
    meant = (profile.height, profile.width, profile.count, profile.stored)
    found = (dataset.height, dataset.width, dataset.count, np.dtype(dataset.dtypes[0]))
    if meant != found:
        raise OSError(f"it came out as (rows, columns, bands, dtype) {found} instead of {meant}")


def _read(dataset: Any, path: Location, window: Window, masked: bool = False) -> Any:
    part = FileWindow(window.col, window.row, window.width, window.height)
    try:
        if masked:
            dataset.read_masks(1, window=part)
        return dataset.read(window=part)
    except GDAL_ERRORS as error:
        raise unreadable(path, window, error) from error
