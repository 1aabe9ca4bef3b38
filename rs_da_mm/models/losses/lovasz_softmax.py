"""The Lovász-Softmax loss: the mean intersection over union itself, made smooth in the probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rs_da_mm.models.losses.class_average import ClassAverageLoss, Classes
from rs_da_mm.registry import MODELS


@MODELS.register_module()
class LovaszSoftmaxLoss(ClassAverageLoss):
    r"""The Lovász extension of one minus the intersection over union, over the pixels that are not ignored.

    For each class, the error of pixel :math:`i` is :math:`e_i = 1 - p_{ci}` where its label is :math:`c`, else
    :math:`e_i = p_{ci}`. With the errors sorted in decreasing order, and :math:`\Delta_k` one minus the intersection over union
    that results when the first :math:`k` pixels are wrong and the others right:

    .. math::
        L_c = \sum_k e_{(k)} \left(\Delta_k - \Delta_{k-1}\right)

    Where all probabilities are 0 or 1 that is :math:`1 - \mathrm{IoU}_c`. Pixels are those of the whole batch of one rank; with
    pixel weights, areas are sums of weights. A batch whose every pixel is ignored gives 0 and a zero gradient.

    Source: M. Berman et al., "The Lovász-Softmax loss" (2018), Eq. (8) and (9), Definition 1 and Eq. (11).

    Args:
        class_weight: One weight per class, at least 0; ``None`` weighs all alike.
        classes: ``'present'`` averages over the classes that the batch's labels have, as the authors advise; ``'all'`` has the
            others too, whose loss is their highest probability.
        ignore_index: The label that is left out. The heads of mmseg pass their own, which then counts.
        loss_weight: Factor of the whole loss.
        loss_name: The name in the log; it must begin with ``loss_`` to be trained on.

    Raises:
        InputError: When ``classes`` is another word, or a weight is negative or not finite.
    """

    def __init__(
        self,
        class_weight: Sequence[float] | None = None,
        classes: Classes = "present",
        ignore_index: int = 255,
        loss_weight: float = 1.0,
        loss_name: str = "loss_lovasz",
    ) -> None:
        super().__init__(class_weight, classes, ignore_index, loss_weight, loss_name)

    def _loss(self, probability: Tensor, target: Tensor, counts: Tensor) -> Tensor:
        numbers = torch.arange(len(probability), device=target.device)
        present = ((target == numbers[:, None]) & (counts > 0)).any(1)
        # Sorting takes the time. A GPU would have to be waited for to know which classes need none.
        skipped = [] if self.classes == "all" or target.is_cuda else (~present).nonzero().flatten().tolist()
        losses = [
            0.0 * of_class.sum() if number in skipped else _class_loss(of_class, target == number, counts)
            for number, of_class in enumerate(probability)
        ]
        return self._average(torch.stack(losses), present)


def _class_loss(probability: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
    errors = torch.where(truth, 1 - probability, probability)
    # The steps are constant between ties, so that the errors alone have a gradient, and the order need not be kept for it.
    return (errors * jaccard_steps(errors.detach(), truth, counts)).sum()


@torch.no_grad()
def jaccard_steps(errors: Tensor, truth: Tensor, counts: Tensor) -> Tensor:
    """Tell by how much each pixel raises one minus the intersection over union, taken in decreasing order of error.

    Args:
        errors: (P,), at least 0.
        truth: (P,) booleans, whether a pixel is of the class.
        counts: (P,) weights; pixels of weight 0 raise nothing.

    Returns:
        (P,), in the pixels' own order; at least 0, with a sum of 1 where any pixel counts.
    """
    # Sums over millions of pixels and differences of neighbours are too much for float32; Apple's GPUs have nothing else.
    exact = torch.float32 if errors.device.type == "mps" else torch.float64
    order = errors.masked_fill(counts == 0, -1.0).argsort(descending=True)  # what does not count comes last
    inside = (counts * truth)[order].to(exact)
    outside = (counts * ~truth)[order].to(exact)
    area = inside.sum()
    union = area + outside.cumsum(0)
    # What is still right, over the union; taken from 1 only by differences, which keeps the small ones exact.
    right = (area - inside.cumsum(0)) / torch.where(union > 0, union, torch.ones_like(union))
    steps = -torch.diff(right, prepend=right.new_ones(1)).masked_fill(inside + outside == 0, 0.0)
    return torch.empty_like(errors).scatter_(0, order, steps.clamp_min(0).to(errors.dtype))
