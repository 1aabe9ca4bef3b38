"""Cross entropy with class weights and ignored pixels at once, averaged rightly over pixels and over ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor

from rs_da_mm.errors import InputError
from rs_da_mm.models.losses.pixelwise import IGNORED, PixelwiseLoss, full_precision, pixel_weights
from rs_da_mm.registry import MODELS

Reduction = Literal["none", "mean", "sum"]


@MODELS.register_module()
class WeightedCrossEntropy(PixelwiseLoss):
    r"""Softmax cross entropy of every pixel that is not ignored, weighted by class.

    With logits :math:`z`, labels :math:`y`, class weights :math:`w`, pixel weights :math:`m` (1 without a sampler) and the set
    :math:`V` of pixels that are not ignored:

    .. math::
        L = \frac{\text{loss\_weight}}{D} \sum_{i \in V} m_i\, w_{y_i} \left(-\log \mathrm{softmax}(z_i)_{y_i}\right)

    where :math:`D = \sum_{i \in V} m_i w_{y_i}` with ``avg_non_ignore`` (as ``torch.nn.functional.cross_entropy`` has it), and
    the number of all pixels :math:`N \cdot H \cdot W` without. A batch whose every pixel is ignored gives 0 and a zero
    gradient.

    DistributedDataParallel takes the mean of the ranks' gradients. With ``sync_average``, :math:`D` is summed over the ranks
    and the loss multiplied by their number, so that this mean is the gradient of one process that sees the whole batch, however
    unevenly the valid pixels are spread. The value that one rank logs is then its share; the mean over the ranks is the loss.

    Half-precision logits are taken to float32; float64 stays.

    Args:
        class_weight: One weight per class, at least 0; ``None`` weighs all alike.
        ignore_index: The label that is left out. The heads of mmseg pass their own, which then counts.
        avg_non_ignore: What the mean divides by; see above.
        reduction: ``'mean'``, ``'sum'``, or ``'none'`` for one value per pixel.
        loss_weight: Factor of the whole loss.
        loss_name: The name in the log; it must begin with ``loss_`` to be trained on.
        sync_average: Average over all ranks at once instead of over each alone. Every rank must then compute the loss equally
            often.

    Raises:
        InputError: When a weight is negative or not finite.
    """

    def __init__(
        self,
        class_weight: Sequence[float] | None = None,
        ignore_index: int = 255,
        avg_non_ignore: bool = True,
        reduction: Reduction = "mean",
        loss_weight: float = 1.0,
        loss_name: str = "loss_ce",
        sync_average: bool = True,
    ) -> None:
        super().__init__(class_weight, ignore_index, loss_weight, loss_name)
        self.avg_non_ignore = avg_non_ignore
        self.reduction = _checked_reduction(reduction)
        self.sync_average = sync_average

    def extra_repr(self) -> str:
        """The options, for ``print(model)``."""
        weights = None if self.class_weight is None else [round(value, 4) for value in self.class_weight.tolist()]
        return f"class_weight={weights}, avg_non_ignore={self.avg_non_ignore}, sync_average={self.sync_average}"

    def forward(
        self,
        seg_logits: Tensor,
        seg_label: Tensor,
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        reduction_override: Reduction | None = None,
        **_kwargs: Any,
    ) -> Tensor:
        """Compute the loss of a batch.

        Args:
            seg_logits: (N, C, H, W), or (N, C), with C of at least 2; any memory format.
            seg_label: (N, H, W), or (N,): integer class numbers.
            weight: Pixel weights of ``seg_label``'s shape, as mmseg's pixel samplers give them.
            ignore_index: Takes the place of the module's own.
            reduction_override: Takes the place of the module's own.

        Returns:
            A scalar; with reduction ``'none'`` a tensor of ``seg_label``'s shape, 0 where ignored.

        Raises:
            InputError: When shapes or the number of class weights don't fit, or a label is neither a class nor ignored (on CUDA:
                told by the next call).
        """
        target = self.target(seg_logits, seg_label, ignore_index)
        reduction = self.reduction if reduction_override is None else _checked_reduction(reduction_override)
        weights = self._weights(target, weight, full_precision(seg_logits))
        log_probability = F.log_softmax(seg_logits, dim=1, dtype=weights.dtype)
        losses = self._pixel_losses(log_probability, target) * weights
        if reduction == "none":
            return self.loss_weight * losses
        if reduction == "sum":
            return self.loss_weight * losses.sum()
        return self.loss_weight * self._average(losses.sum(), weights)

    def _pixel_losses(self, log_probability: Tensor, target: Tensor) -> Tensor:
        """The loss of each pixel before weighting; 0, with a zero gradient, where ignored."""
        return F.nll_loss(log_probability, target, ignore_index=IGNORED, reduction="none")

    def _weights(self, target: Tensor, pixel_weight: Tensor | None, dtype: torch.dtype) -> Tensor:
        """What each pixel counts: class weight times pixel weight, 0 where left out."""
        weights = pixel_weights(target, pixel_weight, dtype)
        if self.class_weight is not None:
            weights = weights * self.class_weight.to(device=target.device, dtype=dtype)[target.clamp_min(0)]
        return weights

    def _average(self, total: Tensor, weights: Tensor) -> Tensor:
        divisor = weights.sum() if self.avg_non_ignore else torch.full_like(total, weights.numel())
        divisor = divisor.detach()
        world_size = get_world_size() if self.sync_average else 1
        if world_size > 1:
            all_reduce(divisor)
        # Where nothing counts, the sum is 0 as well, and 0 / 1 keeps value and gradient at 0.
        return world_size * total / torch.where(divisor > 0, divisor, torch.ones_like(divisor))


def _checked_reduction(reduction: str) -> Reduction:
    if reduction not in ("none", "mean", "sum"):
        raise InputError(f"reduction is {reduction!r}, but must be 'none', 'mean' or 'sum'")
    return reduction  # type: ignore[return-value]
