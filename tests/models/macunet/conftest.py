from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PLAIN = Path(__file__).parents[3] / "tools" / "benchmarks" / "plain_macunet.py"


@pytest.fixture(scope="session")
def plain_macunet() -> ModuleType:
    """The network written down independently, as three convolutions per block."""
    spec = importlib.util.spec_from_file_location("plain_macunet", PLAIN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
