"""Networks, losses and data preprocessors; importing the package registers them."""

from __future__ import annotations

from rs_da_mm.models import adversarial, losses, macunet, preprocessor, unets

__all__ = ["adversarial", "losses", "macunet", "preprocessor", "unets"]
