"""Several processes that share scenes among them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import is_distributed
from torch import distributed as torch_dist

from rs_da_mm.engine.launcher import prepare_ranks

_PATIENCE = timedelta(days=30)
"""How long a rank that is done waits for the others, whose last scene may be a country."""


@dataclass(frozen=True)
class Ranks:
    """Which of several processes this one is.

    Attributes:
        index: Its number, from 0.
        count: How many there are.
        device: Its own GPU, such as ``'cuda:1'``; ``None`` without ranks, or on a CPU.
    """

    index: int = 0
    count: int = 1
    device: str | None = None


def join_ranks(launcher: str = "none") -> Ranks:
    """Join the other processes of this run.

    They exchange nothing but who is done, so gloo serves on a GPU too.

    Args:
        launcher: ``'none'``, or ``'pytorch'`` when ``torchrun`` started the process.

    Returns:
        Which one this is.

    Raises:
        InputError: When ``torchrun`` did not start it, or there is no GPU for it.
    """
    config: dict[str, Any] = {"env_cfg": {"dist_cfg": {"timeout": _PATIENCE.total_seconds()}}}
    prepare_ranks(launcher, config)
    if launcher == "none":
        return Ranks()
    device = None
    if get_device() == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    if not is_distributed():
        torch_dist.init_process_group("gloo", timeout=_PATIENCE)
    return Ranks(torch_dist.get_rank(), torch_dist.get_world_size(), device)
