from __future__ import annotations

import logging
import urllib.error

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import MODELS, DefaultScope
from safetensors.torch import save_file

import rs_da_mm  # noqa: F401  (what custom_imports does)
from rs_da_mm.errors import InputError
from rs_da_mm.models.inflated_weights import InflatedPretrained, inflate_stem
from rs_da_mm.models.unets import ResNetUNet
from rs_da_mm.models.unets.resnet_encoder import ResNetEncoder

NARROW = (16, 8, 8, 8, 8)


@pytest.fixture
def told():
    """What is logged, as (level, message)."""
    records = []

    class Keep(logging.Handler):
        def emit(self, record):
            records.append((record.levelno, record.getMessage()))

    logger, handler = MMLogger.get_current_instance(), Keep(logging.INFO)
    logger.addHandler(handler)
    yield lambda: [line for line in records if "weights were loaded" in line[1]]
    logger.removeHandler(handler)


@pytest.fixture
def resnet18(tmp_path):
    """A file with weights of a ResNet-18 for three bands, made at random, and what is in it."""
    torch.manual_seed(5)
    weights = ResNetEncoder(3, 18).state_dict()
    for name, tensor in weights.items():
        if name.endswith("running_mean"):
            tensor.normal_()
    weights = {**weights, "fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    torch.save(weights, tmp_path / "resnet18.pth")
    return tmp_path / "resnet18.pth", weights


def unet(bands, **init):
    return ResNetUNet(bands, depth=18, decoder_channels=NARROW, init_cfg={"type": "InflatedPretrained", **init})


@pytest.mark.parametrize("bands", [1, 2, 4, 5, 6, 13])
@pytest.mark.parametrize("rule", ["mean", "repeat"])
def test_bands_that_hold_the_same_give_the_same_output(bands, rule):
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(8, 3, 7, 7, generator=generator, dtype=torch.float64)
    grey = torch.randn(2, 1, 20, 20, generator=generator, dtype=torch.float64)
    expected = torch.conv2d(grey.expand(2, 3, 20, 20), weight)
    inflated = inflate_stem(weight, bands, rule)
    assert inflated.shape == (8, bands, 7, 7)
    found = torch.conv2d(grey.expand(2, bands, 20, 20), inflated)
    if rule == "mean" or bands % 3 == 0:
        torch.testing.assert_close(found, expected)
    else:  # one colour more than the others, or one less
        assert 0.2 < found.std() / expected.std() < 5


def test_rules_by_hand():
    weight = torch.tensor([3.0, 6.0, 12.0]).view(1, 3, 1, 1)
    assert inflate_stem(weight, 6).flatten().tolist() == [3.5] * 6
    assert inflate_stem(weight, 6, "repeat").flatten().tolist() == [1.5, 3, 6, 1.5, 3, 6]
    assert inflate_stem(weight, 2, "repeat").flatten().tolist() == [4.5, 9]
    assert inflate_stem(weight, 6, band_map={"blue": 1, "red": 3}).flatten().tolist() == [6, 3.5, 1.5, 3.5, 3.5, 3.5]
    assert inflate_stem(weight, 3, band_map={"red": 3, "green": 2, "blue": 1}).flatten().tolist() == [12, 6, 3]
    mapped = inflate_stem(weight, 5, band_map={"red": 1, "green": 2, "blue": 3})
    assert mapped.sum().item() == pytest.approx(weight.sum().item())


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_resnets_weights_arrive_in_the_unets_encoder(resnet18, told, suffix, fresh_mmengine):
    path, weights = resnet18
    if suffix == ".safetensors":
        path = path.with_suffix(suffix)
        save_file(weights, path)
    torch.manual_seed(1)
    network = unet(5, checkpoint=str(path))
    decoder = {name: tensor.clone() for name, tensor in network.decoder.state_dict().items()}
    network.init_weights()
    for name, tensor in network.encoder.state_dict().items():
        expected = weights[name] if name != "conv1.weight" else weights[name].mean(1, keepdim=True).expand(-1, 5, -1, -1) * 0.6
        torch.testing.assert_close(tensor, expected)
    for name, tensor in network.decoder.state_dict().items():
        assert torch.equal(tensor, decoder[name])


def test_the_log_tells_what_fitted(resnet18, fresh_mmengine, told):
    path, weights = resnet18
    unet(5, checkpoint=str(path), stem="repeat").init_weights()
    ((level, line),) = told()
    assert level == logging.INFO
    assert line.startswith(f"{path}: {len(weights) - 2} of its {len(weights)} weights were loaded into ResNetUNet, ")
    assert "the stem encoder.conv1.weight brought from 3 to 5 bands ('repeat')" in line
    assert "not used: fc.bias, fc.weight;" in line
    assert "initialised without it: decoder.0." in line


def test_three_bands_are_loaded_as_they_are(resnet18, fresh_mmengine):
    path, weights = resnet18
    network = unet(3, checkpoint=str(path))
    network.init_weights()
    assert torch.equal(network.encoder.conv1.weight, weights["conv1.weight"])
    swapped = unet(3, checkpoint=str(path), band_map={"red": 3, "green": 2, "blue": 1})
    swapped.init_weights()
    torch.testing.assert_close(swapped.encoder.conv1.weight, weights["conv1.weight"].flip(1))


def segmentor(backbone, init_cfg=None):
    head = {"type": "FCNHead", "in_channels": 512, "in_index": 3, "channels": 512, "num_convs": 0, "concat_input": False}
    head |= {"num_classes": 2, "dropout_ratio": 0}
    settings = {"type": "EncoderDecoder", "backbone": backbone, "decode_head": head, "init_cfg": init_cfg}
    with DefaultScope.overwrite_default_scope("mmseg"):
        return MODELS.build(settings)


def test_mmsegs_resnet_takes_the_same_file_from_its_own_or_the_segmentors_init_cfg(resnet18, fresh_mmengine, told):
    path, weights = resnet18
    init = {"type": "InflatedPretrained", "checkpoint": str(path), "band_map": {"red": 4, "green": 3, "blue": 2}}
    resnet = {"type": "ResNet", "depth": 18, "in_channels": 4}
    own = segmentor({**resnet, "init_cfg": init})
    whole = segmentor(resnet, init)
    for model in (own, whole):
        with DefaultScope.overwrite_default_scope("mmseg"):
            model.init_weights()
        state = model.backbone.state_dict()
        torch.testing.assert_close(state["conv1.weight"], inflate_stem(weights["conv1.weight"], 4, band_map=init["band_map"]))
        for name in set(state) - {"conv1.weight"}:
            assert torch.equal(state[name], weights[name]), name
        # mmseg's heads draw their classifier from N(0, 0.01): it has been initialised as well.
        assert model.decode_head.conv_seg.weight.std() < 0.02
        assert model.decode_head.conv_seg.bias.abs().max() == 0
    assert [line.split("were loaded into ")[1].split(",")[0] for _, line in told()] == ["ResNet", "EncoderDecoder"]


def test_mmsegs_deep_stem_loads_from_its_own_kind_of_file_and_says_when_it_does_not(resnet18, tmp_path, fresh_mmengine, told):
    torch.manual_seed(9)
    with DefaultScope.overwrite_default_scope("mmseg"):
        three = MODELS.build({"type": "ResNetV1c", "depth": 18})
        torch.save({"state_dict": {f"backbone.{name}": x for name, x in three.state_dict().items()}}, tmp_path / "v1c.pth")
        init = {"type": "InflatedPretrained", "checkpoint": str(tmp_path / "v1c.pth")}
        seven = MODELS.build({"type": "ResNetV1c", "depth": 18, "in_channels": 7, "init_cfg": init})
        seven.init_weights()
        torch.testing.assert_close(seven.stem[0].weight, inflate_stem(three.stem[0].weight, 7))
        for name, tensor in seven.state_dict().items():
            assert name == "stem.0.weight" or torch.equal(tensor, three.state_dict()[name])
        plain = {"type": "InflatedPretrained", "checkpoint": str(resnet18[0])}
        MODELS.build({"type": "ResNetV1c", "depth": 18, "in_channels": 7, "init_cfg": plain}).init_weights()
    (first, _), (level, line) = told()
    assert (first, level) == (logging.INFO, logging.WARNING)
    assert "no stem among them" in line
    assert "initialised without it: stem.0.weight" in line


def test_a_backbone_that_loads_in_its_own_way_takes_them_from_the_segmentors_init_cfg(tmp_path, fresh_mmengine):
    swin = {"type": "SwinTransformer", "embed_dims": 12, "depths": (1, 1, 1, 1), "num_heads": (1, 1, 1, 1), "window_size": 2}
    torch.manual_seed(3)
    three = segmentor(swin)
    torch.save({"model": three.backbone.state_dict()}, tmp_path / "swin.pth")
    five = segmentor({**swin, "in_channels": 5}, {"type": "InflatedPretrained", "checkpoint": str(tmp_path / "swin.pth")})
    five.init_weights()
    stem = "patch_embed.projection.weight"
    for name, tensor in five.backbone.state_dict().items():
        weight = three.backbone.state_dict()[name]
        torch.testing.assert_close(tensor, inflate_stem(weight, 5) if name == stem else weight)


def test_a_file_that_does_not_fit_is_refused(tmp_path, fresh_mmengine):
    torch.save({"blocks.0.weight": torch.zeros(3), "norm.bias": torch.zeros(7)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth: nothing in it fits ResNetUNet.*blocks\.0\.weight, norm\.bias;.*encoder\."):
        unet(4, checkpoint=str(tmp_path / "other.pth")).init_weights()


def test_prefix_takes_one_part_of_a_file(resnet18, tmp_path, fresh_mmengine):
    _, weights = resnet18
    both = {f"student.{name}": tensor for name, tensor in weights.items()}
    both |= {f"teacher.{name}": tensor + 1 if tensor.is_floating_point() else tensor for name, tensor in weights.items()}
    torch.save(both, tmp_path / "both.pth")
    network = unet(3, checkpoint=str(tmp_path / "both.pth"), prefix="teacher.")
    network.init_weights()
    assert torch.equal(network.encoder.bn1.weight, weights["bn1.weight"] + 1)
    with pytest.raises(InputError, match=r"under 'nobody\.'"):
        unet(3, checkpoint=str(tmp_path / "both.pth"), prefix="nobody.").init_weights()


def test_a_file_that_would_have_to_be_executed_is_refused(tmp_path, fresh_mmengine):
    torch.save({"conv1.weight": torch.zeros(1), "hook": print}, tmp_path / "program.pth")
    with pytest.raises(InputError, match="refused, because it holds more than weights"):
        unet(3, checkpoint=str(tmp_path / "program.pth")).init_weights()
    with pytest.raises(InputError, match="there is no such checkpoint"):
        unet(3, checkpoint=str(tmp_path / "nothing.pth")).init_weights()


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("https://example.org/resnet50-0676ba61.pth", "https://example.org/resnet50-0676ba61.pth"),
        ("torchvision://resnet18", "https://download.pytorch.org/models/resnet18-"),
        ("open-mmlab://resnet50_v1c", "/resnet50_v1c-2cccc1ad.pth"),
    ],
)
def test_what_cannot_be_fetched_is_told_with_the_place_to_put_it(address, url, tmp_path, monkeypatch, fresh_mmengine):
    if address.startswith("torchvision"):
        pytest.importorskip("torchvision")

    def unreachable(*_args, **_kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError) as caught:
        unet(3, checkpoint=address).init_weights()
    message = str(caught.value)
    assert url in message
    assert "no route to host" in message
    assert "give the file's path" in message
    place = message.split("Saved here as ")[1].split(", it is found")[0]
    assert place.startswith(str(tmp_path))
    assert place.endswith(".pth")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stem": "sum"}, "stem is 'sum'"),
        ({"band_map": {"nir": 1}}, "band_map is {'nir': 1}"),
        ({"band_map": {"red": 1}, "stem": "repeat"}, "goes with stem='mean'"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        InflatedPretrained("any.pth", **arguments)


@pytest.mark.parametrize("places", [{"red": 0}, {"red": 6}, {"red": 2, "blue": 2}])
def test_bands_that_there_are_not(places):
    with pytest.raises(InputError, match="must name different bands out of 1 to 5"):
        inflate_stem(torch.zeros(1, 3, 1, 1), 5, band_map=places)
