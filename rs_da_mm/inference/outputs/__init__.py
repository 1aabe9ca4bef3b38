"""What a map is written to: GeoTIFF, scores, polygons, a picture, a style, a record."""

from __future__ import annotations

from rs_da_mm.inference.outputs.classes import MapClasses, map_classes
from rs_da_mm.inference.outputs.geopackage import require_pyogrio
from rs_da_mm.inference.outputs.label_map import open_label_map
from rs_da_mm.inference.outputs.map_record import make_record, write_record
from rs_da_mm.inference.outputs.preview import save_preview
from rs_da_mm.inference.outputs.qgis_style import polygon_style, raster_style, write_raster_style
from rs_da_mm.inference.outputs.score_map import encode_scores, open_score_map, open_uncertainty_map, uncertainty
from rs_da_mm.inference.outputs.tally import AreaTally
from rs_da_mm.inference.outputs.thumbnail import Thumbnail
from rs_da_mm.inference.outputs.vectors import write_polygons

__all__ = [
    "AreaTally",
    "MapClasses",
    "Thumbnail",
    "encode_scores",
    "make_record",
    "map_classes",
    "open_label_map",
    "open_score_map",
    "open_uncertainty_map",
    "polygon_style",
    "raster_style",
    "require_pyogrio",
    "save_preview",
    "uncertainty",
    "write_polygons",
    "write_raster_style",
    "write_record",
]
