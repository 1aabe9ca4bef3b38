"""Vector layers on the grids of images: polygons, lines and points as labels. Needs the extra ``vectors``."""

from __future__ import annotations

from rs_da_mm.raster.vectors.attributes import Value, check_codes, class_numbers
from rs_da_mm.raster.vectors.burnt_layer import BurntLayer, inside
from rs_da_mm.raster.vectors.layer import LayerShapes, VectorLayer
from rs_da_mm.raster.vectors.mending import GeometryFaults

__all__ = ["BurntLayer", "GeometryFaults", "LayerShapes", "Value", "VectorLayer", "check_codes", "class_numbers", "inside"]
