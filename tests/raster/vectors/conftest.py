from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.raster import Georeference
from rs_da_mm.raster.same_ground import Grid

try:
    import pyogrio
    import shapely
except ImportError:
    collect_ignore_glob = ["test_*.py"]  # both are optional, and all tests of this folder need them


@pytest.fixture(scope="session")
def draw():
    """Write a vector layer with pyogrio alone, so that nothing of ours is tested against itself."""

    def write(path, shapes, crs="EPSG:32650", layer=None, append=False, **fields):
        wkb = np.empty(len(shapes), object)
        wkb[:] = [None if shape is None else shapely.to_wkb(shape) for shape in shapes]
        columns = [np.asarray(column, object if isinstance(column[0], str) else None) for column in fields.values()]
        pyogrio.raw.write(path, wkb, columns, list(fields), layer=layer, geometry_type="Unknown", crs=crs, append=append)
        return path

    return write


@pytest.fixture(scope="session")
def image():
    """An image of 60 x 80 pixels of 10 metres; its pixel (0, 0) lies at 687000, 6210000 of UTM zone 50."""
    return Grid("image.tif", 60, 80, Georeference(CRS.from_epsg(32650), Affine(10, 0, 687_000, 0, -10, 6_210_000)))


@pytest.fixture(scope="session")
def on_map(image):
    """Bring shapes in pixels of the image to its map coordinates."""

    def carry(*shapes):
        t = image.where.transform
        return [
            shapely.transform(shape, lambda xy: np.stack([t.c + t.a * xy[:, 0], t.f + t.e * xy[:, 1]], axis=1))
            for shape in shapes
        ]

    return carry
