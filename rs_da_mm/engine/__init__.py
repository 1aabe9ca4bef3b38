"""What the runner calls: launching ranks, sampling, precision, progress and pictures."""

from __future__ import annotations

from rs_da_mm.engine.autocast import AutocastOptimWrapper, enable_autocast, half_dtype
from rs_da_mm.engine.hooks import PredictionPanelHook
from rs_da_mm.engine.launcher import finish_ranks, prepare_ranks
from rs_da_mm.engine.progress import ProgressBarHook
from rs_da_mm.engine.samplers import DrawBatchSampler, DrawWithReplacementSampler

__all__ = [
    "AutocastOptimWrapper",
    "DrawBatchSampler",
    "DrawWithReplacementSampler",
    "PredictionPanelHook",
    "ProgressBarHook",
    "enable_autocast",
    "finish_ranks",
    "half_dtype",
    "prepare_ranks",
]
