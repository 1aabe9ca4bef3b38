"""What a forward pass changes in a model besides its weights, kept to be put back."""

from __future__ import annotations

from itertools import groupby

import torch
from torch import Tensor, nn


class KeptBuffers:
    """A copy of a model's buffers: what normalisation layers have gathered, queues, the vectors of a spectral norm.

    Copying is meant to be done in every iteration, so a GPU gets it as a few large commands.

    Args:
        model: The model.
    """

    def __init__(self, model: nn.Module) -> None:
        places = [(module, name) for module in model.modules() for name, buffer in module._buffers.items() if buffer is not None]
        places.sort(key=lambda place: str(_kind(_buffer(place))))
        groups = groupby(places, key=lambda place: _kind(_buffer(place)))
        self._groups = [(list(group), list[Tensor]()) for _, group in groups]
        self.keep()

    @torch.no_grad()
    def keep(self) -> None:
        """Copy the present values."""
        for places, kept in self._groups:
            present = [_buffer(place) for place in places]
            if [_layout(buffer) for buffer in present] == [_layout(copy) for copy in kept]:
                torch._foreach_copy_(kept, present)
            else:
                kept[:] = [buffer.clone() for buffer in present]

    @torch.no_grad()
    def restore(self) -> None:
        """Put the values back that were kept, also where a buffer has been exchanged for another."""
        for places, kept in self._groups:
            for place, copy in zip(places, kept, strict=True):
                if _layout(_buffer(place)) == _layout(copy):
                    _buffer(place).copy_(copy)
                else:
                    module, name = place
                    module._buffers[name] = copy.clone()


def _buffer(place: tuple[nn.Module, str]) -> Tensor:
    module, name = place
    buffer = module._buffers[name]
    if buffer is None:
        raise RuntimeError(f"the buffer {name} of {type(module).__name__} was taken away during the training")
    return buffer


def _kind(buffer: Tensor) -> tuple[torch.dtype, torch.device]:
    return buffer.dtype, buffer.device


def _layout(buffer: Tensor) -> tuple[torch.Size, torch.dtype, torch.device]:
    return buffer.shape, buffer.dtype, buffer.device
