"""Full precision inside automatic mixed precision."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import ContextDecorator, ExitStack
from types import TracebackType
from typing import Any, TypeVar

import torch
from torch import Tensor

_Function = TypeVar("_Function", bound=Callable[..., Any])


class fp32_island(ContextDecorator):
    """Switch autocast off for losses that need float32: norms, logarithms, penalties on gradients.

    As a context it switches autocast off and leaves it to the code inside to cast what comes from outside. As a decorator it
    also casts the arguments: tensors in half precision (in tuples, lists and dicts too) become float32, all others stay as they
    are, and gradients go back through the cast::

        @fp32_island()
        def gradient_penalty(critic, images): ...
    """

    def __init__(self) -> None:
        self._entered: list[ExitStack] = []

    def __enter__(self) -> fp32_island:
        stack = ExitStack()
        for device_type in ("cuda", "cpu"):
            if torch.is_autocast_enabled(device_type):
                stack.enter_context(torch.autocast(device_type, enabled=False))
        self._entered.append(stack)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._entered.pop().close()

    def __call__(self, function: _Function) -> _Function:
        """Decorate a function."""

        @functools.wraps(function)
        def in_float32(*args: Any, **kwargs: Any) -> Any:
            with fp32_island():
                return function(*to_float32(args), **to_float32(kwargs))

        return in_float32  # type: ignore[return-value]


def to_float32(value: Any) -> Any:
    """Cast tensors in half precision to float32, in tuples, lists and dicts too; everything else stays as it is."""

    def cast(tensor: Tensor) -> Tensor:
        return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor

    return map_tensors(cast, value)


def map_tensors(function: Callable[[Tensor], Tensor], value: Any, other: Callable[[Any], Any] = lambda value: value) -> Any:
    """Apply a function to every tensor in tuples (named ones too), lists and dicts, and another one to everything else."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, tuple):
        items = [map_tensors(function, item, other) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [map_tensors(function, item, other) for item in value]
    if isinstance(value, Mapping):
        return {key: map_tensors(function, item, other) for key, item in value.items()}
    return other(value)
