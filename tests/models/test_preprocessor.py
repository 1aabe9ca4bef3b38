from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn

from rs_da_mm.errors import InputError
from rs_da_mm.models.preprocessor import RSDataPreprocessor

MEAN, STD = [10.0, 20.0, 30.0, 40.0], [2.0, 4.0, 5.0, 8.0]


def _packed(height: int = 6, width: int = 7, bands: int = 4, dtype=torch.uint8, seed: int = 0, **maps) -> dict:
    generator = torch.Generator().manual_seed(seed)
    sample = SegDataSample(metainfo={"img_path": f"scene{seed}.tif", "ori_shape": (height, width), "img_shape": (height, width)})
    sample.gt_sem_seg = PixelData(data=torch.randint(0, 5, (1, height, width), generator=generator, dtype=torch.uint8))
    for name, data in maps.items():
        setattr(sample, name, PixelData(data=data))
    image = torch.randint(0, 100, (bands, height, width), generator=generator).to(dtype)
    return {"inputs": image, "data_samples": sample}


def _normalised(image: torch.Tensor) -> torch.Tensor:
    return (image.float() - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.float32, torch.float64])
@pytest.mark.parametrize("training", [True, False])
def test_normalises_any_dtype(dtype, training):
    packed = [_packed(dtype=dtype, seed=seed) for seed in range(2)]
    out = RSDataPreprocessor(MEAN, STD)(pseudo_collate(packed), training)
    assert out["inputs"].dtype == torch.float32
    for index in range(2):
        torch.testing.assert_close(out["inputs"][index], _normalised(packed[index]["inputs"]), rtol=0, atol=0)
        label = out["data_samples"][index].gt_sem_seg.data
        assert label.dtype == torch.int64
        assert torch.equal(label, packed[index]["data_samples"].gt_sem_seg.data.long())


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 10])
def test_one_value_stands_for_all_bands(bands):
    packed = _packed(bands=bands)
    out = RSDataPreprocessor(5, 2.0, bands=bands)(pseudo_collate([packed]))["inputs"]
    torch.testing.assert_close(out[0], (packed["inputs"].float() - 5) / 2)


def test_without_mean_the_image_stays():
    packed = _packed()
    out = RSDataPreprocessor()(pseudo_collate([packed]))["inputs"]
    torch.testing.assert_close(out[0], packed["inputs"].float())


@pytest.mark.parametrize("training", [True, False])
def test_invalid_pixels_become_the_mean_and_are_ignored(training):
    mask = torch.ones(1, 6, 7, dtype=torch.uint8)
    mask[0, :2] = 0
    mask[0, 2, 3] = 255  # what mmseg's transforms write outside of an image
    packed = _packed(valid_mask=mask)
    out = RSDataPreprocessor(MEAN, STD)(pseudo_collate([packed]), training)
    valid = mask[0] == 1
    expected = torch.where(valid, _normalised(packed["inputs"]), torch.zeros(()))
    torch.testing.assert_close(out["inputs"][0], expected)
    sample = out["data_samples"][0]
    assert (sample.gt_sem_seg.data[0][~valid] == 255).all()
    assert torch.equal(sample.gt_sem_seg.data[0][valid], packed["data_samples"].gt_sem_seg.data[0][valid].long())
    assert torch.equal(sample.valid_mask.data[0], valid.to(torch.uint8))


