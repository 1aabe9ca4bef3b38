"""Every work-around for another package, each with its reason and when it can go."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, NoReturn


class _MissingOps(ModuleType):
    """Stands in for ``mmcv._ext``: every operation exists, and says what to install when it is called."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*_args: Any, **_kwargs: Any) -> NoReturn:
            raise RuntimeError(
                f"mmcv's compiled operation '{name}' was called, and the installed mmcv has none (mmcv-lite, or OneDL's mmcv "
                "installed without them). Nothing in rs_da_mm needs compiled operations; for a model that does, install "
                "the full 'mmcv' package built for your torch in place of 'mmcv-lite'."
            )

        return missing


def install_mmcv_ops_stub() -> bool:
    """Let ``mmcv.ops`` be imported where mmcv has no compiled operations.

    mmseg 1.2.2 and mmagic 1.2.0 import ``mmcv.ops`` unguarded, for heads that hardly anyone uses. The stub carries a
    ``ModuleSpec`` without a loader, so that mmengine's ``mmcv_full_available`` answers "no" instead of crashing on it. It can go
    when mmseg guards its imports.

    Returns:
        Whether the stub is in place: ``False`` where real operations are installed, or mmcv is not.
    """
    name = "mmcv._ext"
    if name in sys.modules:
        return isinstance(sys.modules[name], _MissingOps)
    mmcv = importlib.util.find_spec("mmcv")
    if mmcv is None or mmcv.submodule_search_locations is None:
        return False
    if PathFinder.find_spec(name, list(mmcv.submodule_search_locations)) is not None:
        return False
    stub = _MissingOps(name)
    stub.__spec__ = ModuleSpec(name, loader=None)
    sys.modules[name] = stub
    return True


def install() -> None:
    """Put every work-around in place; called once, when ``rs_da_mm`` is imported."""
    install_mmcv_ops_stub()
