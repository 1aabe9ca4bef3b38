"""How a network is laid out in memory and whether it is compiled: the same numbers, faster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from rs_da_mm.engine.checkpoints import unwrapped
from rs_da_mm.errors import InputError


def lay_out_channels_last(model: nn.Module) -> None:
    """Bring a model's convolutions, and what its data preprocessor hands it, into channels-last memory format.

    Parameters stay the objects that they are, so optimizers keep hold of them.

    Args:
        model: The model, wrapped for distribution or not.
    """
    for module in model.modules():
        for tensor in [*module._parameters.values(), *module._buffers.values()]:
            if tensor is not None and tensor.dim() == 4:
                tensor.data = tensor.data.to(memory_format=torch.channels_last)
    for module in model.modules():
        # DDP lays its gradient buffers out as the parameters are when it is made. On parameters laid out otherwise since then
        # torch 2.11 warns of lost speed, but averages the wrong gradients: of the first iteration, and of all of them with
        # find_unused_parameters. What pickling does makes the buffers anew. mmengine's wrapper of several networks has none.
        if isinstance(module, DistributedDataParallel) and hasattr(module, "reducer"):
            module.__setstate__(module.__getstate__())
    preprocessor: Any = getattr(unwrapped(model), "data_preprocessor", None)
    if hasattr(preprocessor, "channels_last"):
        preprocessor.channels_last = True


def lay_out_as_parameters(optimizer: torch.optim.Optimizer) -> None:
    """Bring an optimizer's state, and gradients that wait, into the memory format of the parameters they belong to.

    A resumed run may have another format than the one that saved them. Fused optimizers go through parameter, gradient and state
    as they lie in memory, and would combine numbers of different places.

    Args:
        optimizer: The optimizer.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            held = optimizer.state.get(parameter, {})
            for name, value in held.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape and value.stride() != parameter.stride():
                    held[name] = torch.empty_strided(
                        parameter.shape, parameter.stride(), dtype=value.dtype, device=value.device
                    ).copy_(value)
            if parameter.grad is not None and parameter.grad.stride() != parameter.stride():
                parameter.grad = torch.empty_like(parameter).copy_(parameter.grad)


def compile_networks(model: nn.Module, networks: Sequence[str] | None = None, **options: Any) -> list[str]:
    """Compile some of a model's networks in place with ``torch.compile``.

    Names in checkpoints stay as they are. A network is compiled when it is called for the first time, again for training and
    for evaluation and for other sizes, so a run of a few iterations gets slower.

    Args:
        model: The model, wrapped for distribution or not.
        networks: Names of submodules that the model calls as ``network(…)``, dotted where they are further inside. A decode head
            of mmseg is called by ``.loss`` and ``.predict``, so it is not compiled by its name. ``None`` takes ``backbone`` and
            ``neck``, or where there is neither, every child that has parameters.
        **options: ``torch.compile``'s: ``mode``, ``dynamic``, ``backend``, ``fullgraph``, ``options``.

    Returns:
        The names of what will be compiled.

    Raises:
        InputError: When the model has no network of a name.
    """
    model = unwrapped(model)
    chosen = _usual_networks(model) if networks is None else list(networks)
    for name in chosen:
        _network(model, name).compile(**options)
    return chosen


def checked_compile_options(value: Any) -> dict[str, Any] | None:
    """Read the config's ``compile_networks``.

    Args:
        value: ``True``, a list of names, or a dict of :func:`compile_networks`' arguments; ``False`` or ``None`` for none.

    Returns:
        The arguments, or ``None`` where nothing is to be compiled.

    Raises:
        InputError: When it is something else, or has an argument that ``torch.compile`` does not know.
    """
    if value is None or value is False:
        return None
    if value is True:
        return {}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {"networks": list(value)}
    known = ("networks", "mode", "dynamic", "backend", "fullgraph", "options")
    if not isinstance(value, Mapping) or not set(value) <= set(known):
        raise InputError(
            f"compile_networks is {value!r}; expected True, a list of names like ['backbone'], or a dict with some of "
            f"{', '.join(known)}."
        )
    return dict(value)


def _usual_networks(model: nn.Module) -> list[str]:
    children = dict(model.named_children())
    called: list[str] = [name for name in ("backbone", "neck") if name in children]
    return called or [
        name for name, child in children.items() if name != "data_preprocessor" and next(child.parameters(), None) is not None
    ]


def _network(model: nn.Module, name: str) -> nn.Module:
    """Find a submodule by its name without wrappers, also where its parents or itself are wrapped."""
    network = model
    for part in name.split("."):
        found = getattr(unwrapped(network), part, None)
        if not isinstance(found, nn.Module):
            has = ", ".join(child for child, _ in unwrapped(network).named_children())
            raise InputError(f"compile_networks: {type(model).__name__} has no network '{name}'. It has: {has}.")
        network = found
    return unwrapped(network)
