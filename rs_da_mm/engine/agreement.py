"""What all ranks must know before any of them may act on it: a stop that one was asked for, a loss that one found spoilt.

The messages are a few bytes that are in the host's memory, so they go through gloo even where the ranks train with nccl: there
they would wait for the GPU's queue, and hold it up.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed as torch_dist

_Item = TypeVar("_Item")

# The group beside the default one, and the default one that it belongs to.
_beside: tuple[Any, Any] | None = None


def any_rank(flag: bool) -> bool:
    """Whether the flag is set on any rank; all ranks must call it, equally often.

    Args:
        flag: This rank's own.

    Returns:
        The same on all ranks. Without ranks, the flag.
    """
    group = _host_group()
    if group is None:
        return flag
    flags = torch.tensor([int(flag)])
    torch_dist.all_reduce(flags, op=torch_dist.ReduceOp.MAX, group=group)
    return bool(flags.item())


def gather_on_all(item: _Item) -> list[_Item]:
    """Collect a small object of every rank on all of them; all ranks must call it.

    Args:
        item: What can be pickled, some kilobytes at most.

    Returns:
        The items in the order of ranks. Without ranks, a list of the one.
    """
    group = _host_group()
    if group is None:
        return [item]
    items: list[Any] = [None] * torch_dist.get_world_size()
    torch_dist.all_gather_object(items, item, group=group)
    return items


def prepare_agreement(timeout: float | None = None) -> None:
    """Make the group that the messages go through; all ranks must call it, and once is enough.

    The first message makes it otherwise.

    Args:
        timeout: Seconds after which a rank gives up waiting for the others; torch's usual half hour when it is not given.
    """
    _host_group(timeout)


def leave_agreement() -> None:
    """Forget the group, whose threads otherwise live as long as the reference to it; to be called before it is destroyed."""
    global _beside
    _beside = None


def _host_group(timeout: float | None = None) -> Any:
    """The group for messages in the host's memory, or ``None`` where there is nobody to talk to."""
    global _beside
    if not torch_dist.is_available() or not torch_dist.is_initialized() or torch_dist.get_world_size() == 1:
        return None
    everybody = torch_dist.group.WORLD
    if "cpu:" in torch_dist.get_backend_config(everybody):
        return everybody
    if _beside is None or _beside[1] is not everybody:
        limit = None if timeout is None else timedelta(seconds=timeout)
        _beside = (torch_dist.new_group(backend="gloo", timeout=limit), everybody)
    return _beside[0]
