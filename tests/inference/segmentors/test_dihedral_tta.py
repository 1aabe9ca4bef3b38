from __future__ import annotations

import pytest
import torch
from mmengine.model import BaseDataPreprocessor, BaseModel
from mmseg.structures import SegDataSample
from torch import nn

from rs_da_mm.inference import DihedralTTAModel
from rs_da_mm.inference.segmentors.dihedral_tta import dihedral, inverse_dihedral


class TinySegmentor(BaseModel):
    """A 3x3 convolution that is not symmetric, with the methods of an mmseg segmentor that the wrapper calls."""

    def __init__(self) -> None:
        super().__init__(data_preprocessor=BaseDataPreprocessor())
        torch.manual_seed(0)
        self.conv = nn.Conv2d(2, 3, 3, padding=1)

    def forward(self, inputs, data_samples=None, mode="tensor"):
        return self.conv(inputs)

    def inference(self, inputs, metainfo):
        return self.conv(inputs)

    def postprocess_result(self, logits, samples):
        return list(zip(logits, samples, strict=True))


@pytest.mark.parametrize("index", range(8))
def test_every_symmetry_is_undone_by_its_inverse(index):
    images = torch.arange(2 * 5 * 7).reshape(1, 2, 5, 7)
    assert torch.equal(inverse_dihedral(dihedral(images, index), index), images)


def test_the_eight_symmetries_differ():
    images = torch.arange(9).reshape(3, 3)
    assert len({tuple(dihedral(images, index).flatten().tolist()) for index in range(8)}) == 8


def test_the_merged_scores_turn_with_the_image():
    model = DihedralTTAModel(TinySegmentor())
    images = torch.randn(2, 2, 6, 4)

    def scores(batch):
        samples = [SegDataSample() for _ in range(len(batch))]
        return torch.stack([logits for logits, _ in model.test_step({"inputs": batch, "data_samples": samples})])

    with torch.no_grad():
        straight = scores(images)
        for index in range(8):
            torch.testing.assert_close(scores(dihedral(images, index)), dihedral(straight, index))


def test_the_described_size_turns_with_the_image():
    model = DihedralTTAModel(TinySegmentor())
    seen = []
    model.module.inference = lambda inputs, metainfo: seen.append((inputs, metainfo)) or model.module.conv(inputs)
    described = {"img_shape": (6, 4), "ori_shape": (12, 8), "img_path": "a.tif"}
    model.test_step({"inputs": torch.randn(1, 2, 6, 4), "data_samples": [SegDataSample(metainfo=described)]})
    for inputs, (info,) in seen:
        assert info["img_shape"] == tuple(inputs.shape[-2:])
        assert info["ori_shape"] == tuple(2 * length for length in inputs.shape[-2:])
    assert len(seen) == 8


def test_one_symmetry_is_the_plain_prediction():
    segmentor = TinySegmentor()
    images = torch.randn(1, 2, 5, 5)
    with torch.no_grad():
        merged, _ = DihedralTTAModel(segmentor, symmetries=[0]).test_step({"inputs": images, "data_samples": [SegDataSample()]})[
            0
        ]
        torch.testing.assert_close(merged.exp(), segmentor(images)[0].softmax(0))


def test_an_unknown_symmetry_is_refused():
    with pytest.raises(ValueError, match="0 to 7"):
        DihedralTTAModel(TinySegmentor(), symmetries=[8])
