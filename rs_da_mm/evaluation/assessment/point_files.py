"""Writing points for people to label."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.files import atomic_write_text
from rs_da_mm.partial_files import begin_partial, publish
from rs_da_mm.raster.reprojection import reproject_points
from rs_da_mm.raster.vectors.libraries import pyogrio, shapely
from rs_da_mm.raster.vectors.opening import read_crs

FIELD = "class"
LAYER = "points"


def check_place(path: Path) -> None:
    """Refuse a file that is there, or cannot be written.

    Raises:
        InputError: When it is there, or its suffix is neither ``.gpkg`` nor ``.csv``.
    """
    if path.suffix.lower() not in (".gpkg", ".csv"):
        raise InputError(f"{path}: points are written as .gpkg or .csv.")
    if path.exists():
        raise InputError(f"{path} is there already, and may hold labels: points are never written over it. Take another name.")


def write_points(path: Path, coordinates: NDArray[np.float64], crs: Any) -> None:
    """Write points with an empty field ``class``, and nothing that tells what the map says.

    Args:
        path: ``.gpkg``, or ``.csv`` with the columns ``id``, ``x``, ``y``, ``lon``, ``lat`` (WGS 84) and ``class``.
        coordinates: x and y of each, shape (n, 2).
        crs: Their coordinate system, rasterio's ``CRS``; ``None`` where it is not known: then without ``lon`` and ``lat``.

    Raises:
        InputError: When it cannot be written.
    """
    check_place(path)
    try:
        if path.suffix.lower() == ".csv":
            atomic_write_text(path, _as_csv(path, coordinates, crs))
        else:
            _write_geopackage(path, coordinates, crs)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path} could not be written: {error}") from error


def _as_csv(path: Path, coordinates: NDArray[np.float64], crs: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    degrees = None
    if crs is not None:
        xs, ys = coordinates.T
        degrees = np.stack(reproject_points(crs, read_crs(path, "EPSG:4326"), xs.copy(), ys.copy()), axis=1)
    writer.writerow(["id", "x", "y", *(["lon", "lat"] if degrees is not None else []), FIELD])
    for number, (x, y) in enumerate(coordinates.tolist()):
        place = [] if degrees is None else [f"{degree:.9f}" for degree in degrees[number]]
        writer.writerow([number + 1, repr(x), repr(y), *place, ""])
    return text.getvalue()


def _write_geopackage(path: Path, coordinates: NDArray[np.float64], crs: Any) -> None:
    library = shapely()
    partial = begin_partial(path)
    empty = np.full(len(coordinates), None, object)
    try:
        pyogrio().raw.write(
            partial,
            library.to_wkb(library.points(coordinates)),
            [np.arange(1, len(coordinates) + 1), empty],
            np.array(["id", FIELD], object),
            layer=LAYER,
            driver="GPKG",
            geometry_type="Point",
            crs=None if crs is None else crs.to_wkt(),
        )
        publish(partial, path)
    finally:
        partial.unlink(missing_ok=True)
