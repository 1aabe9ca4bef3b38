"""Rasters that appear whole or not at all, with what GDAL and older files leave beside them."""

from __future__ import annotations

from pathlib import Path

from rs_da_mm import partial_files
from rs_da_mm.raster.handles import release

_SIDECARS = (".aux.xml", ".msk", ".ovr")


def publish(partial: Path, target: Path) -> None:
    """Put a finished raster in its place, see :func:`rs_da_mm.partial_files.publish`.

    What lay beside an older file of that name (``.msk``, ``.ovr``, ``.aux.xml``) goes with it: the new file must not be read
    through the old one's mask.

    Args:
        partial: The finished file, closed.
        target: Its place, in the same folder.

    Raises:
        OSError: When the disk refuses; ``target`` is then as it was.
    """
    release(target)
    partial_files.publish(partial, target)
    for suffix in _SIDECARS:
        target.with_name(target.name + suffix).unlink(missing_ok=True)


def discard(partial: Path) -> None:
    """Take away an unfinished file and whatever GDAL put beside it; nothing happens when there is none."""
    for path in (partial, *(partial.with_name(partial.name + suffix) for suffix in _SIDECARS)):
        path.unlink(missing_ok=True)
