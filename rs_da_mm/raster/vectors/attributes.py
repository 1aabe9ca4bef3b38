"""The values of features' attributes, and the classes that they stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError

Value: TypeAlias = "str | int | float | None"
"""A feature's attribute; ``None`` where it has none."""
_NAMED = 5


def plain_values(column: Iterable[Any]) -> list[Value]:
    """Turn a column as it was read into plain values.

    Args:
        column: Values of any dtype.

    Returns:
        Text, whole numbers (also those that were stored as 3.0), other numbers; ``None`` for what is missing or no number.
        Dates and all else as text.
    """
    return [_plain(value) for value in column]


def class_numbers(
    values: Sequence[Value], features: NDArray[np.int64], codes: Mapping[Any, int] | None, where: str
) -> NDArray[np.uint8]:
    """Find the class of each feature.

    Args:
        values: Each feature's attribute.
        features: Each feature's id, for messages.
        codes: Class (0–255, 255 ignored) of each value; numbers and their text are one (3 and ``'3'``). Without it the values
            are the classes.
        where: File and field, for messages.

    Returns:
        ``(n,)``, the class of each.

    Raises:
        InputError: When a value has no class; the message names it, how many features have it, and the first of them.
    """
    classes = {value: value for value in range(256)} if codes is None else {_plain(key): code for key, code in codes.items()}
    by_text = {_text(key): code for key, code in classes.items()}
    found = [by_text.get(_text(value)) for value in values]
    unknown = Counter(value for value, code in zip(values, found, strict=True) if code is None)
    if unknown:
        raise InputError(_unknown(unknown, values, features, codes, where))
    return np.array(found, np.uint8)


def check_codes(codes: Mapping[Any, int] | None, where: str) -> None:
    """Refuse classes that a label cannot hold, and two names of one value that stand for different classes.

    Args:
        codes: Class of each value.
        where: File and field, for the message.

    Raises:
        InputError: When a class is no whole number from 0 to 255, or a value has two.
    """
    by_text: dict[str | None, int] = {}
    for key, code in (codes or {}).items():
        if isinstance(code, bool) or not isinstance(code, (int, np.integer)) or not 0 <= code <= 255:
            raise InputError(
                f"{where}: the class of {key!r} is {code!r}; give a whole number from 0 to 254, or 255 to ignore it."
            )
        if by_text.setdefault(_text(_plain(key)), int(code)) != code:
            raise InputError(
                f"{where}: {_text(_plain(key))} is named twice, for class {by_text[_text(_plain(key))]} and for {code}."
            )


def _unknown(
    unknown: Counter[Value], values: Sequence[Value], features: NDArray[np.int64], codes: Mapping[Any, int] | None, where: str
) -> str:
    told = [
        f"{value!r} ({count} {'feature' if count == 1 else 'features'}, the first is {features[values.index(value)]})"
        for value, count in unknown.most_common(_NAMED)
    ]
    more = f" and {len(unknown) - _NAMED} more values" if len(unknown) > _NAMED else ""
    if codes is None:
        return (
            f"{where} holds {', '.join(told)}{more}, which is no class number from 0 to 255: say which class each value is "
            "(255 for those to be ignored)."
        )
    known = ", ".join(repr(key) for key in codes)
    return (
        f"{where} holds {', '.join(told)}{more}, for which no class is named; named are {known}. Name a class for it, or 255 to "
        "ignore it."
    )


def _plain(value: Any) -> Value:
    if isinstance(value, np.generic):
        value = None if isinstance(value, np.datetime64) and np.isnat(value) else value.item()
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, int)):
        return int(value)
    if isinstance(value, float):
        if not np.isfinite(value):
            return None
        return int(value) if value.is_integer() else value
    return str(value)


def _text(value: Value) -> str | None:
    return None if value is None else str(value)
