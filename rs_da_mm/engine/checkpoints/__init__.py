"""Checkpoints: read safely from wherever they are, loaded strictly, resumed from, written whole, published."""

from __future__ import annotations

from rs_da_mm.engine.checkpoints.addresses import install_safe_loading, load_from_http, load_from_local
from rs_da_mm.engine.checkpoints.loading import (
    describe_misfit,
    fitted_weights,
    load_model_strictly,
    match_weights,
    unwrapped,
    weights_of,
)
from rs_da_mm.engine.checkpoints.reading import MapLocation, damaged_record, load_checkpoint_file

__all__ = [
    "MapLocation",
    "damaged_record",
    "describe_misfit",
    "fitted_weights",
    "install_safe_loading",
    "load_checkpoint_file",
    "load_from_http",
    "load_from_local",
    "load_model_strictly",
    "match_weights",
    "unwrapped",
    "weights_of",
]
