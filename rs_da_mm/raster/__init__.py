"""GeoTIFF in and out: scenes, window grids, valid masks, atomic writers. Only this room imports rasterio."""

from __future__ import annotations

from rs_da_mm.raster.areas import CellAreas, cell_areas
from rs_da_mm.raster.checks import check_alignment, check_readable
from rs_da_mm.raster.cog import CogWriter
from rs_da_mm.raster.cog_check import cog_faults
from rs_da_mm.raster.fingerprint import scene_fingerprint
from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.ground import GroundSize, ground_size
from rs_da_mm.raster.pixel_size import PixelSize, pixel_size
from rs_da_mm.raster.polygons import LabelPolygon, label_polygons, sieve_labels
from rs_da_mm.raster.scene import Scene
from rs_da_mm.raster.versions import library_versions
from rs_da_mm.raster.windows import Edge, Window, clip_window, window_grid, window_slices
from rs_da_mm.raster.writer import RasterWriter, write_raster

__all__ = [
    "CellAreas",
    "CogWriter",
    "Edge",
    "Georeference",
    "GroundSize",
    "LabelPolygon",
    "PixelSize",
    "RasterWriter",
    "Scene",
    "Window",
    "cell_areas",
    "check_alignment",
    "check_readable",
    "clip_window",
    "cog_faults",
    "ground_size",
    "label_polygons",
    "library_versions",
    "pixel_size",
    "scene_fingerprint",
    "sieve_labels",
    "window_grid",
    "window_slices",
    "write_raster",
]