def test_what_is_no_number_is_invalid_in_all_bands():
    packed = _packed(dtype=torch.float32)
    packed["inputs"][1, 2, 3] = float("nan")
    packed["inputs"][0, 4, 4] = float("inf")
    out = RSDataPreprocessor(MEAN, STD)(pseudo_collate([packed]), True)
    assert torch.isfinite(out["inputs"]).all()
    for row, column in ((2, 3), (4, 4)):
        assert (out["inputs"][0, :, row, column] == 0).all()
        assert out["data_samples"][0].gt_sem_seg.data[0, row, column] == 255
    assert out["data_samples"][0].valid_mask.data.sum() == 6 * 7 - 2


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [({}, (6, 9)), ({"size": (8, 8)}, (8, 9)), ({"size_divisor": 4}, (8, 12)), ({"size": 10, "size_divisor": 4}, (12, 12))],
)
def test_training_pads_images_labels_and_masks(kwargs, expected):
    packed = [_packed(6, 7), _packed(5, 9, seed=1)]
    out = RSDataPreprocessor(MEAN, STD, **kwargs)(pseudo_collate(packed), True)
    assert out["inputs"].shape == (2, 4, *expected)
    for index, (height, width) in enumerate([(6, 7), (5, 9)]):
        sample = out["data_samples"][index]
        inside = torch.zeros(expected, dtype=torch.bool)
        inside[:height, :width] = True
        torch.testing.assert_close(out["inputs"][index][:, :height, :width], _normalised(packed[index]["inputs"]))
        assert (out["inputs"][index][:, ~inside] == 0).all()
        assert (sample.gt_sem_seg.data[0][~inside] == 255).all()
        assert torch.equal(sample.valid_mask.data[0] == 1, inside)
        assert sample.img_shape == (height, width)
        assert sample.pad_shape == expected
        assert sample.padding_size == (0, expected[1] - width, 0, expected[0] - height)
        assert type(sample.img_shape) is tuple  # a torch.Size means slide inference to mmseg


def test_pad_val_is_for_padding_alone():
    mask = torch.ones(1, 6, 7, dtype=torch.uint8)
    mask[0, 0, 0] = 0
    packed = _packed(valid_mask=mask)
    out = RSDataPreprocessor(MEAN, STD, pad_val=-3.0, seg_pad_val=9, size=8)(pseudo_collate([packed]), True)
    assert (out["inputs"][0, :, 6:] == -3).all()
    assert (out["inputs"][0, :, :, 7:] == -3).all()
    assert (out["inputs"][0, :, 0, 0] == 0).all()
    assert (out["data_samples"][0].gt_sem_seg.data[0, 6:] == 9).all()
    assert out["data_samples"][0].gt_sem_seg.data[0, 0, 0] == 9


def test_maps_of_mmseg_are_padded_along():
    edge = torch.ones(1, 6, 7, dtype=torch.uint8)
    depth = torch.full((1, 6, 7), 2.5)
    out = RSDataPreprocessor(MEAN, STD, size=8)(pseudo_collate([_packed(gt_edge_map=edge, gt_depth_map=depth)]), True)
    sample = out["data_samples"][0]
    assert sample.gt_edge_map.shape == sample.gt_depth_map.shape == (8, 8)
    assert sample.gt_depth_map.data.dtype == torch.float32
    assert (sample.gt_edge_map.data[0, 6:] == 255).all()


def test_testing_pads_images_but_not_labels():
    packed = [_packed(6, 7), _packed(5, 9, seed=1)]
    out = RSDataPreprocessor(MEAN, STD, size=32, test_cfg={"size_divisor": 8})(pseudo_collate(packed), False)
    assert out["inputs"].shape == (2, 4, 8, 16)
    sample = out["data_samples"][1]
    assert sample.gt_sem_seg.shape == (5, 9)
    assert sample.valid_mask.shape == (5, 9)
    assert sample.img_padding_size == (0, 7, 0, 3)
    assert sample.pad_shape == (8, 16)


def test_label_that_stayed_large_while_the_image_was_resized():
    mask = torch.ones(1, 6, 7, dtype=torch.uint8)
    mask[0, :3] = 0
    packed = _packed(valid_mask=mask)
    packed["data_samples"].gt_sem_seg = PixelData(data=torch.ones(1, 12, 14, dtype=torch.uint8))
    out = RSDataPreprocessor(MEAN, STD)(pseudo_collate([packed]), False)
    label = out["data_samples"][0].gt_sem_seg.data[0]
    assert (label[:6] == 255).all()
    assert (label[6:] == 1).all()
    with pytest.raises(InputError, match=r"scene0\.tif: gt_sem_seg is 12 x 14 and the image 6 x 7"):
        RSDataPreprocessor(MEAN, STD)(pseudo_collate([packed]), True)


