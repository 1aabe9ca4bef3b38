from __future__ import annotations

import logging
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from tiny_segmentors import FLOAT32, macunet, save, segmentor, stock, trained

from rs_da_mm.datasets.transforms import StretchTo8Bit
from rs_da_mm.inference.segmentors.dihedral_tta import dihedral, inverse_dihedral
from rs_da_mm.inference.segmentors.load_segmentor import load_segmentor
from rs_da_mm.raster import Scene

RNG = np.random.default_rng(0)


def batch(count=2, height=32, width=48, bands=4, dtype=np.uint16):
    pixels = RNG.integers(0, 1000 if dtype == np.uint16 else 256, (count, height, width, bands)).astype(dtype)
    return pixels, np.ones((count, height, width), np.uint8)


def predicted(model, pixels, valid=None):
    """What mmseg's own way gives: preprocess, predict, and the softmax of its logits, image by image."""
    images = torch.from_numpy(pixels.astype(np.int32)).permute(0, 3, 1, 2)
    samples = [SegDataSample() for _ in images]
    for index, sample in enumerate(samples if valid is not None else ()):
        sample.valid_mask = PixelData(data=torch.from_numpy(valid[index : index + 1]))
    with torch.no_grad():
        results = model.test_step({"inputs": list(images), "data_samples": samples})
    return torch.stack([result.seg_logits.data.softmax(0) for result in results]).numpy()


@pytest.mark.parametrize("channels_last", [False, True])
def test_probabilities_are_those_of_the_models_own_prediction(tmp_path, channels_last):
    dense, model = segmentor(macunet(), tmp_path, replace(FLOAT32, channels_last=channels_last))
    pixels, valid = batch()
    scores = dense(pixels, valid)
    assert scores.dtype == np.float32
    assert scores.shape == (2, 3, 32, 48)
    np.testing.assert_allclose(scores, predicted(model, pixels), atol=1e-5)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    assert (scores.argmax(axis=1) == 0).mean() not in (0, 1)  # the model does tell pixels apart


def test_a_folded_model_gives_the_same(tmp_path):
    dense, _ = segmentor(macunet(), tmp_path)
    folded, _ = segmentor(macunet(), tmp_path, replace(FLOAT32, deploy=True))
    assert sum(p.numel() for p in folded.network.parameters()) < sum(p.numel() for p in dense.network.parameters())
    pixels, valid = batch()
    assert np.abs(dense(pixels, valid) - folded(pixels, valid)).max() <= 1e-5


def test_bfloat16_agrees_but_where_it_is_close(tmp_path):
    dense, _ = segmentor(macunet(), tmp_path)
    half, _ = segmentor(macunet(), tmp_path, replace(FLOAT32, precision="bfloat16", deploy=True))
    pixels, valid = batch(4, 64, 64)
    whole, rough = dense(pixels, valid), half(pixels, valid)
    assert rough.dtype == np.float32
    assert 0 < np.abs(whole - rough).max() < 0.1
    first, second = np.sort(whole, axis=1)[:, -1], np.sort(whole, axis=1)[:, -2]
    clear = first - second > 0.1
    assert clear.mean() > 0.5
    assert (whole.argmax(axis=1) == rough.argmax(axis=1))[clear].all()


def test_the_float32_twin_shares_the_weights_and_gives_float32s_numbers(tmp_path):
    half, _ = segmentor(macunet(), tmp_path, replace(FLOAT32, precision="bfloat16"))
    dense, _ = segmentor(macunet(), tmp_path)
    pixels, valid = batch()
    twin = half.in_float32()
    assert np.array_equal(twin(pixels, valid), dense(pixels, valid))
    assert twin.network is half.network
    assert half.options.precision == "bfloat16"


def test_pixels_without_data_do_not_reach_the_model(tmp_path):
    dense, model = segmentor(macunet(), tmp_path)
    pixels, valid = batch()
    valid[:, 5:20, 10:30] = 0
    scores = dense(pixels, valid)
    pixels[valid == 0] = 65535
    assert np.array_equal(dense(pixels, valid), scores)
    np.testing.assert_allclose(scores, predicted(model, pixels, valid), atol=1e-5)
    assert not np.allclose(dense(pixels, np.ones_like(valid)), scores)


