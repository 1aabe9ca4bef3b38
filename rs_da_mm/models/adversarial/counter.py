"""A number that is saved and loaded with the weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Counter(nn.Module):
    """A count that is part of the ``state_dict``, though no buffer.

    Hooks put buffers back (to undo an iteration that gave NaN) and average them over ranks, and neither must move a schedule;
    and reading a buffer on a GPU makes the CPU wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self.value = 0

    def get_extra_state(self) -> Tensor:
        """The number as it is saved: a tensor, which every reader of checkpoints takes."""
        return torch.tensor(self.value)

    def set_extra_state(self, state: Tensor) -> None:
        """Take a saved number."""
        self.value = int(state)
