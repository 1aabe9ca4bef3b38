"""Hooks of the runner."""

from __future__ import annotations

from rs_da_mm.engine.hooks.atomic_checkpoint import AtomicCheckpointHook, save_interrupted
from rs_da_mm.engine.hooks.prediction_panels import PredictionPanelHook, evenly_spread

__all__ = ["AtomicCheckpointHook", "PredictionPanelHook", "evenly_spread", "save_interrupted"]
