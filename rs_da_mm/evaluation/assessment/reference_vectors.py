"""Reference points and polygons from a GeoPackage, a Shapefile, GeoJSON or whatever else GDAL reads as vectors."""

from __future__ import annotations

from pathlib import Path

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.reference import Reference, as_texts
from rs_da_mm.raster.vectors.libraries import pyogrio, shapely
from rs_da_mm.raster.vectors.opening import choose_layer, read_crs

SUFFIXES = (".gpkg", ".shp", ".geojson", ".json", ".fgb", ".gml", ".kml", ".kmz", ".sqlite", ".gdb", ".zip", ".parquet", ".tab")


def read_vectors(path: Path, layer: str | None = None) -> Reference:
    """Read all features of a layer.

    Args:
        path: The file.
        layer: Its layer; needed when there are several.

    Returns:
        The features.

    Raises:
        InputError: When it cannot be read, has no features, or several layers of which none was named.
    """
    layers = [] if layer is not None else _layers(path)
    if len(layers) > 1:
        raise InputError(f"{path} holds {len(layers)} layers: {', '.join(map(repr, layers))}. Name one with --layer.")
    name = choose_layer(path, layer)
    try:
        said, ids, shapes, values = pyogrio().raw.read(path, layer=name, return_fids=True, force_2d=True)
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"{path}, layer {name!r}, cannot be read: {error}") from error
    if not len(ids):
        raise InputError(f"{path}, layer {name!r}, has no features.")
    columns = {str(field): as_texts(column) for field, column in zip(said["fields"], values, strict=True)}
    # A shape that cannot be decoded counts as missing.
    return Reference(
        path, shapely().from_wkb(shapes, on_invalid="ignore"), [int(fid) for fid in ids], columns, read_crs(path, said["crs"])
    )


def _layers(path: Path) -> list[str]:
    """The layers with shapes; none where they cannot be told."""
    try:
        return [str(name) for name, kind in pyogrio().list_layers(path) if kind is not None]
    except (RuntimeError, ValueError, OSError):
        return []
