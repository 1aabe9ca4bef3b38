"""Losses, as functions and as modules registered for configs."""

from __future__ import annotations

from rs_da_mm.models.losses.weighted_cross_entropy import WeightedCrossEntropy

__all__ = ["WeightedCrossEntropy"]
