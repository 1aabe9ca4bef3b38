"""The files behind a scene: which they are, and in which blocks they are stored."""

from __future__ import annotations

from pathlib import Path

from rs_da_mm.raster.handles import open_raster
from rs_da_mm.raster.locations import Location, local_file, locate
from rs_da_mm.raster.scene import Scene

_SIDECARS = (".aux.xml", ".ovr")  # viewers write these; no pixel of ours comes from them
_STREAMS = ("GIF", "JPEG", "PNG", "WEBP")
_STREAM_ROWS = 256


def files_behind(scene: Scene) -> tuple[Path, ...]:
    """List the local files that a scene's pixels come from.

    Args:
        scene: The scene.

    Returns:
        Its files and mask, with those that GDAL reads along with them: the sources of a VRT, a ``.msk`` file; of what lies in a
        local archive, the archive. Each once.

    Raises:
        RasterError: When a file cannot be opened.
    """
    places = _places(scene)
    read_along = [locate(name) for place in places for name in open_raster(place).files if not name.endswith(_SIDECARS)]
    found = [local_file(place) for place in [*places, *read_along]]
    return tuple(dict.fromkeys(file for file in found if file is not None))


def block_shapes(scene: Scene) -> tuple[tuple[int, int], ...]:
    """Tell in which blocks the files of a scene are stored.

    Args:
        scene: The scene.

    Returns:
        Rows and columns of the blocks of each file and mask, each shape once. A photograph has none: it is a stream, which takes
        as long to read one row of as all above it, and so is parted into strips of many rows.

    Raises:
        RasterError: When a file cannot be opened.
    """
    shapes = []
    for source in [*scene._sources, *([scene._mask] if scene._mask else [])]:
        rows, cols = source.block_shape
        is_stream = open_raster(source.path).driver in _STREAMS
        shapes.append((max(rows, _STREAM_ROWS) if is_stream else rows, cols))
    return tuple(dict.fromkeys(shapes))


def _places(scene: Scene) -> list[Location]:
    return [*scene.paths, *([scene._mask.path] if scene._mask else [])]
