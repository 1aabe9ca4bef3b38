"""Hooks of the runner."""

from __future__ import annotations

from rs_da_mm.engine.hooks.atomic_checkpoint import AtomicCheckpointHook, save_interrupted
from rs_da_mm.engine.hooks.network_format import NetworkFormatHook
from rs_da_mm.engine.hooks.nonfinite_guard import NonFiniteGuardHook, NonFiniteLossError
from rs_da_mm.engine.hooks.prediction_panels import PredictionPanelHook, evenly_spread
from rs_da_mm.engine.hooks.preemption import PreemptionHook
from rs_da_mm.engine.hooks.run_record import RunRecordHook

__all__ = [
    "AtomicCheckpointHook",
    "NetworkFormatHook",
    "NonFiniteGuardHook",
    "NonFiniteLossError",
    "PredictionPanelHook",
    "PreemptionHook",
    "RunRecordHook",
    "evenly_spread",
    "save_interrupted",
]
