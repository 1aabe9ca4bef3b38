"""A class number that no logit stands for is told by its value, not by an assertion on the GPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rs_da_mm.errors import InputError

_NOTHING_WRONG = torch.iinfo(torch.int64).min


class LabelRangeCheck:
    """Raise for labels that are neither a class nor ignored, without holding a GPU up.

    On a CPU the check is made at once. On CUDA the offending value travels to the host behind the step's other work and is looked
    at in the next call, so that training never waits for it: the message comes one step late, and the caller leaves such pixels
    out of that one step.

    Args:
        deferred: Whether to look at a batch's labels in the next call; ``None`` decides by the device.
    """

    def __init__(self, deferred: bool | None = None) -> None:
        self._deferred = deferred
        self._pending: tuple[Tensor, Any, str] | None = None

    def __call__(self, label: Tensor, known: Tensor, expectation: str) -> None:
        """Check one batch.

        Args:
            label: int64 labels of any shape.
            known: Boolean tensor of the same shape, true where the label is a class or ignored.
            expectation: What the labels should have been, for the message.

        Raises:
            InputError: When a label of this batch (deferred: of the batch before) is not known.
        """
        self._raise_pending()
        if label.is_cuda if self._deferred is None else self._deferred:
            worst = label.masked_fill(known, _NOTHING_WRONG).max().to("cpu", non_blocking=True)
            arrived = torch.cuda.current_stream(label.device).record_event() if label.is_cuda else None
            self._pending = (worst, arrived, expectation)
        elif not bool(known.all()):
            raise InputError(_message(int(label[~known].max()), expectation))

    def _raise_pending(self) -> None:
        if self._pending is None:
            return
        worst, arrived, expectation = self._pending
        self._pending = None
        if arrived is not None:
            arrived.synchronize()
        if int(worst) != _NOTHING_WRONG:
            raise InputError(_message(int(worst), expectation))

    def __getstate__(self) -> dict[str, Any]:
        """An event can be neither copied nor pickled, and a copied model has no step behind it."""
        return {"_deferred": self._deferred, "_pending": None}


def _message(value: int, expectation: str) -> str:
    return (
        f"a label has the value {value}, but {expectation}. Give the model as many classes as the data set has, "
        "or map the value to a class or to 255 in the data set (`label_map`, its colours or values)"
    )
