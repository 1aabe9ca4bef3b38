"""Test-time augmentation over the eight symmetries of the square: a scene seen from above has no right way up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseTTAModel
from torch import Tensor, nn

from rs_da_mm.registry import MODELS


def dihedral(images: Tensor, index: int) -> Tensor:
    """Apply one of the eight symmetries: ``index % 4`` quarter turns, after a left-right flip for ``index`` ≥ 4.

    Args:
        images: ``(..., H, W)``.
        index: 0 to 7; 0 changes nothing.

    Returns:
        ``(..., H, W)``, or ``(..., W, H)`` for odd indices.
    """
    flipped = images.flip(-1) if index >= 4 else images
    return torch.rot90(flipped, index % 4, (-2, -1))


def inverse_dihedral(images: Tensor, index: int) -> Tensor:
    """Undo :func:`dihedral` with the same ``index``."""
    turned = torch.rot90(images, -(index % 4), (-2, -1))
    return turned.flip(-1) if index >= 4 else turned


_SIZES = ("img_shape", "pad_shape", "ori_shape")
"""What heads read of an image's size, height first."""


def _turned(metainfo: dict[str, Any], index: int) -> dict[str, Any]:
    """Describe an image as it is under a symmetry: a quarter turn swaps height and width."""
    if index % 2 == 0:
        return metainfo
    return metainfo | {name: (metainfo[name][1], metainfo[name][0]) for name in _SIZES if name in metainfo}


@MODELS.register_module()
class DihedralTTAModel(BaseTTAModel):
    """Average a segmentor's class probabilities over the symmetries of the square.

    The images are turned after the data preprocessor, as one batch each, so the pipeline stays as it is and any band count works
    (mmseg's ``SegTTAModel`` knows the two flips only, one image at a time).

    Args:
        module: An mmseg segmentor (or its config) with more than one output channel.
        data_preprocessor: Replaces the segmentor's when given.
        symmetries: Which of the eight to use; see :func:`dihedral`.
    """

    def __init__(
        self,
        module: dict[str, Any] | nn.Module,
        data_preprocessor: dict[str, Any] | None = None,
        symmetries: Sequence[int] = range(8),
    ) -> None:
        super().__init__(module, data_preprocessor)
        self.symmetries = tuple(symmetries)
        if not self.symmetries or not set(self.symmetries) <= set(range(8)):
            raise ValueError(f"symmetries are numbers from 0 to 7, not {self.symmetries}")

    def test_step(self, data: dict[str, Any]) -> list[Any]:
        """Predict one batch.

        Args:
            data: ``inputs`` and ``data_samples`` as the data loader gives them.

        Returns:
            The data samples with ``pred_sem_seg`` and ``seg_logits``, which hold the logarithm of the mean probabilities.
        """
        batch = self.module.data_preprocessor(data, False)
        return self.merge_preds([batch])

    def merge_preds(self, data_samples_list: list[Any]) -> list[Any]:
        """Predict a preprocessed batch under every symmetry and merge; the one entry of the list is that batch."""
        (batch,) = data_samples_list
        inputs, samples = batch["inputs"], batch["data_samples"]
        metainfo = [sample.metainfo for sample in samples]
        total: Tensor | None = None
        for index in self.symmetries:
            turned = [_turned(info, index) for info in metainfo]
            logits = self.module.inference(dihedral(inputs, index).contiguous(), turned)
            probabilities = inverse_dihedral(logits.float().softmax(dim=1), index)
            total = probabilities if total is None else total + probabilities
        assert total is not None
        mean = (total / len(self.symmetries)).clamp_min(torch.finfo(total.dtype).tiny)
        merged: list[Any] = self.module.postprocess_result(mean.log(), samples)
        return merged
