"""GeoTIFF in and out: scenes, window grids, valid masks, atomic writers. Only this room imports rasterio."""

from __future__ import annotations

from rs_da_mm.raster.areas import CellAreas, cell_areas
from rs_da_mm.raster.band_numbers import band_numbers
from rs_da_mm.raster.checks import check_alignment, check_readable
from rs_da_mm.raster.cog import CogWriter
from rs_da_mm.raster.cog_check import cog_faults
from rs_da_mm.raster.fingerprint import scene_fingerprint
from rs_da_mm.raster.georeference import Georeference
from rs_da_mm.raster.ground import GroundSize, ground_size
from rs_da_mm.raster.ground_box import GroundBox, ground_box
from rs_da_mm.raster.interpolation import Resampling
from rs_da_mm.raster.locations import Location, local_file, locate, portable_name
from rs_da_mm.raster.pixel_size import PixelSize, pixel_metres, pixel_size
from rs_da_mm.raster.polygons import LabelPolygon, label_polygons, sieve_labels
from rs_da_mm.raster.resampled_scene import ResampledScene, at_pixel_size
from rs_da_mm.raster.rescaled_source import RescaledSource
from rs_da_mm.raster.same_ground import OutsideError
from rs_da_mm.raster.scene import Scene
from rs_da_mm.raster.source_view import PlacedSource, SourceView
from rs_da_mm.raster.versions import library_versions
from rs_da_mm.raster.warped_scene import WarpedScene, laid_on
from rs_da_mm.raster.windows import Edge, Window, clip_window, window_grid, window_slices
from rs_da_mm.raster.writer import RasterWriter, write_raster

__all__ = [
    "CellAreas",
    "CogWriter",
    "Edge",
    "Georeference",
    "GroundBox",
    "GroundSize",
    "LabelPolygon",
    "Location",
    "OutsideError",
    "PixelSize",
    "PlacedSource",
    "RasterWriter",
    "ResampledScene",
    "Resampling",
    "RescaledSource",
    "Scene",
    "SourceView",
    "WarpedScene",
    "Window",
    "at_pixel_size",
    "band_numbers",
    "cell_areas",
    "check_alignment",
    "check_readable",
    "clip_window",
    "cog_faults",
    "ground_box",
    "ground_size",
    "label_polygons",
    "laid_on",
    "library_versions",
    "local_file",
    "locate",
    "pixel_metres",
    "pixel_size",
    "portable_name",
    "scene_fingerprint",
    "sieve_labels",
    "window_grid",
    "window_slices",
    "write_raster",
]
