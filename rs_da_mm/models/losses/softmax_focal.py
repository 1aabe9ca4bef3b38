"""The focal loss over any number of classes: cross entropy that well classified pixels take little part in."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from rs_da_mm.errors import InputError
from rs_da_mm.models.losses.weighted_cross_entropy import Reduction, WeightedCrossEntropy
from rs_da_mm.registry import MODELS


@MODELS.register_module()
class SoftmaxFocalLoss(WeightedCrossEntropy):
    r"""Focal loss of every pixel that is not ignored, on the softmax's probability of the true class.

    .. math::
        L = \frac{\text{loss\_weight}}{D} \sum_{i \in V} m_i\, w_{y_i} (1 - p_i)^\gamma (-\log p_i),
        \qquad p_i = \mathrm{softmax}(z_i)_{y_i}

    With :math:`\gamma = 0` this is :class:`WeightedCrossEntropy`, whose averaging over pixels and ranks it shares: :math:`D` is
    the sum of the weights, not of the factors :math:`(1 - p_i)^\gamma`, so that the loss falls as pixels are learnt. The class
    weights are the paper's :math:`\alpha`.

    Source: T.-Y. Lin et al., "Focal Loss for Dense Object Detection" (2017), Eq. (5), for the softmax instead of one sigmoid.

    Args:
        gamma: How much less a pixel counts the better it is classified; 0 or more. The paper's is 2.
        class_weight: One weight per class, at least 0; ``None`` weighs all alike.
        ignore_index: The label that is left out. The heads of mmseg pass their own, which then counts.
        avg_non_ignore: Divide by the sum of the weights of pixels that are not ignored, or by the number of all pixels.
        reduction: ``'mean'``, ``'sum'``, or ``'none'`` for one value per pixel.
        loss_weight: Factor of the whole loss.
        loss_name: The name in the log; it must begin with ``loss_`` to be trained on.
        sync_average: Average over all ranks at once instead of over each alone.

    Raises:
        InputError: When ``gamma`` or a weight is negative or not finite.
    """

    def __init__(
        self,
        gamma: float = 2.0,
        class_weight: Sequence[float] | None = None,
        ignore_index: int = 255,
        avg_non_ignore: bool = True,
        reduction: Reduction = "mean",
        loss_weight: float = 1.0,
        loss_name: str = "loss_focal",
        sync_average: bool = True,
    ) -> None:
        super().__init__(class_weight, ignore_index, avg_non_ignore, reduction, loss_weight, loss_name, sync_average)
        if not (math.isfinite(gamma) and gamma >= 0):
            raise InputError(f"SoftmaxFocalLoss: gamma is {gamma}, but must be a number of at least 0 (the paper's is 2)")
        self.gamma = gamma

    def extra_repr(self) -> str:
        """The options, for ``print(model)``."""
        return f"gamma={self.gamma}, {super().extra_repr()}"

    def _pixel_losses(self, log_probability: Tensor, target: Tensor) -> Tensor:
        cross_entropy = super()._pixel_losses(log_probability, target)
        # 1 - p without cancellation; above 0, where the power of a gamma below 1 has no slope.
        missing = -torch.expm1(-cross_entropy)
        return missing.clamp_min(torch.finfo(missing.dtype).eps) ** self.gamma * cross_entropy
