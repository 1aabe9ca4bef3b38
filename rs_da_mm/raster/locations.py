"""Where a raster is read from: a local file, or one of the places that GDAL and rasterio know beyond the file system."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlparse
from urllib.request import url2pathname

Location: TypeAlias = Path | str
"""A local file as a ``Path``; everything else as the string that GDAL or rasterio understands, kept to the letter."""

_VIRTUAL = re.compile(r"/vsi\w+/|[A-Za-z][\w+.-]+:")
"""``/vsizip/…``, ``scheme://…`` or ``DRIVER:…``; one letter before the colon is a disk of Windows."""
_REMOTE = re.compile(r"/vsi(?!zip|gzip|tar|7z|rar|subfile|sparse|cached|crypt)\w+[/?]|\b(?:https?|ftp|s3|gs|az|oss|hdfs)://")
_PREFIX = re.compile(r'/vsi\w+/|[A-Za-z][\w+.-]+:(?://)?(?:off:)?(?:\d+:)?|\d+(?:_\d+)?,|\{|"')
"""What may stand before the file: ``/vsizip/``, ``zip://``, ``GTIFF_DIR:2:``, the stretch of bytes of ``/vsisubfile/``."""
_ENDS = "/:!?}"
"""What may separate the file from what is named inside it."""


def locate(source: str | Path) -> Location:
    """Tell local files from all other places.

    A file of that very name wins, so that a colon in a name does no harm.

    Args:
        source: What the user gave: a path, a ``file://`` URL, another URL (``https://``, ``s3://``, ``zip://a.zip!b.tif``), a
            path of GDAL's (``/vsizip/a.zip/b.tif``, ``/vsigzip/``, ``/vsicurl/``), or a raster inside a file
            (``NETCDF:"a.nc":rain``, ``GTIFF_DIR:2:a.tif``).

    Returns:
        A ``Path`` for a local file; the string as it is for all else.
    """
    spelled = source if isinstance(source, str) else source.as_posix()
    if not _VIRTUAL.match(spelled) or _is_there(Path(source)):
        return Path(source)
    if spelled.lower().startswith("file://"):
        return Path(url2pathname(urlparse(spelled).path))
    return spelled


def local_file(location: Location) -> Path | None:
    """Find the local file that a location reads from.

    Args:
        location: Any location.

    Returns:
        The path itself where it is one; the archive or container around a raster inside a file (``/vsizip/a.zip/b.tif``:
        ``a.zip``); ``None`` for what lies elsewhere, as in a network, in memory, or nowhere.
    """
    return location if isinstance(location, Path) else _file_in(location)[1]


def portable_name(location: Location) -> str:
    """Name a location without the folders of this machine.

    Args:
        location: Any location.

    Returns:
        The file's name; for a raster inside a local file, the location without that file's folder; for all else the location up
        to a ``?``, behind which a server's signatures change from day to day.
    """
    if isinstance(location, Path):
        return location.name
    spelled, file = _file_in(location)
    return location.partition("?")[0] if file is None else location.replace(spelled, file.name)


def _file_in(location: str) -> tuple[str, Path | None]:
    """The local file in a virtual location: as it is spelled there, and as a path."""
    if _REMOTE.search(location):
        return "", None
    rest = location
    while True:
        inside = rest[1:].partition('"')[0] if rest.startswith('"') else rest
        while inside:
            if _is_there(Path(inside), file=True):
                return inside, Path(inside)
            inside = inside[: max(0, *(inside.rfind(end) for end in _ENDS))]
        before = _PREFIX.match(rest)
        if before is None:
            return "", None
        rest = rest[before.end() :]


def _is_there(path: Path, file: bool = False) -> bool:
    """Whether a path exists; a URL can be too long to even ask."""
    try:
        return path.is_file() if file else path.exists()
    except (OSError, ValueError):
        return False
