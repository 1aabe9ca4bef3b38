from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture
def reseed() -> Callable[[int], None]:
    """Seed what mmengine seeds in every worker, and what the transforms draw from."""
    return np.random.seed


@pytest.fixture(autouse=True)
def _same_draws_in_every_run(reseed) -> None:
    reseed(0)
