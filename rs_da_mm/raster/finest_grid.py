"""Putting the files of a scene that differ in pixel size onto the finest of their grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from affine import Affine

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.georeference import Georeference, crs_differences, differences
from rs_da_mm.raster.grid_map import AxisMap, GridMap, scaled_map
from rs_da_mm.raster.interpolation import Resampling
from rs_da_mm.raster.resampled_source import resample_source
from rs_da_mm.raster.source import Source

_EDGE = 0.5 + 1e-6
"""How far the edges of two files may lie apart, in pixels of the coarser."""
_TURN = 0.01
"""How far a row may run from being parallel to the other file's, over its whole length, in pixels."""


def onto_finest(sources: Sequence[Source], method: Resampling) -> tuple[Source, ...]:
    """Read all files of a scene on the finest grid among them.

    Args:
        sources: The files. They must cover the same ground, to half a pixel of the coarser: by their grids, by their control
            points, or, where one has neither, by the ratio of their sizes.
        method: How values between pixels are found.

    Returns:
        The same, all of one size and place; those that lie on the finest grid already are as they were.

    Raises:
        RasterError: When two of them do not cover the same ground, or lie turned against each other.
    """
    finest = max(sources, key=lambda source: source.height * source.width)  # the first of several
    placed = [source for source in sources if not source.georeference.is_empty]
    if placed and finest.georeference.is_empty:
        finest = replace(finest, georeference=grid_between(finest, placed[0]).georeference(placed[0].georeference))
    return tuple(fitted(finest, source, method) for source in sources)


def fitted(finest: Source, source: Source, method: Resampling) -> Source:
    """Read a file on the grid of another.

    Args:
        finest: The other.
        source: The file.
        method: How values between pixels are found.

    Returns:
        The file; resampled where it does not lie on that grid.

    Raises:
        RasterError: When the two do not cover the same ground.
    """
    if (source.height, source.width) == (finest.height, finest.width):
        if source.georeference.is_empty:
            return replace(source, georeference=finest.georeference)
        if not differences(finest.georeference, source.georeference, finest.height, finest.width):
            return source
    return resample_source(source, grid_between(finest, source), finest, method)


def grid_between(finest: Source, source: Source) -> GridMap:
    """Map the pixels of one file to those of another that covers the same ground.

    Args:
        finest: The first.
        source: The other.

    Returns:
        From the first file's pixels to the other's.

    Raises:
        RasterError: When the two do not cover the same ground.
    """
    one, other = finest.georeference, source.georeference
    faults = crs_differences(one, other)
    if not one.is_empty and not other.is_empty and one.has_transform != other.has_transform:
        faults.append("one lies by an affine grid, the other by ground control points")
    if not faults and one.has_transform and other.has_transform:
        grid, faults = _by_transform(finest, source)
    else:
        grid = scaled_map(source.height / finest.height, source.width / finest.width)
        faults += _size_faults(grid, finest, source)
        if one.gcps and other.gcps and not faults:
            faults = _point_faults(one, grid.georeference(other), grid)
    if faults:
        raise RasterError(
            f"{source.path} cannot be resampled to the pixels of {finest.path}: {'; '.join(faults)}. "
            "Warp one onto the other (`rio warp --like`)."
        )
    return grid


def _by_transform(finest: Source, source: Source) -> tuple[GridMap, list[str]]:
    height, width = finest.height, finest.width
    if source.georeference.transform.is_degenerate:
        return scaled_map(1, 1), ["its grid has no extent"]
    t = _after(~source.georeference.transform, finest.georeference.transform)
    grid = GridMap(AxisMap(t.e, t.f), AxisMap(t.a, t.c))
    if max(abs(t.b) * height, abs(t.d) * width) > _TURN:
        return grid, ["their grids are turned against each other"]
    ends = (*grid.at(0, 0), *grid.at(height, width))
    apart = max(abs(end - edge) for end, edge in zip(ends, (0, 0, source.height, source.width), strict=True))
    return grid, [f"their edges lie {apart:.3g} pixels of it apart, half a pixel is allowed"] if apart > _EDGE else []


def _size_faults(grid: GridMap, finest: Source, source: Source) -> list[str]:
    """Two sizes are of one shape when either scale carries it to within half a pixel of the coarser."""
    scales = (grid.rows.scale, grid.cols.scale)
    if any(abs(finest.height * s - source.height) <= _EDGE and abs(finest.width * s - source.width) <= _EDGE for s in scales):
        return []
    return [f"{source.height} x {source.width} pixels are not of the shape of {finest.height} x {finest.width}"]


def _point_faults(one: Georeference, other: Georeference, grid: GridMap) -> list[str]:
    """Control points, counted in pixels of one grid: the same places must lie at the same pixels."""
    points = [sorted((p.x, p.y, p.row, p.col) for p in georeference.gcps) for georeference in (one, other)]
    reach = (_EDGE / min(grid.rows.scale, 1), _EDGE / min(grid.cols.scale, 1))
    same = len(points[0]) == len(points[1]) and all(
        p[:2] == q[:2] and abs(p[2] - q[2]) <= reach[0] and abs(p[3] - q[3]) <= reach[1] for p, q in zip(*points, strict=True)
    )
    return [] if same else ["other ground control points"]


def _after(second: Affine, first: Affine) -> Affine:
    """One transform after another (affine 2 spells it ``*``, affine 3 ``@``)."""
    s, f = second, first
    return Affine(
        s.a * f.a + s.b * f.d,
        s.a * f.b + s.b * f.e,
        s.a * f.c + s.b * f.f + s.c,
        s.d * f.a + s.e * f.d,
        s.d * f.b + s.e * f.e,
        s.d * f.c + s.e * f.f + s.f,
    )
