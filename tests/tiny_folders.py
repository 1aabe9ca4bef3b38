"""Folders of one's own data, made on the spot: images, labels on other grids, shapes."""

from __future__ import annotations

import json

import numpy as np
import rasterio
from affine import Affine

from rs_da_mm.raster import Georeference, write_raster

UTM = rasterio.crs.CRS.from_epsg(32632)
WEST, NORTH = 500_000.0, 5_300_000.0


def placed(pixel=10.0, col=0.0, row=0.0, crs=UTM):
    """A grid of square pixels, its corner moved by so many metres to the east and to the south."""
    return Georeference(crs, Affine(pixel, 0.0, WEST + col, 0.0, -pixel, NORTH - row))


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def write_random_image(path, shape=(40, 60), bands=3, dtype=np.uint8, seed=0, georeference=None, **options):
    """An image of noise without zeros; gives its pixels."""
    pixels = np.random.default_rng(seed).integers(1, 250, (*shape, bands)).astype(dtype)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_raster(path, pixels, georeference=placed() if georeference is None else georeference, **options)
    return pixels


def write_random_labels(path, shape=(40, 60), classes=3, seed=0, dtype=np.uint8, georeference=None, **options):
    """A raster of class numbers; gives them."""
    labels = np.random.default_rng(seed + 100).integers(0, classes, shape).astype(dtype)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_raster(path, labels, georeference=placed() if georeference is None else georeference, **options)
    return labels


def rectangle(row, col, height, width, pixel=10.0):
    """The ring around pixels of the grid of :func:`placed`, in map coordinates."""
    west, north = WEST + col * pixel, NORTH - row * pixel
    east, south = west + width * pixel, north - height * pixel
    return [[west, north], [east, north], [east, south], [west, south], [west, north]]


def write_shapes(path, shapes, crs="EPSG:32632", layer=None):
    """A vector file of polygons or lines: ``[(ring or line, attributes), …]``; a two-point line is one."""
    import pyogrio.raw
    import shapely

    geometries = [shapely.LineString(ring) if len(ring) == 2 else shapely.Polygon(ring) for ring, _ in shapes]
    fields = list(shapes[0][1])
    columns = [np.array([attributes[field] for _, attributes in shapes]) for field in fields]
    columns = [column.astype(object) if column.dtype.kind == "U" else column for column in columns]
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = geometries[0].geom_type if len({g.geom_type for g in geometries}) == 1 else "Unknown"
    pyogrio.raw.write(
        path,
        shapely.to_wkb(np.array(geometries)),
        columns,
        fields,
        geometry_type=kind,
        crs=crs,
        layer=layer,
        append=path.exists(),
    )


def write_geojson(path, rings):
    """Polygons in longitude and latitude, with an attribute ``class``: ``[(ring, class), …]``."""
    features = [
        {"type": "Feature", "properties": {"class": name}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        for ring, name in rings
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
