"""Words in braces that stand for what is known only when a study runs: ``{seed}``, ``{pretrain.checkpoint}``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rs_da_mm.studies.fields import StudyError, near_match

_PLACEHOLDER = re.compile(r"\{([A-Za-z]\w*(?:\.[A-Za-z]\w*)?)\}")

OF_A_STAGE = ("checkpoint", "work_dir", "config")
"""What can follow a stage's name."""


def find_placeholders(value: Any) -> set[str]:
    """Find the placeholders in every text of a nested value, without their braces."""
    return {name for text in _texts(value) for name in _PLACEHOLDER.findall(text)}


def check_placeholders(value: Any, known: Mapping[str, Any], where: str) -> None:
    """Refuse a placeholder that stands for nothing.

    Args:
        value: Overrides, or the words of a command.
        known: What there is.
        where: What ``value`` is, for the error.

    Raises:
        StudyError: Naming it, and the nearest one that there is.
    """
    for name in sorted(find_placeholders(value) - set(known)):
        raise StudyError(f"{where}: {{{name}}} stands for nothing here. {near_match(name, known)}")


def substitute(value: Any, known: Mapping[str, Any]) -> Any:
    """Put values in the place of placeholders; what is not known stays as it is.

    Args:
        value: Texts, in dicts, lists and tuples nested as they like.
        known: Value of each placeholder. A text that is nothing but a placeholder becomes the value itself, a number for one.

    Returns:
        The same, with the values in it.
    """
    if isinstance(value, str):
        whole = _PLACEHOLDER.fullmatch(value)
        if whole is not None and whole.group(1) in known:
            return known[whole.group(1)]
        return _PLACEHOLDER.sub(lambda found: str(known.get(found.group(1), found.group(0))), value)
    if isinstance(value, Mapping):
        return {key: substitute(inner, known) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(substitute(inner, known) for inner in value)
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