def test_an_image_has_the_same_scores_in_any_company(tmp_path):
    dense, _ = segmentor(macunet(), tmp_path, replace(FLOAT32, precision="bfloat16", deploy=True))
    pixels, valid = batch(3)
    scores = dense(pixels, valid)
    others = pixels.copy()
    others[1:] = 60000
    assert np.array_equal(dense(others, valid)[0], scores[0])
    assert np.array_equal(dense(pixels[[2, 0, 1]], valid)[1], scores[0])


def test_padding_of_the_data_preprocessor_is_cut_off(tmp_path):
    config = macunet()
    config.model.data_preprocessor.size_divisor = 32
    dense, model = segmentor(config, tmp_path)
    pixels, valid = batch(2, 20, 41)
    scores = dense(pixels, valid)
    assert scores.shape == (2, 3, 20, 41)
    np.testing.assert_allclose(scores, predicted(model, pixels), atol=1e-5)


def test_symmetries_give_the_mean_of_eight_predictions(tmp_path):
    dense, _ = segmentor(macunet(), tmp_path)
    averaged, _ = segmentor(macunet(), tmp_path, replace(FLOAT32, tta=True))
    pixels, valid = batch()  # not square: quarter turns swap height and width
    valid[:, :7] = 0

    def turned(index):
        images = dihedral(torch.from_numpy(pixels.astype(np.int32)).permute(0, 3, 1, 2), index).permute(0, 2, 3, 1)
        masks = dihedral(torch.from_numpy(valid), index)
        scores = dense(images.numpy().astype(np.uint16), masks.contiguous().numpy())
        return inverse_dihedral(torch.from_numpy(scores), index).numpy()

    expected = np.mean([turned(index) for index in range(8)], axis=0)
    np.testing.assert_allclose(averaged(pixels, valid), expected, atol=1e-5)
    assert np.abs(expected - dense(pixels, valid)).max() > 1e-3


def test_slide_mode_of_the_config_is_not_followed(tmp_path):
    config = macunet()
    config.model.test_cfg = dict(mode="slide", crop_size=(16, 16), stride=(16, 16))
    slid, _ = segmentor(config, tmp_path)
    whole, _ = segmentor(macunet(), tmp_path)
    pixels, valid = batch()
    assert np.array_equal(slid(pixels, valid), whole(pixels, valid))


def test_one_output_channel_becomes_two_classes(tmp_path):
    meta = {"dataset_meta": {"classes": ["ground", "building"]}}
    config = macunet(classes=2, out_channels=1, threshold=0.4, loss_decode=dict(type="CrossEntropyLoss", use_sigmoid=True))
    dense, model = segmentor(config, tmp_path, meta=meta)
    pixels, valid = batch()
    scores = dense(pixels, valid)
    assert scores.shape[1] == 2
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    assert dense.threshold == 0.4
    images = torch.from_numpy(pixels.astype(np.int32)).permute(0, 3, 1, 2)
    with torch.no_grad():
        results = model.test_step({"inputs": list(images), "data_samples": [SegDataSample() for _ in images]})
    theirs = np.stack([result.pred_sem_seg.data[0].numpy() for result in results])
    assert np.array_equal(scores[:, 1] > dense.threshold, theirs == 1)
    assert 0 < theirs.mean() < 1
    assert segmentor(macunet(), tmp_path)[0].threshold is None


def test_a_stock_model_labels_a_picture_as_mmsegs_own_inference_does(tmp_path):
    import mmseg.datasets  # noqa: F401
    from mmseg.apis import inference_model

    picture = RNG.integers(0, 256, (48, 64, 3)).astype(np.uint8)
    picture[:, :32, 0] //= 4  # red and blue are not alike
    picture = cv2.GaussianBlur(picture, (9, 9), 0)
    cv2.imwrite(str(tmp_path / "picture.png"), picture[..., ::-1])
    config = stock()
    dense, model = segmentor(config, tmp_path)
    model.cfg = config
    with DefaultScope.overwrite_default_scope("mmseg"):
        theirs = inference_model(model, str(tmp_path / "picture.png"))
    pixels, valid = Scene(tmp_path / "picture.png").read_with_valid()
    assert np.array_equal(pixels, picture)
    scores = dense(pixels[None], valid[None])
    np.testing.assert_allclose(scores[0], theirs.seg_logits.data.softmax(0).numpy(), atol=1e-5)
    assert np.array_equal(scores[0].argmax(axis=0), theirs.pred_sem_seg.data[0].numpy())
    assert not np.allclose(dense(pixels[None, ..., ::-1], valid[None]), scores, atol=1e-3)
    assert dense.trained_on.mean == (120.0, 110.0, 100.0)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