def test_only_images():
    image = torch.randint(0, 255, (4, 5, 6), dtype=torch.uint8)
    out = RSDataPreprocessor(MEAN, STD)({"inputs": torch.stack([image, image])})
    torch.testing.assert_close(out["inputs"], torch.stack([_normalised(image)] * 2))
    assert out["data_samples"] is None
    out = RSDataPreprocessor(MEAN, STD, size_divisor=4)({"inputs": [image]})
    assert out["data_samples"][0].img_padding_size == (0, 2, 0, 3)  # so that the prediction is cut back
    assert out["data_samples"][0].ori_shape == (5, 6)


def test_channels_last():
    packed = [_packed(seed=seed) for seed in range(2)]
    plain = RSDataPreprocessor(MEAN, STD, size_divisor=4)(pseudo_collate(copy.deepcopy(packed)))["inputs"]
    last = RSDataPreprocessor(MEAN, STD, size_divisor=4, channels_last=True)(pseudo_collate(packed))["inputs"]
    assert last.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(plain, last, rtol=0, atol=0)


def test_what_comes_in_is_not_changed():
    mask = torch.zeros(1, 6, 7, dtype=torch.uint8)
    packed = _packed(valid_mask=mask)
    before = copy.deepcopy(packed)
    batch = pseudo_collate([packed])
    RSDataPreprocessor(MEAN, STD, size=16)(batch, True)
    assert torch.equal(packed["inputs"], before["inputs"])
    for name in ("gt_sem_seg", "valid_mask"):
        assert torch.equal(getattr(packed["data_samples"], name).data, getattr(before["data_samples"], name).data)
    assert packed["data_samples"].metainfo == before["data_samples"].metainfo


def test_wrong_number_of_bands_names_file_found_and_expected():
    preprocessor = RSDataPreprocessor(MEAN, STD)
    with pytest.raises(InputError, match=r"scene1\.tif: the image has 3 bands, .* expects 4, as `mean`.*in_channels=3"):
        preprocessor(pseudo_collate([_packed(), _packed(bands=3, seed=1)]))
    with pytest.raises(InputError, match=r"scene0\.tif: the image has 4 bands.*expects 2"):
        RSDataPreprocessor(0.0, 1.0, bands=["VV", "VH"])(pseudo_collate([_packed()]))
    with pytest.raises(InputError, match=r"image 0 of the batch: the image has 2 bands"):
        preprocessor({"inputs": [torch.zeros(2, 4, 4)]})
    with pytest.raises(InputError, match=r"scene1\.tif: the image has 3 bands.*as the first image of its batch"):
        RSDataPreprocessor(0.0, 1.0)(pseudo_collate([_packed(), _packed(bands=3, seed=1)]))


