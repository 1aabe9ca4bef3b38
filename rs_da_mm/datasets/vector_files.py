"""Vector files on the disk: which names are theirs, and what belongs to them."""

from __future__ import annotations

from pathlib import Path

VECTOR_SUFFIXES = frozenset(
    (".gpkg", ".shp", ".geojson", ".geojsonl", ".json", ".fgb", ".kml", ".kmz", ".gml", ".gdb", ".sqlite", ".parquet", ".tab")
)
"""Suffixes of files that hold shapes and no pixels."""

_PARTS_OF = {".shp": (".shp", ".shx", ".dbf", ".prj", ".cpg"), ".tab": (".tab", ".dat", ".map", ".id", ".ind")}


def is_vector_file(path: str | Path) -> bool:
    """Tell by its name whether a file holds shapes."""
    return Path(path).suffix.lower() in VECTOR_SUFFIXES


def files_of_vectors(path: Path) -> tuple[Path, ...]:
    """List the files that a vector file consists of.

    Args:
        path: The file that is named: of a Shapefile the ``.shp``, of a File Geodatabase its folder.

    Returns:
        It and those that belong to it, as far as they are there; the file alone for all other formats.
    """
    if path.is_dir():
        return tuple(sorted(file for file in path.iterdir() if file.is_file() and not file.name.endswith(".lock")))
    parts = _PARTS_OF.get(path.suffix.lower())
    if parts is None:
        return (path,)
    beside = (path.with_suffix(suffix) for suffix in parts)
    return tuple(file for file in beside if file == path or file.is_file())
