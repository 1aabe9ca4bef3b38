"""Remote-sensing segmentation and domain adaptation for the OpenMMLab ecosystem.

Importing the package registers everything it has, so ``custom_imports = dict(imports=['rs_da_mm'])`` is all that a config needs.
"""

from __future__ import annotations

from rs_da_mm import compat

compat.install()

from rs_da_mm import registry  # noqa: E402  (the work-arounds come first)
from rs_da_mm.version import __version__  # noqa: E402

__all__ = ["__version__", "registry"]
