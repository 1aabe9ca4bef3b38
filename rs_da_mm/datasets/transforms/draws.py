"""Random draws of the transforms, from the generator that mmengine seeds in every worker process.

mmengine's ``worker_init_fn`` and ``set_random_seed`` seed NumPy's global generator, and the transforms of mmcv and mmseg draw
from it: a pipeline that mixes theirs with ours then repeats as a whole. That is why the global generator is used here, and only
here.
"""

from __future__ import annotations

import numpy as np


def chance(probability: float) -> bool:
    """Whether something of this probability happens now."""
    return bool(np.random.rand() < probability)  # noqa: NPY002  (see the module)


def integer(end: int) -> int:
    """A whole number from 0 to ``end`` - 1, each as likely."""
    return int(np.random.randint(end))  # noqa: NPY002


def uniform(low: float, high: float) -> float:
    """A number between ``low`` and ``high``, each as likely."""
    return float(np.random.uniform(low, high))  # noqa: NPY002
