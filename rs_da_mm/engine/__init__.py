"""What the runner calls: launching, loops, sampling, precision, checkpoints, stops, several networks, progress and pictures."""

from __future__ import annotations

from rs_da_mm.engine.agreement import any_rank, gather_on_all
from rs_da_mm.engine.autocast import AutocastOptimWrapper, enable_autocast, half_dtype
from rs_da_mm.engine.class_balanced import ClassBalancedSampler
from rs_da_mm.engine.hooks import (
    AtomicCheckpointHook,
    NetworkFormatHook,
    NonFiniteGuardHook,
    NonFiniteLossError,
    PredictionPanelHook,
    PreemptionHook,
    RunRecordHook,
    save_interrupted,
)
from rs_da_mm.engine.launcher import finish_ranks, prepare_ranks, prepare_run
from rs_da_mm.engine.loops import ResumableEpochBasedTrainLoop, ResumableIterBasedTrainLoop
from rs_da_mm.engine.optimizers import NetworkOptimWrapperConstructor, NetworkOptimWrapperDict
from rs_da_mm.engine.progress import ProgressBarHook
from rs_da_mm.engine.samplers import DrawBatchSampler, DrawWithReplacementSampler

__all__ = [
    "AtomicCheckpointHook",
    "AutocastOptimWrapper",
    "ClassBalancedSampler",
    "DrawBatchSampler",
    "DrawWithReplacementSampler",
    "NetworkFormatHook",
    "NetworkOptimWrapperConstructor",
    "NetworkOptimWrapperDict",
    "NonFiniteGuardHook",
    "NonFiniteLossError",
    "PredictionPanelHook",
    "PreemptionHook",
    "ProgressBarHook",
    "ResumableEpochBasedTrainLoop",
    "ResumableIterBasedTrainLoop",
    "RunRecordHook",
    "any_rank",
    "enable_autocast",
    "finish_ranks",
    "gather_on_all",
    "half_dtype",
    "prepare_ranks",
    "prepare_run",
    "save_interrupted",
]