def test_mask_of_another_size():
    packed = _packed(valid_mask=torch.ones(1, 5, 7, dtype=torch.uint8))
    with pytest.raises(InputError, match=r"scene0\.tif: the valid mask is 5 x 7 and the image 6 x 7"):
        RSDataPreprocessor(MEAN, STD)(pseudo_collate([packed]))


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"mean": MEAN}, "come together"),
        ({"mean": MEAN, "std": [1.0, 2.0]}, "4 values and `std` has 2"),
        ({"mean": MEAN, "std": [1.0, 1.0, 0.0, 1.0]}, "above 0"),
        ({"mean": [float("nan")], "std": [1.0]}, "finite"),
        ({"mean": MEAN, "std": STD, "bands": 3}, "`bands` is 3"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(InputError, match=message):
        RSDataPreprocessor(**kwargs)


def test_equals_mmsegs_where_that_works():
    from mmseg.models.data_preprocessor import SegDataPreProcessor

    packed = [_packed(bands=3, seed=seed, dtype=torch.float32) for seed in range(2)]
    for item in packed:
        item["data_samples"].gt_sem_seg = PixelData(data=item["data_samples"].gt_sem_seg.data.long())
    arguments = {"mean": MEAN[:3], "std": STD[:3], "size": (8, 8)}
    theirs = SegDataPreProcessor(**arguments)(pseudo_collate(copy.deepcopy(packed)), True)
    ours = RSDataPreprocessor(**arguments)(pseudo_collate(copy.deepcopy(packed)), True)
    torch.testing.assert_close(ours["inputs"], theirs["inputs"], rtol=0, atol=0)
    for mine, other in zip(ours["data_samples"], theirs["data_samples"], strict=True):
        assert torch.equal(mine.gt_sem_seg.data, other.gt_sem_seg.data)
        assert tuple(mine.img_shape) == tuple(other.img_shape)
        assert tuple(mine.pad_shape) == tuple(other.pad_shape)
        assert tuple(mine.padding_size) == tuple(other.padding_size)


class _OneByOne(nn.Module):
    """A backbone that looks at single pixels, so that padding cannot change a prediction inside."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 8, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.conv(x).relu(),)


def _segmentor(bands: int, mode: dict | None = None, **preprocessor):
    import mmseg.models  # noqa: F401  (registers EncoderDecoder)

    config = {
        "type": "EncoderDecoder",
        "data_preprocessor": {"type": "RSDataPreprocessor", "mean": 50.0, "std": 30.0, "bands": bands, **preprocessor},
        "backbone": {"type": _OneByOne, "in_channels": bands},
        "decode_head": {
            "type": "FCNHead",
            "in_channels": 8,
            "channels": 8,
            "num_convs": 0,
            "concat_input": False,
            "dropout_ratio": 0,
            "num_classes": 5,
            "loss_decode": {"type": "WeightedCrossEntropy", "class_weight": [1.0, 2.0, 0.5, 1.0, 1.0]},
        },
        "train_cfg": {},
        "test_cfg": mode or {"mode": "whole"},
    }
    with DefaultScope.overwrite_default_scope("mmseg"):
        return MODELS.build(ConfigDict(config))


@pytest.mark.parametrize("bands", [1, 4])
def test_trains_an_mmseg_segmentor(bands):
    torch.manual_seed(0)
    model = _segmentor(bands, size_divisor=8)
    mask = torch.ones(1, 6, 7, dtype=torch.uint8)
    mask[0, 3:] = 0
    data = pseudo_collate([_packed(bands=bands, valid_mask=mask), _packed(9, 5, bands=bands, seed=1)])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for _ in range(60):
        batch = model.data_preprocessor(data, True)
        parsed, _ = model.parse_losses(model(**batch, mode="loss"))
        optimizer.zero_grad()
        parsed.backward()
        optimizer.step()
        losses.append(parsed.item())
    assert losses[-1] < 0.97 * losses[0]
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("mode", [{"mode": "whole"}, {"mode": "slide", "crop_size": (8, 8), "stride": (4, 4)}])
def test_predictions_are_cut_back_to_the_image(mode):
    torch.manual_seed(0)
    model = _segmentor(4, mode, size_divisor=8)
    mask = torch.ones(1, 13, 10, dtype=torch.uint8)
    mask[0, 0] = 0
    packed = _packed(13, 10, valid_mask=mask)
    out = model.test_step(pseudo_collate([packed]))[0]
    with torch.no_grad():
        image = (packed["inputs"].float() - 50) / 30
        image[:, 0] = 0
        expected = model.decode_head(model.backbone(image[None]))
    torch.testing.assert_close(out.seg_logits.data, expected[0], rtol=1e-4, atol=1e-5)
    assert out.pred_sem_seg.shape == (13, 10)
    assert (out.gt_sem_seg.data[0, 0] == 255).all()  # what a metric sees
