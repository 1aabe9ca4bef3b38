"""Turning what a run remembers into plain data: what can be read back without executing anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

_PLAIN = (str, bytes, bool, int, float, complex, torch.Tensor, torch.Size, torch.dtype, torch.device)
_BUFFER = "history"
_LEFT_OUT = object()


class NotPlainError(TypeError):
    """Something has no plain form."""


def plain_data(value: Any, where: str = "value") -> Any:
    """Give the plain form of nested containers.

    Args:
        value: Numbers, strings, tensors, NumPy scalars and arrays, and dicts, lists, tuples and sets of them.
        where: What it is called in the error.

    Returns:
        The same with dicts of mmengine as dicts, NumPy scalars as Python's, NumPy arrays as lists, sets as sorted lists.

    Raises:
        NotPlainError: When something else is in it, naming the place.
    """
    if value is None or type(value) in _PLAIN or isinstance(value, torch.Tensor):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return plain_data(value.tolist(), where)
    if isinstance(value, Mapping):
        return {plain_data(key, f"a key of {where}"): plain_data(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [plain_data(item, f"{where}[{index}]") for index, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, set | frozenset):
        return sorted(plain_data(item, where) for item in value)
    for kind in (str, bool, int, float):  # their subclasses: an enumeration, a path that is a string
        if isinstance(value, kind):
            return kind(value)
    raise NotPlainError(f"{where} is a {type(value).__name__}")


def plain_message_hub(state: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Give the plain form of ``MessageHub.state_dict()``.

    Returns:
        The state, with each history as a dict of two tensors and a length, and the names of what has no plain form and was
        left out.
    """
    runtime_info = {name: _plain_or_left_out(value) for name, value in state["runtime_info"].items()}
    left_out = [name for name, value in runtime_info.items() if value is _LEFT_OUT]
    plain = {
        "log_scalars": {name: _plain_history(buffer) for name, buffer in state["log_scalars"].items()},
        "runtime_info": {name: value for name, value in runtime_info.items() if name not in left_out},
        "resumed_keys": {name: bool(kept) for name, kept in state["resumed_keys"].items() if name not in left_out},
    }
    return plain, left_out


def message_hub_state(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Undo :func:`plain_message_hub`; what mmengine wrote itself is given back as it is."""
    scalars = {
        name: _history(value) if isinstance(value, Mapping) and _BUFFER in value else value
        for name, value in plain["log_scalars"].items()
    }
    return {**plain, "log_scalars": scalars}


def _plain_or_left_out(value: Any) -> Any:
    try:
        return plain_data(value)
    except NotPlainError:
        return _LEFT_OUT


def _plain_history(buffer: HistoryBuffer) -> dict[str, Any]:
    values, counts = buffer.data
    return {
        _BUFFER: torch.from_numpy(np.array(values, dtype=np.float64)),
        "counts": torch.from_numpy(np.array(counts, dtype=np.int64)),
        "max_length": int(buffer.max_length),
    }


def _history(plain: Mapping[str, Any]) -> HistoryBuffer:
    return HistoryBuffer(plain[_BUFFER].tolist(), plain["counts"].tolist(), plain["max_length"])
