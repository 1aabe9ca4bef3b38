"""A config as data: what can be written as JSON, read without executing anything, and says nothing about the machine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from mmengine.config import Config

REPLACED = "<path>"
"""Stands for the folders of a path that named a place on somebody's machine."""
REMOVED = "<removed>"
"""Stands for a password or key."""

_OF_THE_RUN = ("work_dir", "launcher", "resume", "local_rank")
_SECRET = re.compile(r"(password|passwd|secret|api_?key|access_?key|auth_?token|access_?token)$", re.IGNORECASE)
_HOMES = ("home", "Users", "users")
_PIECE = r"[^\s'\"<>|,;:(){}\[\]]"
_PATH_IN_TEXT = re.compile(rf"(?<![\w.:/\\~])(?:~[\w-]*[/\\]|[A-Za-z]:[/\\]|\\\\|/(?={_PIECE}+/)){_PIECE}+")


def plain_config(config: Config) -> dict[str, Any]:
    """Turn a config into plain data.

    Classes and functions become their full names, as in ``'rs_da_mm.models.macunet.network.MACUNet'`` (which mmengine's
    registries resolve), tuples become lists, dicts with other keys than strings become lists of pairs, and objects that have no
    such form their type's name in angle brackets.

    Args:
        config: The config.

    Returns:
        What JSON holds.
    """
    plain = _plain(config.to_dict())
    assert isinstance(plain, dict)
    return plain


def shareable_config(config: Config) -> tuple[dict[str, Any], list[str]]:
    """Turn a config into plain data that can be given to others.

    What only says where and how a run was started (``work_dir``, ``launcher``, ``resume``) is left out. Paths become relative
    to the current folder; of those that lie elsewhere only the last part stays, behind :data:`REPLACED`. Values under names
    like ``api_key`` and logins in addresses are removed.

    Args:
        config: The config.

    Returns:
        The config; and the keys whose values were changed, like ``'train_dataloader.dataset.data_root'``.
    """
    return shareable({key: value for key, value in plain_config(config).items() if key not in _OF_THE_RUN})


def shareable(plain: Any) -> tuple[Any, list[str]]:
    """Take places of this machine and secrets out of plain data; see :func:`shareable_config`.

    Args:
        plain: What JSON holds.

    Returns:
        The same without them, and the keys whose values were changed.
    """
    changed: list[str] = []
    return _shared(plain, "", changed), changed


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        if all(isinstance(key, str) for key in value):
            return {key: _plain(item) for key, item in value.items()}
        return [[_plain(key), _plain(item)] for key, item in value.items()]
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return f"<{type(value).__module__}.{type(value).__qualname__}>"


def _shared(value: Any, key: str, changed: list[str]) -> Any:
    if isinstance(value, dict):
        return {name: _shared(item, f"{key}.{name}".lstrip("."), changed) for name, item in value.items()}
    if isinstance(value, list):
        return [_shared(item, f"{key}[{index}]", changed) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    shared = REMOVED if value and _SECRET.search(key) else _without_places(value)
    if shared != value:
        changed.append(key)
    return shared


def _without_places(text: str) -> str:
    """Take folders of the machine out of a text."""
    if "://" in text:
        return _without_login(text)
    if "\n" not in text and _is_absolute(text):  # a path may hold spaces
        return _moved(text)
    return _PATH_IN_TEXT.sub(lambda found: _moved(found.group()), text)


def _is_absolute(text: str) -> bool:
    return len(text) > 1 and (PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute() or text.startswith("~"))


def _moved(text: str) -> str:
    """Name a path from the current folder, or by its last part alone."""
    expanded, here = Path(os.path.expanduser(text)), Path.cwd()  # noqa: PTH111 (pathlib's fails at a user that there is not)
    if here != here.parent and expanded.is_relative_to(here):
        return expanded.relative_to(here).as_posix()
    path = PurePosixPath(text) if "/" in text else PureWindowsPath(text)
    # The last part of /home/somebody is a name too.
    if expanded == Path.home() or path.parent.name in _HOMES or path.name.startswith("~"):
        return REPLACED
    return f"{REPLACED}/{path.name}"


def _without_login(address: str) -> str:
    parts = urlsplit(address)
    if "@" not in parts.netloc:
        return address
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
