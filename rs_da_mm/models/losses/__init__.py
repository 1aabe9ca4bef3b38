"""Losses, as functions and as modules registered for configs."""

from __future__ import annotations

from rs_da_mm.models.losses.lovasz_softmax import LovaszSoftmaxLoss
from rs_da_mm.models.losses.soft_dice import SoftDiceLoss
from rs_da_mm.models.losses.softmax_focal import SoftmaxFocalLoss
from rs_da_mm.models.losses.weighted_cross_entropy import WeightedCrossEntropy

__all__ = ["LovaszSoftmaxLoss", "SoftDiceLoss", "SoftmaxFocalLoss", "WeightedCrossEntropy"]
