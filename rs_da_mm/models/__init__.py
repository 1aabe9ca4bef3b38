"""Networks, losses and data preprocessors; importing the package registers them."""

from __future__ import annotations

from rs_da_mm.models import losses, macunet, preprocessor, unets

__all__ = ["losses", "macunet", "preprocessor", "unets"]
