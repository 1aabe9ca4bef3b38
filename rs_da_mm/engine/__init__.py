"""What the runner calls: launching ranks, sampling, precision, progress and pictures."""

from __future__ import annotations

from rs_da_mm.engine.autocast import AutocastOptimWrapper, enable_autocast, half_dtype
from rs_da_mm.engine.hooks import AtomicCheckpointHook, PredictionPanelHook, save_interrupted
from rs_da_mm.engine.launcher import finish_ranks, prepare_ranks
from rs_da_mm.engine.loops import ResumableEpochBasedTrainLoop, ResumableIterBasedTrainLoop
from rs_da_mm.engine.progress import ProgressBarHook
from rs_da_mm.engine.samplers import DrawBatchSampler, DrawWithReplacementSampler

__all__ = [
    "AtomicCheckpointHook",
    "AutocastOptimWrapper",
    "DrawBatchSampler",
    "DrawWithReplacementSampler",
    "PredictionPanelHook",
    "ProgressBarHook",
    "ResumableEpochBasedTrainLoop",
    "ResumableIterBasedTrainLoop",
    "enable_autocast",
    "finish_ranks",
    "half_dtype",
    "prepare_ranks",
    "save_interrupted",
]
