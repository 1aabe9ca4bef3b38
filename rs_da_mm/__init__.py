"""Remote-sensing segmentation and domain adaptation for the OpenMMLab ecosystem.

Importing the package registers everything it has, so ``custom_imports = dict(imports=['rs_da_mm'])`` is all that a config needs.
"""

from __future__ import annotations

from rs_da_mm import compat

compat.install()  # before anything that imports mmcv

from rs_da_mm import datasets, engine, evaluation, inference, models  # noqa: E402
from rs_da_mm.engine.checkpoints import install_safe_loading  # noqa: E402
from rs_da_mm.version import __version__  # noqa: E402

install_safe_loading()

__all__ = ["__version__", "datasets", "engine", "evaluation", "inference", "models"]
