"""Which blocks of a scene can hold data, from the places of the blocks in its GeoTIFFs and of a VRT's sources: no pixel is read.

A GeoTIFF may leave blocks out (``SPARSE_OK``), and the mosaic of a country mostly does. They read as nodata, or as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count, product
from typing import Any, NamedTuple

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Interleaving

from rs_da_mm.raster.handles import GDAL_ERRORS, open_raster, quiet
from rs_da_mm.raster.mosaic_coverage import MOSAIC_CELL, mosaic_cells
from rs_da_mm.raster.scene import Scene
from rs_da_mm.raster.source import Source
from rs_da_mm.raster.windows import Window


class Coverage(NamedTuple):
    """Where a scene can hold data.

    Attributes:
        cells: ``(rows, columns)``, false where no pixel of the cell holds data.
        cell: Rows and columns of a cell in pixels; the last cells reach beyond the scene's edge.
    """

    cells: NDArray[np.bool_]
    cell: tuple[int, int]


def block_coverage(scene: Scene) -> Coverage | None:
    """Find the blocks of a scene that can hold data.

    Where a cell is false, :meth:`Scene.read_valid` gives 0. For that, a block that was left out must read as no data: a file
    without nodata value, alpha band or mask tells nothing, since what it leaves out are zeros like any other. A pixel holds data
    where every file says so; so of several files, what each one leaves out is left out.

    Args:
        scene: The scene.

    Returns:
        The cells: the file's blocks (of a VRT, 256 x 256 pixels), or of several files the largest; ``None`` where nothing is
        known, since no file is a GeoTIFF that leaves blocks out or a VRT whose sources leave gaps. What a file leaves out that
        is resampled to another's pixel size, does not count.

    Raises:
        RasterError: When a file cannot be opened.
    """
    if scene._mask is not None:  # which alone decides
        told = [_file_coverage(scene._mask, scene._mask.bands, _is_masked(scene._mask))]
    else:
        told = [_file_coverage(file, _deciding_bands(file), _is_invalid(file)) for file in scene._sources]
    known = [coverage for coverage in told if coverage is not None]
    if not known:
        return None
    cell = (max(coverage.cell[0] for coverage in known), max(coverage.cell[1] for coverage in known))
    return Coverage(np.logical_and.reduce([_in_cells_of(cell, coverage, scene.shape) for coverage in known]), cell)


def _deciding_bands(source: Source) -> tuple[int, ...]:
    """The bands that say which pixels of a file hold data; none where its mask does."""
    if source.rule.per_dataset:
        return ()
    return source.bands if source.rule.alpha is None else (source.rule.alpha,)


def _is_invalid(source: Source) -> Callable[[Window], bool]:
    return lambda pixel: not source.read_valid(pixel).any()


def _is_masked(mask: Source) -> Callable[[Window], bool]:
    def is_masked(pixel: Window) -> bool:
        value = np.empty((1, 1, 1), mask.dtype)
        mask.read(pixel, value)
        return not value.any()

    return is_masked


def _file_coverage(source: Source, bands: Sequence[int], reads_as_no_data: Callable[[Window], bool]) -> Coverage | None:
    """The blocks of a file that can hold data; ``None`` when it does not tell."""
    dataset = open_raster(source.path)
    if (dataset.height, dataset.width) != (source.height, source.width):  # resampled
        return None
    with quiet():
        coverage = _stored_coverage(dataset, bands)
    if coverage is None or coverage.cells.all():
        return None
    row, col = np.argwhere(~coverage.cells)[0]
    # All that was left out reads alike, so that one pixel tells whether that means "no data".
    pixel = Window(int(row) * coverage.cell[0], int(col) * coverage.cell[1], 1, 1)
    return coverage if reads_as_no_data(pixel) else None


def _stored_coverage(dataset: Any, bands: Sequence[int]) -> Coverage | None:
    """The blocks of a file, or of its mask where no bands are named, that are not left out."""
    if dataset.driver == "VRT":
        cells = mosaic_cells(dataset, bands)
        return None if cells is None else Coverage(cells, MOSAIC_CELL)
    if dataset.driver != "GTiff":
        return None
    return Coverage(_written(dataset, bands), dataset.block_shapes[bands[0] - 1]) if bands else _mask_coverage(dataset)


def _mask_coverage(dataset: Any) -> Coverage | None:
    """The blocks of the mask inside a file, which is a directory of its own; a mask beside it is never one with gaps."""
    try:
        for directory in count(2):
            with rasterio.open(f"GTIFF_DIR:{directory}:{dataset.files[0]}") as mask:
                if mask.shape == dataset.shape and mask.count == 1 and mask.tags(1, ns="IMAGE_STRUCTURE").get("NBITS") == "1":
                    return Coverage(_written(mask, (1,)), mask.block_shapes[0])
    except GDAL_ERRORS:
        pass  # that was the last directory
    return None


def _written(dataset: Any, bands: Sequence[int]) -> NDArray[np.bool_]:
    """Which blocks of a GeoTIFF are there, in any of some bands."""
    height, width = dataset.block_shapes[bands[0] - 1]
    rows, cols = -(-dataset.height // height), -(-dataset.width // width)
    planes = bands if dataset.interleaving == Interleaving.band else bands[:1]  # otherwise a block holds all bands
    written = np.zeros((rows, cols), np.bool_)
    for row, plane in product(range(rows), planes):
        offsets = [dataset.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=plane) for col in range(cols)]
        written[row] |= [offset is not None for offset in offsets]
    return written


def _in_cells_of(cell: tuple[int, int], coverage: Coverage, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Coverage in larger cells, which hold data where any cell that they touch does."""
    if coverage.cell == cell:
        return coverage.cells
    cells = coverage.cells
    for axis in (0, 1):
        starts = np.arange(0, shape[axis], cell[axis])
        stops = np.minimum(starts + cell[axis], shape[axis])
        counts = np.insert(np.cumsum(cells, axis, dtype=np.int64), 0, 0, axis)
        touched = counts.take(-(-stops // coverage.cell[axis]), axis) - counts.take(starts // coverage.cell[axis], axis)
        cells = touched > 0
    return cells
