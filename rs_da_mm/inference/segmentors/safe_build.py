"""Building a segmentor from a config that came with weights, whoever wrote it: nothing but models of known packages is made.

mmengine's registries call whatever a ``type`` spells: ``dict(type='os.mkdir')`` makes a folder, and a name that no registry has
is imported as a module. So a stranger's settings are looked through before anything is built.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from mmengine.config import ConfigDict
from mmengine.registry import MODELS, TASK_UTILS, DefaultScope, Registry
from mmengine.registry import registry as registry_module
from torch import nn

from rs_da_mm.engine.command_line import plain_message
from rs_da_mm.errors import InputError
from rs_da_mm.registry import SCOPE

_MMSEG = "mmseg"
_SCOPES = (_MMSEG, SCOPE)
_NAMES = ("type", "norm_layer")
"""Keys whose values are looked up in a registry; timm's backbone in mmseg looks up the second."""
_DOWNLOADS = ("init_cfg", "pretrained")
_PLACES = "/\\:."
"""What the name of a file, an address or a Python object has in it, and no setting of a model."""
_LOOK_UP = "get_object_from_string"


def model_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Take what builds the model out of a config, without what would load pretrained weights.

    Args:
        config: A config with ``model``; a ``data_preprocessor`` beside it goes in, as mmengine's runner does it.

    Returns:
        A copy of ``model``, without ``init_cfg`` and ``pretrained`` at any depth.
    """
    settings = copy.deepcopy(config["model"])
    if config.get("data_preprocessor") is not None:
        settings.setdefault("data_preprocessor", copy.deepcopy(config["data_preprocessor"]))
    without: dict[str, Any] = _without_downloads(settings)
    return without


def require_harmless(settings: Mapping[str, Any], path: str | Path) -> dict[str, Any]:
    """Look through settings that came with weights.

    A ``type`` must be a name that mmsegmentation or this package has registered, bare or behind ``mmseg.`` or ``rs_da_mm.``. A
    full name such as ``rs_da_mm.models.macunet.network.MACUNet``, which configs written in Python's way leave behind, passes
    where it is the name of a registered class, and becomes that class's bare name; nothing is imported to find out.

    Args:
        settings: What :func:`model_settings` gives, of plain data.
        path: The file that they came with, for the error.

    Returns:
        The same, with every name in a form that the registries look up without importing anything.

    Raises:
        InputError: When a name is none of these, or a setting looks like a file, an address or a Python object.
    """
    import_module(f"{_MMSEG}.models")
    checked: dict[str, Any] = _checked(settings, "model", path)
    return checked


def build_model(settings: Mapping[str, Any], scope: str | None = None) -> nn.Module:
    """Build a model from the user's own config.

    Args:
        settings: What :func:`model_settings` gives.
        scope: The config's ``default_scope``; mmseg's where it has none.
    """
    with DefaultScope.overwrite_default_scope(scope or _MMSEG):
        model: nn.Module = MODELS.build(ConfigDict(copy.deepcopy(dict(settings))))
    return model


def build_harmless(settings: Mapping[str, Any], path: str | Path) -> nn.Module:
    """Build a model from settings that :func:`require_harmless` has let through.

    Args:
        settings: The settings.
        path: The file that they came with, for the error.

    Raises:
        InputError: When something in them makes no model.
    """
    try:
        with _registered_names_only():
            return build_model(settings)
    except Exception as error:  # any setting of any model
        raise InputError(
            f"{path}: the model in its config cannot be built ({type(error).__name__}: {plain_message(error)}). Give the config "
            "that it was trained with, and use the versions of the packages that it was written for."
        ) from error


def _without_downloads(value: Any) -> Any:
    if isinstance(value, dict):
        return type(value)({key: _without_downloads(item) for key, item in value.items() if key not in _DOWNLOADS})
    if isinstance(value, list | tuple):
        return type(value)(_without_downloads(item) for item in value)
    return value


def _checked(value: Any, where: str, path: str | Path) -> Any:
    if isinstance(value, Mapping):
        return {key: _checked_entry(key, item, f"{where}.{key}", path) for key, item in value.items()}
    if isinstance(value, list):
        return [_checked(item, f"{where}[{index}]", path) for index, item in enumerate(value)]
    if isinstance(value, str) and any(sign in value for sign in _PLACES):
        raise InputError(
            f"{path}: {where} in its config is {value!r}: a file, an address or a Python object, none of which is used from a "
            "config that came with weights. Give the config as a file that you trust."
        )
    return value


def _checked_entry(key: Any, item: Any, where: str, path: str | Path) -> Any:
    if key == "_scope_" and item not in _SCOPES:
        raise InputError(f"{path}: {where} in its config is {item!r}; expected one of {', '.join(_SCOPES)}. {_OWN_CONFIG}")
    if key not in _NAMES or item is None:
        return _checked(item, where, path)
    name = _registered_name(item) if isinstance(item, str) else None
    if name is None:
        raise InputError(
            f"{path}: {where} in its config is {item!r}, which is no model that mmsegmentation or rs_da_mm has registered. "
            f"Nothing else is built from a config that came with weights. {_OWN_CONFIG}"
        )
    return name


_OWN_CONFIG = "Give the config as a file that you trust, and import in it (custom_imports) the package that defines the name."


def _registered_name(name: str) -> str | None:
    """The name by which a registry finds what is meant without importing anything, ``None`` where there is none."""
    scope, _, rest = name.partition(".")
    if not rest:
        return name if _find(name) is not None else None
    if scope in _SCOPES and "." not in rest:
        return name if _find(rest, scope) is not None else None
    last = name.rpartition(".")[2]
    found = _find(last)
    return last if found is not None and f"{found.__module__}.{found.__qualname__}" == name else None


def _find(name: str, scope: str | None = None) -> Any:
    """Look a bare name up as the registries do, and no further: in mmseg's, then in the root's."""
    for root in (MODELS, TASK_UTILS):
        own: Registry | None = root.children.get(_MMSEG)
        # Our own scope's registries are empty: what this package registers is in the root.
        nodes = {_MMSEG: (own,), SCOPE: (root,), None: (own, root)}[scope]
        for node in nodes:
            if node is not None and name in node.module_dict:
                return node.module_dict[name]
    return None


@contextmanager
def _registered_names_only() -> Iterator[None]:
    """Keep the registries from importing names that they have not: a class may look up other settings than those checked."""
    original = getattr(registry_module, _LOOK_UP)
    setattr(registry_module, _LOOK_UP, lambda name: None)
    try:
        yield
    finally:
        setattr(registry_module, _LOOK_UP, original)
