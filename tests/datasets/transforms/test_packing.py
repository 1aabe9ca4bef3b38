from __future__ import annotations

import numpy as np
import pytest
import torch

from rs_da_mm.datasets.transforms import PackRSInputs
from rs_da_mm.datasets.transforms.packing import to_packed_dtype
from rs_da_mm.errors import InputError


def _sample(bands: int = 5, dtype: str = "uint16") -> dict:
    generator = np.random.default_rng(0)
    return {
        "img": generator.integers(0, 100, (6, 7, bands)).astype(dtype),
        "gt_seg_map": generator.integers(0, 5, (6, 7)).astype(np.uint8),
        "valid_mask": np.ones((6, 7), np.uint8),
        "img_path": "a.tif",
        "ori_shape": (6, 7),
        "img_shape": (6, 7),
        "window": (1, 2, 6, 7),
        "scene": "a",
        "bands": ("B1",) * bands,
        "label_code": object(),
    }


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 12])
def test_bands_first_and_metainfo(bands):
    sample = _sample(bands)
    packed = PackRSInputs().transform(sample)
    assert packed["inputs"].is_contiguous()
    np.testing.assert_array_equal(packed["inputs"].numpy(), sample["img"].transpose(2, 0, 1))
    kept = packed["data_samples"].metainfo
    assert kept == {key: sample[key] for key in ("img_path", "ori_shape", "img_shape", "window", "scene", "bands")}
    assert packed["data_samples"].gt_sem_seg.data.dtype == torch.uint8
    np.testing.assert_array_equal(packed["data_samples"].gt_sem_seg.data[0], sample["gt_seg_map"])


@pytest.mark.parametrize(
    ("dtype", "tensor"),
    [
        ("uint8", torch.uint8),
        ("int8", torch.int8),
        ("int16", torch.int16),
        ("uint16", torch.int32),
        ("int32", torch.int32),
        ("uint32", torch.int64),
        ("float16", torch.float16),
        ("float32", torch.float32),
        ("float64", torch.float32),
        ("bool", torch.uint8),
    ],
)
def test_dtype_holds_the_values(dtype, tensor):
    largest = 1 if dtype == "bool" else np.iinfo(dtype).max if np.dtype(dtype).kind in "iu" else 0.5
    image = np.full((2, 2, 1), largest, dtype)
    packed = PackRSInputs().transform({"img": image})["inputs"]
    assert packed.dtype == tensor
    assert (packed == largest).all()


def test_a_dtype_that_no_tensor_holds():
    with pytest.raises(InputError, match="complex64"):
        to_packed_dtype(np.zeros(1, np.complex64))


def test_valid_means_one():
    sample = _sample()
    sample["valid_mask"][0] = 255  # as mmseg's RandomRotate fills it
    sample["valid_mask"][1] = 0
    mask = PackRSInputs().transform(sample)["data_samples"].valid_mask.data
    assert mask.shape == (1, 6, 7)
    assert mask.dtype == torch.uint8
    assert mask[0, :, 0].tolist() == [0, 0, 1, 1, 1, 1]


def test_maps_of_mmseg_and_label_dtype():
    sample = {**_sample(), "gt_edge_map": np.ones((6, 7), np.uint8), "gt_depth_map": np.full((6, 7), 2.5)}
    out = PackRSInputs(label_dtype="int64").transform(sample)["data_samples"]
    assert out.gt_sem_seg.data.dtype == out.gt_edge_map.data.dtype == torch.int64
    assert out.gt_depth_map.data.dtype == torch.float32
    assert out.gt_depth_map.shape == (6, 7)


def test_unlabelled_and_without_band_axis():
    packed = PackRSInputs(meta_keys=("img_path",)).transform(
        {"img": np.zeros((3, 4), np.uint8), "img_path": "b.tif", "scene": "b"}
    )
    assert packed["inputs"].shape == (1, 3, 4)
    assert "gt_sem_seg" not in packed["data_samples"]
    assert packed["data_samples"].metainfo == {"img_path": "b.tif"}


def test_mask_that_did_not_move_along():
    sample = {**_sample(), "valid_mask": np.ones((8, 7), np.uint8)}
    with pytest.raises(InputError, match=r"a\.tif: the image is 6 x 7 pixels and its valid mask 8 x 7"):
        PackRSInputs().transform(sample)
