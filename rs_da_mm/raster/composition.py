"""Which bands of a scene come from which of its files."""

from __future__ import annotations

from collections.abc import Sequence

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.georeference import differences
from rs_da_mm.raster.handles import open_raster
from rs_da_mm.raster.locations import Location
from rs_da_mm.raster.source import Source, describe
from rs_da_mm.raster.valid import alpha_bands


def describe_files(
    paths: Sequence[Location], bands: Sequence[int] | None, nodata: float | None, alpha: bool
) -> tuple[Source, ...]:
    """Look into the files of a scene.

    Args:
        paths: The files, in the order in which their bands are counted.
        bands: Band numbers over all files, counted from 1; ``None`` for all that are not alpha.
        nodata: Value that means "no data", in place of the files' own.
        alpha: Whether a band that a file marks as alpha is one.

    Returns:
        One source per file and dtype that bands are taken from.

    Raises:
        RasterError: When a file cannot be opened, or a band does not exist.
    """
    alphas = [alpha_bands(open_raster(path)) if alpha else () for path in paths]
    counts = [open_raster(path).count for path in paths]
    numbers = [(file, band) for file, count in enumerate(counts) for band in range(1, count + 1)]
    taken: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for place, (file, band) in enumerate(_select(paths, numbers, bands, alphas)):
        dtype = open_raster(paths[file]).dtypes[band - 1]
        taken.setdefault((file, dtype), []).append((band, place))
    return tuple(
        describe(open_raster(paths[file]), paths[file], places, alphas[file], nodata) for (file, _), places in taken.items()
    )


def describe_mask(path: Location) -> Source:
    """Look into the mask of a scene.

    Args:
        path: A raster of one band, 0 where there is no data.

    Returns:
        It, as a source.

    Raises:
        RasterError: When it cannot be opened, or has more than one band.
    """
    dataset = open_raster(path)
    if dataset.count != 1:
        raise RasterError(f"{path} has {dataset.count} bands; a mask has one, 0 where there is no data.")
    return describe(dataset, path, [(1, 0)], (), None)


def require_same_grid(one: Source, other: Source) -> None:
    """Refuse two files that do not lie on each other.

    Args:
        one: The first.
        other: The second.

    Raises:
        RasterError: When their size, CRS or grid differs.
    """
    if (one.height, one.width) != (other.height, other.width):
        raise RasterError(
            f"{other.path} has {other.height} x {other.width} pixels and {one.path} {one.height} x {one.width}: "
            "the files of a scene must be of one size, or be resampled to the finest."
        )
    found = differences(one.georeference, other.georeference, one.height, one.width)
    if found:
        raise RasterError(
            f"{one.path} and {other.path} do not lie on one grid: {'; '.join(found)}. "
            "Warp one onto the other, or correct the file that states it wrongly (`rio edit-info`)."
        )


def _select(
    paths: Sequence[Location], numbers: Sequence[tuple[int, int]], bands: Sequence[int] | None, alphas: Sequence[tuple[int, ...]]
) -> list[tuple[int, int]]:
    """File and band in that file, per selected band."""
    names = ", ".join(map(str, paths))
    if bands is None:
        selected = [(file, band) for file, band in numbers if band not in alphas[file]]
        if not selected:
            raise RasterError(f"{names}: all bands are marked as alpha, none is left to read; name them with bands=.")
        return selected
    for band in bands:
        if not 1 <= band <= len(numbers):
            raise RasterError(f"{names} has {len(numbers)} bands, band {band} was asked for (bands are counted from 1).")
    if not bands:
        raise RasterError(f"{names}: bands= names no band; leave it out to read all.")
    return [numbers[band - 1] for band in bands]
