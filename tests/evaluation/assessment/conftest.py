"""Small maps, points and polygons whose classes are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.evaluation.assessment.reference import Reference
from rs_da_mm.raster import Georeference, write_raster

NAMES = ("forest", "meadow", "water")
UTM = Georeference(CRS.from_epsg(32632), Affine(10, 0, 500_000, 0, -10, 5_600_000))


def write_map(path, labels, georeference=UTM, names=NAMES, nodata=255, **options):
    tags = {f"CLASS_{number}": name for number, name in enumerate(names)}
    write_raster(path, np.asarray(labels), georeference=georeference, nodata=nodata, tags=tags, **options)
    return Path(path)


def write_vectors(path, shapes, columns, epsg=32632, layer=None, kind=None):
    pyogrio, shapely = pytest.importorskip("pyogrio.raw"), pytest.importorskip("shapely")
    shapes = np.array([*shapes, None], object)[:-1]
    kinds = {str(shape.geom_type) for shape in shapes if shape is not None}
    values = [np.array(column, np.int64 if column and isinstance(column[0], int) else object) for column in columns.values()]
    options = {} if layer is None else {"layer": layer}
    if Path(path).suffix == ".fgb":
        options["SPATIAL_INDEX"] = "NO"  # it could not hold a feature without a shape
    pyogrio.write(
        path,
        shapely.to_wkb(shapes),
        values,
        np.array(list(columns), object),
        geometry_type=kind or (kinds.pop() if len(kinds) == 1 else "Unknown"),
        crs=None if epsg is None else f"EPSG:{epsg}",
        append=Path(path).exists(),
        **options,
    )
    return Path(path)


def centres(rows, cols, georeference=UTM):
    """x and y of the middle of pixels, shape (n, 2)."""
    t = georeference.transform
    rows, cols = np.asarray(rows) + 0.5, np.asarray(cols) + 0.5
    return np.stack([t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f], axis=-1)


def reference_of(shapes, labels, epsg=32632, ids=None):
    shapes = np.array([*shapes, None], object)[:-1]
    ids = range(1, len(shapes) + 1) if ids is None else ids
    return Reference(Path("given.gpkg"), shapes, ids, {"class": labels}, None if epsg is None else CRS.from_epsg(epsg))


@pytest.fixture(scope="session")
def tools():
    """What tests build maps and references with."""

    class Tools:
        map = staticmethod(write_map)
        vectors = staticmethod(write_vectors)
        centres = staticmethod(centres)
        reference = staticmethod(reference_of)
        utm = UTM
        names = NAMES

    return Tools
