"""Settings as Python that a person reads: ``dict(type='…')``, broken into lines where it is long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WIDTH = 120


class Code(str):
    """Python that stands in a config as it is: the name of another setting."""

    __slots__ = ()


def spell(value: Any, indent: int = 0, taken: int = 0) -> str:
    """Write a setting as Python.

    Args:
        value: Dicts, lists, tuples, strings, numbers, ``None``, and :class:`Code`.
        indent: Columns that its line begins with.
        taken: Further columns that stand in front of it.

    Returns:
        An expression that gives the value.
    """
    short = _short(value)
    if len(short) + indent + taken < _WIDTH or not isinstance(value, (Mapping, list, tuple)) or not value:
        return short
    inner = " " * (indent + 4)
    if isinstance(value, Mapping):
        named = _are_names(value)
        keys = [f"{key}=" if named else f"{key!r}: " for key in value]
        first, last = ("dict(", ")") if named else ("{", "}")
        lines = [f"{inner}{key}{spell(one, indent + 4, len(key))}," for key, one in zip(keys, value.values(), strict=True)]
    else:
        first, last = ("[", "]") if isinstance(value, list) else ("(", ")")
        lines = [f"{inner}{spell(one, indent + 4)}," for one in value]
    return "\n".join([first, *lines, f"{' ' * indent}{last}"])


def _short(value: Any) -> str:
    if isinstance(value, Code):
        return str(value)
    if isinstance(value, Mapping):
        if _are_names(value):
            return f"dict({', '.join(f'{key}={_short(one)}' for key, one in value.items())})"
        return "{" + ", ".join(f"{key!r}: {_short(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(_short, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, float):
        return repr(float(f"{value:.6g}"))
    return repr(value)


def _are_names(value: Mapping[Any, Any]) -> bool:
    return all(isinstance(key, str) and key.isidentifier() for key in value)
