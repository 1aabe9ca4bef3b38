"""What losses over labelled pixels share: which pixels count, class weights, names, and checks in plain words."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rs_da_mm.errors import InputError
from rs_da_mm.models.losses.label_range import LabelRangeCheck

IGNORED = -100
"""The one value of every label that is left out, in what :meth:`PixelwiseLoss.target` returns."""


class PixelwiseLoss(nn.Module):
    """The base of losses that mmseg's heads call with logits and labels.

    Args:
        class_weight: One weight per class, at least 0; ``None`` weighs all alike.
        ignore_index: The label that is left out. The heads of mmseg pass their own, which then counts.
        loss_weight: Factor of the whole loss.
        loss_name: The name in the log; it must begin with ``loss_`` to be trained on.

    Raises:
        InputError: When a weight is negative or not finite.
    """

    class_weight: Tensor | None

    def __init__(self, class_weight: Sequence[float] | None, ignore_index: int, loss_weight: float, loss_name: str) -> None:
        super().__init__()
        self.ignore_index = ignore_index
        self.loss_weight = loss_weight
        self._loss_name = loss_name
        self._check_labels = LabelRangeCheck()
        self.register_buffer("class_weight", _checked_weights(class_weight), persistent=False)

    @property
    def loss_name(self) -> str:
        """Under which name mmseg's heads collect and log the loss."""
        return self._loss_name

    def target(self, logits: Tensor, label: Tensor, ignore_index: int | None) -> Tensor:
        """Check a batch and give its labels as int64, with ``IGNORED`` wherever a pixel is left out.

        Args:
            logits: (N, C, …) with C of at least 2.
            label: (N, …): integer class numbers.
            ignore_index: Takes the place of the module's own.

        Raises:
            InputError: When shapes or the number of class weights don't fit, or a label is neither a class nor ignored (on CUDA:
                told by the next call).
        """
        self._check_shapes(logits, label)
        classes = logits.shape[1]
        ignored = self.ignore_index if ignore_index is None else ignore_index
        label = label.long()
        is_class = (label >= 0) & (label < classes)
        left_out = label == ignored
        self._check_labels(
            label, is_class | left_out, f"the logits have {classes} classes (0 to {classes - 1}) and {ignored} is ignored"
        )
        return label.masked_fill(left_out | ~is_class, IGNORED)

    def _check_shapes(self, logits: Tensor, label: Tensor) -> None:
        classes = logits.shape[1]
        if classes < 2:
            raise InputError(
                f"{type(self).__name__} compares classes and needs at least 2 logits, but got 1: "
                "set the head's num_classes and out_channels to 2, or use a binary loss"
            )
        if label.shape != (logits.shape[0], *logits.shape[2:]):
            raise InputError(
                f"the labels have the shape {tuple(label.shape)}, which does not fit logits of shape {tuple(logits.shape)}: "
                "expected one label per position of the logits"
            )
        if self.class_weight is not None and len(self.class_weight) != classes:
            raise InputError(
                f"class_weight has {len(self.class_weight)} values, but the logits have {classes} classes: "
                "give one weight per class, in the order of the data set's classes"
            )


def pixel_weights(target: Tensor, weight: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Say how much each pixel counts.

    Args:
        target: Labels with ``IGNORED`` where a pixel is left out.
        weight: Weights of the same shape, as mmseg's pixel samplers give them; ``None`` for 1.
        dtype: Of the result.

    Returns:
        A tensor of the target's shape, 0 where a pixel is left out.
    """
    counts = (target != IGNORED).to(dtype)
    return counts if weight is None else counts * weight.to(dtype)


def full_precision(logits: Tensor) -> torch.dtype:
    """The dtype to compute in: float64 stays, everything else is taken to float32."""
    return torch.float64 if logits.dtype == torch.float64 else torch.float32


def _checked_weights(class_weight: Sequence[float] | None) -> Tensor | None:
    if class_weight is None:
        return None
    weights = torch.tensor([float(value) for value in class_weight])
    if not bool(torch.isfinite(weights).all()) or bool((weights < 0).any()):
        raise InputError(f"class_weight is {list(class_weight)}, but weights must be finite and not negative")
    return weights
