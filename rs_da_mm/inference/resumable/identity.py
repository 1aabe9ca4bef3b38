"""What an output depends on, and in what two of them differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Compare what two outputs depend on.

    Args:
        before: Nested objects, as JSON gives them back.
        now: The same of another one.

    Returns:
        For each entry that differs, its dotted name and both values; nothing when all are the same.
    """
    former, current = dict(_flat("", before)), dict(_flat("", now))
    return [
        f"{key} was {former.get(key, 'not given')} and is {current.get(key, 'not given')}"
        for key in sorted({*former, *current})
        if former.get(key) != current.get(key)
    ]


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Leaves of nested objects with their dotted names, as JSON text (in which NaN equals NaN)."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _flat(f"{name}.{key}" if name else key, part)
    else:
        yield name, json.dumps(value)
