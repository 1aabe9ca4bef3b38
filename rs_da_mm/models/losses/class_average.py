"""The frame of losses that give one value per class over the whole batch, and average those."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from rs_da_mm.errors import InputError
from rs_da_mm.models.losses.pixelwise import PixelwiseLoss, full_precision, pixel_weights

Classes = Literal["present", "all"]


class ClassAverageLoss(PixelwiseLoss, ABC):
    """The base of losses that compare regions, not pixels: one value per class, averaged with the class weights.

    Args:
        class_weight: One weight per class, at least 0; ``None`` weighs all alike.
        classes: ``'present'`` averages over the classes that the batch's labels have; ``'all'`` over all.
        ignore_index: The label that is left out. The heads of mmseg pass their own, which then counts.
        loss_weight: Factor of the whole loss.
        loss_name: The name in the log; it must begin with ``loss_`` to be trained on.

    Raises:
        InputError: When ``classes`` is another word, or a weight is negative or not finite.
    """

    def __init__(
        self, class_weight: Sequence[float] | None, classes: Classes, ignore_index: int, loss_weight: float, loss_name: str
    ) -> None:
        super().__init__(class_weight, ignore_index, loss_weight, loss_name)
        if classes not in ("present", "all"):
            raise InputError(f"{type(self).__name__}: classes is {classes!r}, but must be 'present' or 'all'")
        self.classes = classes

    def extra_repr(self) -> str:
        """The options, for ``print(model)``."""
        weights = None if self.class_weight is None else [round(value, 4) for value in self.class_weight.tolist()]
        return f"class_weight={weights}, classes={self.classes!r}"

    def forward(
        self,
        seg_logits: Tensor,
        seg_label: Tensor,
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        reduction_override: str | None = None,
        **_kwargs: Any,
    ) -> Tensor:
        """Compute the loss of a batch.

        Args:
            seg_logits: (N, C, H, W), or (N, C), with C of at least 2; any memory format. Half precision is taken to float32.
            seg_label: (N, H, W), or (N,): integer class numbers.
            weight: Pixel weights of ``seg_label``'s shape, at least 0, as mmseg's pixel samplers give them.
            ignore_index: Takes the place of the module's own.
            reduction_override: Not used with these losses.

        Returns:
            A scalar; 0, with a zero gradient, where every pixel is ignored.

        Raises:
            InputError: When shapes or the number of class weights don't fit, a label is neither a class nor ignored (on CUDA:
                told by the next call), or one value per pixel is asked for.
        """
        if reduction_override == "none":
            raise InputError(
                f"{type(self).__name__} compares whole regions and has no value for a single pixel, which OHEMPixelSampler with "
                "`thresh=None` ranks pixels by: give the sampler a `thresh`, or take another loss"
            )
        target = self.target(seg_logits, seg_label, ignore_index).flatten()
        probability = seg_logits.softmax(1, dtype=full_precision(seg_logits)).transpose(0, 1).flatten(1)
        counts = pixel_weights(target, None if weight is None else weight.flatten(), probability.dtype)
        return self.loss_weight * self._loss(probability, target, counts)

    @abstractmethod
    def _loss(self, probability: Tensor, target: Tensor, counts: Tensor) -> Tensor:
        """The batch's loss, from probabilities (C, P), labels (P,) and how much each pixel counts (P,)."""

    def _average(self, losses: Tensor, present: Tensor) -> Tensor:
        """The average of (C,) losses over classes; ``present`` (C,) says which are in the labels."""
        chosen = present if self.classes == "present" else torch.ones_like(present)
        weights = chosen.to(losses.dtype)
        if self.class_weight is not None:
            weights = weights * self.class_weight.to(weights)
        total = weights.sum()
        return (losses * weights).sum() / torch.where(total > 0, total, torch.ones_like(total))
