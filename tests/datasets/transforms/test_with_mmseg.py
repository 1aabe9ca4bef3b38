"""Our samples in stock pipelines, and stock samples in ours: docs/transforms.md says the same in a table."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.registry import TRANSFORMS, DefaultScope

from rs_da_mm.datasets.transforms import PackRSInputs
from rs_da_mm.errors import InputError
from rs_da_mm.raster import write_raster

IMAGES = [(3, "uint8"), (1, "uint8"), (4, "uint8"), (6, "uint8"), (6, "uint16"), (4, "float32")]

MOVES_EVERYTHING = {
    "RandomFlip": {"prob": 1.0, "direction": "horizontal"},
    "RandomFlip ": {"prob": 1.0, "direction": "diagonal"},
    "RandomCrop": {"crop_size": (16, 20)},
    "Resize": {"scale": (64, 80)},
    "Resize ": {"scale": (64, 80), "keep_ratio": True},
    "RandomResize": {"scale": (64, 80), "ratio_range": (0.5, 2.0), "keep_ratio": True},
    "RandomChoiceResize": {"scales": [(64, 80), (20, 30)], "resize_type": "Resize"},
    "ResizeToMultiple": {"size_divisor": 20},
    "ResizeShortestEdge": {"scale": 40, "max_size": 100},
    "RandomRotate": {"prob": 1.0, "degree": (30, 31)},
    "RandomRotFlip": {"rotate_prob": 0.0, "flip_prob": 1.0},
}


@pytest.fixture(autouse=True)
def _mmseg_scope():
    import mmseg.datasets  # noqa: F401  (registers the transforms)

    with DefaultScope.overwrite_default_scope("mmseg"):
        yield


def _sample(bands: int = 3, dtype: str = "uint8") -> dict:
    """Image, label and mask are one checkerboard, so they must stay one."""
    rows, columns = np.indices((32, 48))
    board = ((rows // 4 + columns // 4) % 2).astype(np.uint8)
    return {
        "img": np.stack([100 * board] * bands, -1).astype(dtype),
        "gt_seg_map": board.copy(),
        "valid_mask": board.copy(),
        "seg_fields": ["gt_seg_map", "valid_mask"],
        "img_shape": (32, 48),
        "ori_shape": (32, 48),
        "img_path": "a.tif",
    }


def _build(name: str, **kwargs):
    return TRANSFORMS.build({"type": name.strip(), **kwargs})


@pytest.mark.parametrize(("bands", "dtype"), IMAGES)
@pytest.mark.parametrize("name", MOVES_EVERYTHING)
def test_mask_stays_with_the_label_under_mmsegs_geometry(name, bands, dtype):
    out = _build(name, **MOVES_EVERYTHING[name])(_sample(bands, dtype))
    np.testing.assert_array_equal(out["valid_mask"], out["gt_seg_map"])
    packed = PackRSInputs()(out)
    assert packed["inputs"].shape == (bands, *out["img"].shape[:2])
    mask = packed["data_samples"].valid_mask.data[0].numpy()
    np.testing.assert_array_equal(mask == 1, out["gt_seg_map"] == 1)  # 255, outside, is not valid
    inner = out["img"].reshape(*out["img"].shape[:2], -1)[..., 0] > 50
    assert np.mean(inner == (mask == 1)) > 0.85  # but for interpolation at the edges


def test_cut_out_makes_holes_invalid_on_three_bands_only():
    cut = _build("RandomCutOut", prob=1.0, n_holes=5, cutout_shape=(8, 8), seg_fill_in=255)
    out = cut(_sample())
    np.testing.assert_array_equal(out["valid_mask"], out["gt_seg_map"])
    assert (out["valid_mask"] == 255).any()
    with pytest.raises(ValueError, match="broadcast"):
        cut(_sample(6))


def test_photometric_distortion_is_for_three_bands_of_8_bit():
    distort = _build("PhotoMetricDistortion")
    assert all(distort(_sample())["img"].shape == (32, 48, 3) for _ in range(20))
    # A fourth band is lost without a word; the data preprocessor then names the file and the number of bands.
    assert {distort(_sample(4))["img"].shape[2] for _ in range(20)} == {3, 4}


@pytest.mark.parametrize(("bands", "dtype"), [(3, "uint8"), (6, "uint16")])
def test_mosaic_keeps_them_together(bands, dtype):
    sample = {**_sample(bands, dtype), "mix_results": [_sample(bands, dtype) for _ in range(3)]}
    out = _build("RandomMosaic", prob=1.0, img_scale=(40, 40))(sample)
    np.testing.assert_array_equal(out["valid_mask"], out["gt_seg_map"])
    assert PackRSInputs()(out)["inputs"].shape == (bands, 80, 80)


@pytest.mark.parametrize(("name", "kwargs"), [("CLAHE", {}), ("AdjustGamma", {"gamma": 1.0})])
def test_what_cuts_16_bit_to_8(name, kwargs):
    sample = _sample(2, "uint16")
    sample["img"] += 4000
    assert _build(name, **kwargs)(sample)["img"].max() < 256


def test_albu_moves_image_and_label_but_not_the_mask():
    pytest.importorskip("albumentations")
    sample = _sample()
    out = _build("Albu", transforms=[{"type": "HorizontalFlip", "p": 1.0}])(_sample())
    np.testing.assert_array_equal(out["gt_seg_map"], sample["gt_seg_map"][:, ::-1])
    np.testing.assert_array_equal(out["valid_mask"], sample["valid_mask"])


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [("Pad", {"size": (64, 64)}), ("CenterCrop", {"crop_size": (16, 16)}), ("SegRescale", {"scale_factor": 0.5})],
)
def test_what_leaves_the_mask_behind_is_refused_when_packing(name, kwargs):
    out = _build(name, **kwargs)(_sample())
    with pytest.raises(InputError, match=r"a\.tif.*moved one without the other"):
        PackRSInputs()(out)


def test_our_loaders_in_a_stock_dataset(tmp_path):
    from mmseg.datasets import BaseSegDataset

    generator = np.random.default_rng(0)
    image = generator.integers(0, 4000, (16, 20, 5)).astype(np.uint16)
    label = generator.integers(0, 4, (16, 20)).astype(np.uint8)
    write_raster(tmp_path / "img" / "a.tif", image)
    write_raster(tmp_path / "ann" / "a.png", label)
    dataset = BaseSegDataset(
        data_root=str(tmp_path),
        data_prefix={"img_path": "img", "seg_map_path": "ann"},
        img_suffix=".tif",
        seg_map_suffix=".png",
        metainfo={"classes": ("a", "b", "c")},
        reduce_zero_label=True,
        pipeline=[
            {"type": "LoadRaster", "bands": [5, 1]},
            {"type": "LoadRasterLabel"},
            {"type": "RandomFlip", "prob": 1.0},
            {"type": "RandomDihedral", "prob": 0.0},
            {"type": "PackRSInputs"},
        ],
    )
    sample = dataset[0]
    np.testing.assert_array_equal(sample["inputs"].permute(1, 2, 0), image[:, ::-1][..., [4, 0]])
    expected = np.where(label == 0, 255, label.astype(int) - 1)[:, ::-1]
    np.testing.assert_array_equal(sample["data_samples"].gt_sem_seg.data[0], expected)
    assert sample["data_samples"].flip is True
    assert sample["data_samples"].reduce_zero_label is True


def test_stock_loaders_before_our_transforms(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (16, 20, 3)).astype(np.uint8)
    write_raster(tmp_path / "a.png", image)
    write_raster(tmp_path / "b.png", image[..., 0] // 64)
    sample = {
        "img_path": str(tmp_path / "a.png"),
        "seg_map_path": str(tmp_path / "b.png"),
        "reduce_zero_label": False,
        "seg_fields": [],
    }
    steps = [
        {"type": "LoadImageFromFile"},
        {"type": "LoadAnnotations"},
        {"type": "RandomDihedral"},
        {"type": "RandomAffineWarp", "angle": 30},
        {"type": "RandomWindowCrop", "size": 24},
        {"type": "PackSegInputs"},
    ]
    for step in steps:
        sample = TRANSFORMS.build(step)(sample)
    assert sample["inputs"].shape == (3, 24, 24)
    assert sample["data_samples"].gt_sem_seg.data.dtype == torch.int64
    assert (sample["data_samples"].gt_sem_seg.data == 255).any()  # the padding


def test_names_are_free_in_mmseg_and_mmcv():
    from mmcv.transforms import TRANSFORMS as MMCV
    from mmseg.registry import TRANSFORMS as MMSEG

    import rs_da_mm.datasets.transforms as ours

    for name in ours.__all__:
        for registry in (MMSEG, MMCV):
            assert registry.module_dict.get(name) in (None, getattr(ours, name))


def test_importing_the_transforms_imports_no_models():
    heavy = ["mmseg.models", "mmseg.datasets", "mmagic.models", "mmcv.ops", "matplotlib", "skimage", "sklearn", "timm.models"]
    code = (
        "import sys; import rs_da_mm.datasets.transforms, rs_da_mm.models, rs_da_mm.visualization; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout.strip() == "[]"
