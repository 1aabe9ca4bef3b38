"""Every work-around for another package, each with its reason and when it can go."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

_PACKAGE = Path(__file__).resolve().parent
_INHERITANCE_PREFIX = "rs_da_mm::"


def require_stack() -> None:
    """Say what to install where there is no OpenMMLab stack: pip cannot ask for "one of two distributions".

    Raises:
        ImportError: When neither mmengine nor onedl-mmengine is installed.
    """
    if importlib.util.find_spec("mmengine") is None:
        raise ImportError(
            'rs_da_mm needs an OpenMMLab stack and found no mmengine: install "rs_da_mm[upstream]" (mmengine, mmcv-lite, '
            'mmsegmentation) or "rs_da_mm[onedl]" (the OneDL forks).',
            name="mmengine",
        )


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


class _Deferred(ModuleType):
    """Stands in for a package until something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__path__", "__version__"):  # as whoever lists modules asks for
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def defer_timm() -> bool:
    """Let ``import timm`` load timm when something of it is used.

    mmseg imports it for one backbone that wraps its models, and timm brings torchvision, torch's compiler and triton: 100 MB and
    a second for every tool. It can go when mmseg imports timm where it needs it.

    Returns:
        Whether it waits: ``False`` where it is loaded already, or not installed.
    """
    name = "timm"
    if name in sys.modules:
        return isinstance(sys.modules[name], _Deferred)
    spec = importlib.util.find_spec(name)
    if spec is None:
        return False
    waiting = _Deferred(name)
    waiting.__spec__, waiting.__file__ = spec, spec.origin
    sys.modules[name] = waiting
    return True


def shipped_configs() -> Path:
    """Where this package's configs are: beside the package in a clone, inside it where it is installed."""
    beside = _PACKAGE.parent
    return beside / "configs" if (beside / "setup.py").is_file() else _PACKAGE / ".mim" / "configs"


def install_config_inheritance() -> None:
    """Let a config say ``_base_ = ['rs_da_mm::macunet_gid.py']``.

    mmengine's own lookup cannot do it, on either stack: it wants a folder in the name (``rs_da_mm::folder/…``) and a
    ``model-index.yml``, does not see through pip's editable installs, and writes ``_scope_='rs_da_mm'`` into every inherited
    dict, where ``EncoderDecoder`` and the other names of mmseg are not found. It can go when mmengine asks the package itself.
    """
    from mmengine.config import Config

    theirs = Config._get_cfg_path
    if getattr(theirs, "knows_rs_da_mm", False):
        return

    def get_cfg_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if not cfg_path.startswith(_INHERITANCE_PREFIX):
            return theirs(cfg_path, filename)
        name = cfg_path[len(_INHERITANCE_PREFIX) :]
        path = shipped_configs() / name
        if not path.is_file():
            present = ", ".join(sorted(config.name for config in shipped_configs().glob("*.py")))
            raise FileNotFoundError(f"{filename}: rs_da_mm has no config {name!r}. It has: {present}.")
        return str(path), None

    get_cfg_path.knows_rs_da_mm = True  # type: ignore[attr-defined]
    Config._get_cfg_path = staticmethod(get_cfg_path)


def install() -> None:
    """Put every work-around in place; called once, when ``rs_da_mm`` is imported."""
    require_stack()
    install_mmcv_ops_stub()
    defer_timm()
    install_config_inheritance()
