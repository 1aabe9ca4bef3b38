"""The Dice loss: one minus the overlap of probabilities and labels, class by class."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor

from rs_da_mm.errors import InputError
from rs_da_mm.models.losses.class_average import ClassAverageLoss, Classes
from rs_da_mm.registry import MODELS


@MODELS.register_module()
class SoftDiceLoss(ClassAverageLoss):
    r"""Dice loss over the pixels that are not ignored, with the sums taken over the whole batch.

    With probabilities :math:`p_{ci}`, labels :math:`g_{ci} \in \{0, 1\}` and pixel weights :math:`m_i` (0 where ignored):

    .. math::
        L = 1 - \frac{1}{\sum_c w_c} \sum_c w_c
            \frac{2 \sum_i m_i p_{ci} g_{ci} + s}{\sum_i m_i p_{ci}^2 + \sum_i m_i g_{ci}^2 + s}

    over the classes :math:`c` that are present. Without ``squared`` the denominator has :math:`p_{ci}` in place of its square.
    With ``generalized``, the classes are put together before dividing, each weighted by one over its squared size:

    .. math::
        L = 1 - \frac{2 \sum_c v_c \sum_i m_i p_{ci} g_{ci} + s}{\sum_c v_c \sum_i m_i (p_{ci}^k + g_{ci}) + s},
        \qquad v_c = w_c \left(\sum_i m_i g_{ci}\right)^{-2}

    up to a factor that makes the largest :math:`(\sum_i m_i g_{ci})^{-2}` one, which only ``smooth`` notices.

    A batch whose every pixel is ignored gives 0 and a zero gradient. With ``sync_average`` the sums are those of all ranks'
    batches, and the mean of the ranks' gradients, which DistributedDataParallel takes, is that of one process with all of them.

    Source: F. Milletari et al., "V-Net" (2016), section 3; C. H. Sudre et al., "Generalised Dice overlap as a deep learning loss
    function for highly unbalanced segmentations" (2017), which has :math:`k = 1` (``squared=False``).

    Args:
        class_weight: One weight per class, at least 0; ``None`` weighs all alike.
        classes: ``'present'`` averages over the classes that the batch's labels have. ``'all'`` has the others too, whose
            probability then is pushed down; it needs ``smooth``.
        squared: Whether probabilities are squared in the denominator (:math:`k = 2`).
        generalized: Sudre's form.
        smooth: :math:`s`, in pixels; 0 as in the papers.
        ignore_index: The label that is left out. The heads of mmseg pass their own, which then counts.
        loss_weight: Factor of the whole loss.
        loss_name: The name in the log; it must begin with ``loss_`` to be trained on.
        sync_average: Take the sums over all ranks. Every rank must then compute the loss equally often.

    Raises:
        InputError: When a weight or ``smooth`` is negative or not finite, or ``classes='all'`` goes without ``smooth`` or with
            ``generalized``.
    """

    def __init__(
        self,
        class_weight: Sequence[float] | None = None,
        classes: Classes = "present",
        squared: bool = True,
        generalized: bool = False,
        smooth: float = 0.0,
        ignore_index: int = 255,
        loss_weight: float = 1.0,
        loss_name: str = "loss_dice",
        sync_average: bool = True,
    ) -> None:
        super().__init__(class_weight, classes, ignore_index, loss_weight, loss_name)
        if not 0 <= smooth < float("inf"):
            raise InputError(f"SoftDiceLoss: smooth is {smooth}, but must be a number of at least 0")
        if classes == "all" and (generalized or smooth == 0):
            raise InputError(
                "SoftDiceLoss: classes='all' needs smooth above 0 (like 1) and generalized=False: otherwise a class without a "
                "pixel has no gradient, or no weight"
            )
        self.squared = squared
        self.generalized = generalized
        self.smooth = smooth
        self.sync_average = sync_average

    def extra_repr(self) -> str:
        """The options, for ``print(model)``."""
        return f"{super().extra_repr()}, squared={self.squared}, generalized={self.generalized}, smooth={self.smooth}"

    def _loss(self, probability: Tensor, target: Tensor, counts: Tensor) -> Tensor:
        truth = target == torch.arange(len(probability), device=target.device)[:, None]
        overlap = (probability * truth * counts).sum(1)
        predicted = ((probability.square() if self.squared else probability) * counts).sum(1)
        labelled = (truth * counts).sum(1)
        if self.sync_average and get_world_size() > 1:
            sums = _over_ranks(torch.stack([overlap, predicted, labelled]))
            loss = self._from_sums(*sums)
            # Each rank has the gradient of its own share; their mean shall be the whole.
            return loss.detach() + get_world_size() * (loss - loss.detach())
        return self._from_sums(overlap, predicted, labelled)

    def _from_sums(self, overlap: Tensor, predicted: Tensor, labelled: Tensor) -> Tensor:
        present = labelled > 0
        if not self.generalized:
            dice = _ratio(2 * overlap + self.smooth, predicted + labelled + self.smooth)
            return self._average(1 - dice, present)
        smallest = torch.where(present, labelled, torch.inf).min()
        weights = torch.where(present, smallest / torch.where(present, labelled, 1.0), 0.0).square()
        if self.class_weight is not None:
            weights = weights * self.class_weight.to(weights)
        above, below = 2 * (weights * overlap).sum(), (weights * (predicted + labelled)).sum()
        return torch.where(below > 0, 1 - _ratio(above + self.smooth, below + self.smooth), 0.0 * above)


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    """The quotient; where there is nothing to divide by, there is nothing above either, and it is 0."""
    return above / torch.where(below > 0, below, torch.ones_like(below))


def _over_ranks(own: Tensor) -> Tensor:
    """The sum over the ranks, with the gradient of the own share alone."""
    total = own.detach().clone()
    all_reduce(total)
    return own + (total - own.detach())
