"""Exponential moving averages of networks."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rs_da_mm.errors import InputError


@dataclass(frozen=True)
class Average:
    """How a network is averaged.

    Args:
        decay: Share of the average that stays at each update, in [0, 1).
        warmup: Before its ``t``-th update (from 0) the decay is at most ``(1 + t) / (warmup + t)``, so that the first average is
            not made of untrained weights. 1 means no warm-up.

    Raises:
        InputError: When a number is out of range.
    """

    decay: float = 0.999
    warmup: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1:
            raise InputError(f"ema: decay is {self.decay}; expected at least 0 and less than 1, usually 0.99 to 0.9999.")
        if self.warmup < 1:
            raise InputError(f"ema: warmup is {self.warmup}; expected at least 1, which means none.")

    @classmethod
    def parse(cls, setting: float | Mapping[str, Any] | Average) -> Average:
        """Read a config: the decay alone, or a dict of both numbers."""
        if isinstance(setting, Average):
            return setting
        return cls(**setting) if isinstance(setting, Mapping) else cls(setting)

    def decay_at(self, updates: int) -> float:
        """The decay of the update that comes after ``updates`` of them."""
        return min(self.decay, (1 + updates) / (self.warmup + updates))


def average_of(network: nn.Module) -> nn.Module:
    """Copy a network: frozen, in evaluation mode, and left alone by mmengine's ``init_weights``."""
    average = copy.deepcopy(network).requires_grad_(False).eval()
    average.is_init = True  # type: ignore[assignment]  # an attribute of mmengine's modules, which others don't have
    return average


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move an average towards its network: ``average = decay × average + (1 − decay) × parameter``; buffers are copied.

    Args:
        average: What :func:`average_of` gave.
        network: The network, not in a distributed wrapper.
        decay: In [0, 1]; 0 copies the network.
    """
    averaged: list[Tensor] = list(average.parameters())
    current: list[Tensor] = list(network.parameters())
    if averaged:
        torch._foreach_lerp_(averaged, current, 1 - decay)
    for copied, buffer in zip(average.buffers(), network.buffers(), strict=True):
        copied.copy_(buffer)
