"""Scenes that this process has looked into before: those who read thousands of windows of a few scenes open each only once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from rs_da_mm.raster.interpolation import Resampling
from rs_da_mm.raster.locations import Location, local_file, locate
from rs_da_mm.raster.scene import Scene

_KNOWN = 512


def known_scene(
    source: str | Path | Sequence[str | Path],
    bands: Sequence[int] | None = None,
    mask: str | Path | None = None,
    nodata: float | None = None,
    *,
    alpha: bool = True,
    resample: Resampling | None = None,
) -> Scene:
    """Open a scene, or give the one that was opened with the same arguments, as long as its files are the same.

    Arguments and errors are those of :class:`~rs_da_mm.raster.Scene`. A file counts as another when its size or time of change
    is; what does not lie on this machine is not looked at again.
    """
    paths = tuple(map(locate, [source] if isinstance(source, (str, Path)) else source))
    masked = None if mask is None else locate(mask)
    stamps = tuple(_stamp(path) for path in (*paths, *([] if masked is None else [masked])))
    return _open(paths, None if bands is None else tuple(bands), masked, nodata, alpha, resample, stamps)


@lru_cache(maxsize=_KNOWN)
def _open(
    paths: tuple[Location, ...],
    bands: tuple[int, ...] | None,
    mask: Location | None,
    nodata: float | None,
    alpha: bool,
    resample: Resampling | None,
    stamps: tuple[tuple[int, int, int] | None, ...],
) -> Scene:
    return Scene(paths, bands, mask, nodata, alpha=alpha, resample=resample)


def _stamp(location: Location) -> tuple[int, int, int] | None:
    path = local_file(location)
    try:
        state = None if path is None else path.stat()
    except OSError:
        return None  # opening it says what is wrong
    return None if state is None else (state.st_ino, state.st_size, state.st_mtime_ns)