@pytest.mark.parametrize("make", [macunet, stock])
def test_every_dtype_of_a_scene_gives_the_same(tmp_path, make, dtype):
    dense, _ = segmentor(make(), tmp_path)
    pixels, valid = batch(1, 16, 16, 4 if make is macunet else 3, np.uint8)
    assert np.array_equal(dense(pixels.astype(dtype), valid), dense(pixels, valid))


def test_arrays_that_may_not_be_written_are_taken(tmp_path, recwarn):
    dense, _ = segmentor(macunet(), tmp_path)
    pixels, valid = batch(1, 16, 16)
    expected = dense(pixels, valid)
    pixels.flags.writeable = valid.flags.writeable = False
    recwarn.clear()
    assert np.array_equal(dense(pixels, valid), expected)
    assert not [warning for warning in recwarn if "writ" in str(warning.message)]


def test_the_pipelines_stretch_is_applied(tmp_path):
    limits = [(100.0, 900.0)] * 4
    config = macunet(preprocessor=dict(type="RSDataPreprocessor", mean=[128.0] * 4, std=[64.0] * 4))
    config.test_pipeline = [dict(type="LoadRaster"), dict(type="StretchTo8Bit", limits=limits), dict(type="PackRSInputs")]
    dense, model = segmentor(config, tmp_path)
    pixels, valid = batch()
    valid[:, :4] = 0
    stretch = StretchTo8Bit(limits=limits)
    eight_bit = np.stack([stretch.transform({"img": image})["img"] for image in pixels])
    np.testing.assert_allclose(dense(pixels, valid), predicted(model, eight_bit, valid), atol=1e-5)
    assert dense.trained_on.mean is None  # it is not in the units of the files


def test_the_identity_changes_with_whatever_changes_the_numbers(tmp_path):
    config = macunet()
    model = trained(config)
    save(model, tmp_path / "a.pth")
    same = load_segmentor(config, tmp_path / "a.pth", FLOAT32).identity()
    assert load_segmentor(config, tmp_path / "a.pth", FLOAT32).identity() == same
    others = [
        load_segmentor(config, tmp_path / "a.pth", replace(FLOAT32, **change)).identity()
        for change in (
            dict(precision="bfloat16"),
            dict(deploy=True),
            dict(tta=True),
            dict(channels_last=False),
            dict(compile=True),
        )
    ]
    with torch.no_grad():
        model.decode_head.conv_seg.bias[0] += 1e-6
    save(model, tmp_path / "b.pth")
    others.append(load_segmentor(config, tmp_path / "b.pth", FLOAT32).identity())
    config.model.data_preprocessor.mean = [501.0] * 4
    others.append(load_segmentor(config, tmp_path / "a.pth", FLOAT32).identity())
    config = macunet()
    config.test_pipeline = [dict(type="StretchTo8Bit")]
    others.append(load_segmentor(config, tmp_path / "a.pth", FLOAT32).identity())
    assert len({str(identity) for identity in (same, *others)}) == 1 + len(others)
    assert same["torch"] == torch.__version__


def test_another_number_of_bands_is_told(tmp_path):
    dense, _ = segmentor(macunet(), tmp_path)
    with pytest.raises(ValueError, match=r"3 bands.*expects 4"):
        dense(*batch(bands=3))


@pytest.mark.slow
def test_a_compiled_model_gives_the_same(tmp_path):
    logging.getLogger("torch").setLevel(logging.ERROR)
    dense, _ = segmentor(macunet(), tmp_path)
    compiled, _ = segmentor(macunet(), tmp_path, replace(FLOAT32, compile=True, deploy=True))
    pixels, valid = batch(1)
    assert np.abs(dense(pixels, valid) - compiled(pixels, valid)).max() <= 1e-5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same(tmp_path):
    dense, _ = segmentor(macunet(), tmp_path)
    on_gpu, _ = segmentor(macunet(), tmp_path, replace(FLOAT32, device="cuda", deploy=True))
    pixels, valid = batch()
    valid[:, :5] = 0
    assert np.abs(dense(pixels, valid) - on_gpu(pixels, valid)).max() < 1e-2  # torch lets GPUs round float32 convolutions
