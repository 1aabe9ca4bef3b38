"""Finding numbers that are not finite, and telling where they come from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor, nn

_FILES = ("img_path", "lq_path", "gt_path")
"""Where samples say which file they are of; any other entry that ends in ``img_path`` or ``img_..._path`` counts too."""


def all_finite(tensors: Sequence[Tensor]) -> bool:
    """Whether all numbers are finite, with one pass over them and one wait for the device."""
    values = [tensor._values() if tensor.is_sparse else tensor for tensor in tensors]
    if not values:
        return True
    # A sum of squares is finite only if all numbers are. It can overflow where they are large, hence the second look.
    norms = torch._foreach_norm(values)
    total = torch.stack([norm.to(norms[0].device, torch.float32) for norm in norms]).sum()
    return math.isfinite(total.item()) or all(bool(value.isfinite().all()) for value in values)


def nonfinite_losses(outputs: Mapping[str, Any] | None) -> dict[str, float]:
    """The loss terms of an iteration that are not finite.

    Args:
        outputs: What ``train_step`` gave for the log. Entries with "loss" in their name are losses.

    Returns:
        Value by name; without the sum of all, ``loss``, where a term says which one it was.
    """
    names = [name for name, value in (outputs or {}).items() if "loss" in name and isinstance(value, Tensor | float)]
    if outputs is None or not names:
        return {}
    values = [torch.as_tensor(outputs[name]).detach().float().mean() for name in names]
    on_host = torch.stack([value.to(values[-1].device) for value in values]).tolist()
    found = {name: value for name, value in zip(names, on_host, strict=True) if not math.isfinite(value)}
    if len(found) > 1:
        found.pop("loss", None)
    return found


def nonfinite_gradients(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    """Name the parameters of an optimizer whose gradients are not finite, in the model's order."""
    own = {id(tensor) for group in optimizer.param_groups for tensor in group["params"]}
    return [
        re.sub(r"(^|\.)module\.", r"\1", name)
        for name, tensor in model.named_parameters()
        if id(tensor) in own and tensor.grad is not None and not all_finite([tensor.grad])
    ]


def drop_gradients(optimizer: torch.optim.Optimizer) -> None:
    """Take all gradients away: torch's optimizers then leave weights and their own state as they are, weight decay included."""
    for group in optimizer.param_groups:
        for tensor in group["params"]:
            tensor.grad = None


def describe_batch(data_batch: Any) -> list[str]:
    """Name the files of a batch, with the window where only a part was read: ``scene.tif, window (0, 256, 256, 256)``."""
    described: dict[str, None] = {}
    for fields in _described(data_batch):
        window = f", window {tuple(fields['window'])}" if fields.get("window") is not None else ""
        for name, value in fields.items():
            if name in _FILES or name.endswith("img_path") or (name.startswith("img_") and name.endswith("_path")):
                files = [value] if isinstance(value, str) else value or []
                described.update(dict.fromkeys([f"{' + '.join(map(str, files))}{window}"] if files else []))
    return list(described)


def _described(node: Any) -> Iterator[Mapping[str, Any]]:
    """Walk through a batch of any structure to what describes its samples."""
    if isinstance(node, BaseDataElement):
        yield dict(sorted(node.metainfo_items()))  # they come in no particular order
    elif isinstance(node, Mapping):
        if any(name in node for name in _FILES):
            yield node
        for value in node.values():
            yield from _described(value)
    elif isinstance(node, Sequence) and not isinstance(node, str | bytes):
        for value in node:
            yield from _described(value)
