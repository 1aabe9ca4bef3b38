"""Hooks of the runner."""

from __future__ import annotations

from rs_da_mm.engine.hooks.prediction_panels import PredictionPanelHook, evenly_spread

__all__ = ["PredictionPanelHook", "evenly_spread"]
