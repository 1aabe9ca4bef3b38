from __future__ import annotations

import pytest
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Georeference
from rs_da_mm.raster.same_ground import Extent, Grid, outside_message, require_grid, require_systems

LONLAT, ZONE = CRS.from_epsg(4326), CRS.from_epsg(32632)


def grid(name, crs, transform, **more):
    return Grid(name, 100, 100, Georeference(crs, transform, **more))


def test_both_places_are_told_in_degrees():
    labels = grid("labels.tif", LONLAT, Affine(0.01, 0, 20, 0, -0.01, 50))
    image = grid("image.tif", ZONE, Affine(10, 0, 500_000, 0, -10, 5_000_000))
    message = outside_message(Extent.of(labels), Extent.of(image))
    assert message.startswith(
        "labels.tif lies outside image.tif: it covers longitude 20.0000 to 21.0000, latitude 49.0000 to 50.0000, "
    )
    assert "and the other longitude 9.0000 to 9.01" in message
    assert "Check the coordinate system (CRS)" in message


def test_swapped_axes_are_noticed():
    labels = grid("labels.tif", LONLAT, Affine(0.01, 0, 45, 0, -0.01, 9.5))  # latitude first
    image = grid("image.tif", ZONE, Affine(10, 0, 500_000, 0, -10, 5_000_000))
    assert "With x and y swapped the two would touch: the axes of labels.tif" in outside_message(
        Extent.of(labels), Extent.of(image)
    )
    assert "swapped" not in outside_message(Extent.of(image), Extent.of(grid("far", LONLAT, Affine(0.01, 0, 70, 0, -0.01, 9))))


def test_without_a_system_the_coordinates_are_told():
    one, other = (grid(name, None, Affine(1, 0, x, 0, -1, 0)) for name, x in (("a", 0), ("b", 500)))
    assert "a lies outside b: it covers x 0 to 100, y -100 to 0, and the other x 500 to 600" in outside_message(
        Extent.of(one), Extent.of(other)
    )


def test_what_cannot_be_laid_on_anything():
    point = GroundControlPoint(0, 0, 1, 1)
    with pytest.raises(RasterError, match=r"image\.tif is placed by ground control points alone, so labels\.shp cannot"):
        require_grid(grid("image.tif", None, Affine.identity(), gcps=(point,), gcps_crs=LONLAT), "labels.shp")
    with pytest.raises(RasterError, match=r"image\.png does not say where it lies: it has no grid"):
        require_grid(grid("image.png", LONLAT, Affine.identity()), "labels.shp")
    with pytest.raises(RasterError, match="a grid of no extent"):
        require_grid(grid("image.tif", LONLAT, Affine(0, 0, 1, 0, 0, 1)), "labels.shp")
    where = Georeference(LONLAT, Affine(1, 0, 0, 0, -1, 0))
    assert require_grid(Grid("image.tif", 1, 1, where), "labels.shp") is where


def test_a_missing_system_is_named():
    with pytest.raises(RasterError, match=r"^a\.tif names no coordinate system \(CRS\), and b\.tif lies in EPSG:32632"):
        require_systems(("a.tif", None), ("b.tif", ZONE))
    with pytest.raises(RasterError, match=r"rio edit-info --crs EPSG:… b\.tif"):
        require_systems(("a.tif", ZONE), ("b.tif", None))
    require_systems(("a", None), ("b", None))
    require_systems(("a", ZONE), ("b", LONLAT))
