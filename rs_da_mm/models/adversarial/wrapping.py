"""Networks inside and outside distributed wrappers, and the keys of their weights."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from mmengine.model import is_model_wrapper
from torch import nn


def unwrapped(network: nn.Module) -> nn.Module:
    """The network itself, where it is in a distributed wrapper."""
    return network.module if is_model_wrapper(network) else network  # type: ignore[return-value]


@contextmanager
def unwrapped_children(model: nn.Module) -> Iterator[None]:
    """Take the wrappers off a model's children for as long as it takes to save or load them."""
    children = dict(model._modules)
    try:
        for name, child in children.items():
            if child is not None:
                model._modules[name] = unwrapped(child)
        yield
    finally:
        model._modules.update(children)


def strip_wrappers(state_dict: MutableMapping[str, Any], prefix: str, model: nn.Module) -> None:
    """Rename ``generator.module.x``, which a wrapped network was saved under, to ``generator.x``, in place.

    A network that has a child of its own called ``module`` keeps its keys.

    Args:
        state_dict: Weights by key.
        prefix: What comes before the model's own keys.
        model: The model whose children the keys are about.
    """
    for name, child in model.named_children():
        if hasattr(unwrapped(child), "module"):
            continue
        wrapper = f"{prefix}{name}.module."
        for key in [key for key in state_dict if key.startswith(wrapper)]:
            state_dict[f"{prefix}{name}.{key[len(wrapper) :]}"] = state_dict.pop(key)
