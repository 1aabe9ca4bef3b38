"""The base of models with several networks: translators, synthesizers, adversarial segmentors."""

from __future__ import annotations

from rs_da_mm.models.adversarial.averaging import Average
from rs_da_mm.models.adversarial.float32 import fp32_island
from rs_da_mm.models.adversarial.model import AdversarialModel
from rs_da_mm.models.adversarial.shared_forward import shared_forward
from rs_da_mm.models.adversarial.step import NetworkStep

__all__ = ["AdversarialModel", "Average", "NetworkStep", "fp32_island", "shared_forward"]
