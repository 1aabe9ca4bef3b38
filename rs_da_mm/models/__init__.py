"""Networks, losses and data preprocessors; importing the package registers them."""

from __future__ import annotations

from rs_da_mm.models import adversarial, inflated_weights, losses, macunet, preprocessor, segmentor_settings, unets

__all__ = ["adversarial", "inflated_weights", "losses", "macunet", "preprocessor", "segmentor_settings", "unets"]
