from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from rs_da_mm.models.macunet import AsymmetricConv, MACUNet
from rs_da_mm.registry import MODELS

CLASSIFIER = 16 * 6 + 6


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def settle(model: nn.Module) -> nn.Module:
    """Give every BatchNorm statistics that are not the identity."""
    generator = torch.Generator().manual_seed(5)
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.copy_(0.2 * torch.randn(norm.running_mean.shape, generator=generator).to(norm.running_mean))
            norm.running_var.copy_(0.5 + torch.rand(norm.running_var.shape, generator=generator).to(norm.running_var))
    return model


@pytest.fixture
def pair(plain_macunet):
    """The independent network and ours with a classifier, with the same weights, loaded by position."""
    torch.manual_seed(0)
    plain = settle(plain_macunet.PlainMACUNet())
    ours = nn.ModuleDict({"backbone": MACUNet(), "classifier": nn.Conv2d(16, 6, 1)})
    ours.load_state_dict(dict(zip(ours.state_dict(), plain.state_dict().values(), strict=True)))
    return plain, ours


def scores(ours: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    return ours["classifier"](ours["backbone"](x)[0])


@pytest.mark.parametrize(
    ("bands", "classes", "expected"), [(3, 6, 5_151_734), (3, 5, 5_151_717), (3, 15, 5_151_887), (4, 6, 5_151_974)]
)
def test_published_parameter_count(bands, classes, expected):
    assert count(MACUNet(bands)) + 16 * classes + classes == expected


def test_state_dict_is_in_the_authors_order(pair):
    plain, ours = pair
    expected, found = plain.state_dict(), ours.state_dict()
    assert [tensor.shape for tensor in found.values()] == [tensor.shape for tensor in expected.values()]
    assert len(found) == 339
    assert sum(tensor.is_floating_point() for tensor in found.values()) == 312
    assert sum(buffer.numel() for buffer in ours.buffers()) == 4955


def test_parameters_of_every_part_in_the_order_of_declaration():
    model = MACUNet()
    parts = [part for level in model.encoder for part in (level.blocks, *level.hops)]
    assert [count(part) for part in parts] == [
        *(4_720, 7_840, 31_040, 123_520),
        *(23_360, 31_040, 123_520),
        *(154_560, 123_520),
        616_320,
        2_461_440,
    ]
    assert [count(fusion) for fusion in model.fusion] == [180_224, 45_056, 11_264, 2_816]
    parts = [part for level in model.decoder for part in (level.blocks, *level.hops)]
    assert [count(part) for part in parts] == [
        *(0, 131_200, 32_832, 8_224, 2_064),
        *(738_560, 32_832, 8_224, 2_064),
        *(184_960, 8_224, 2_064),
        *(46_400, 2_064),
        11_680,
    ]
    assert [name for name, _ in model.named_children()] == ["encoder", "fusion", "decoder"]


def test_parameters_keep_torchs_default_initialisation(plain_macunet):
    torch.manual_seed(4)
    plain = plain_macunet.PlainMACUNet()
    torch.manual_seed(4)
    ours = MACUNet()
    ours.init_weights()
    for expected, found in zip(plain.parameters(), ours.parameters(), strict=False):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("channels_last", [True, False])
def test_output_equals_the_three_convolution_form(pair, channels_last):
    plain, ours = (model.eval() for model in pair)
    ours["backbone"].channels_last = channels_last
    x = torch.rand(2, 3, 96, 64)
    with torch.no_grad():
        expected = plain(x)
        found = scores(ours, x)
        ours["backbone"].switch_to_deploy()
        deployed = scores(ours, x)
    assert expected.shape == (2, 6, 96, 64)
    scale = expected.abs().max().clamp(min=1)
    assert (found - expected).abs().max() <= 1e-5 * scale
    assert (deployed - expected).abs().max() <= 1e-5 * scale


def test_training_step_equals_the_three_convolution_form_in_every_gradient(pair):
    # In double precision: in single precision, 27 BatchNorms amplify the rounding of either form beyond the differences sought.
    plain, ours = (model.double() for model in pair)
    x = torch.rand(2, 3, 64, 48, dtype=torch.double)
    labels = torch.randint(6, (2, 64, 48))
    expected, found = plain(x), scores(ours, x)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    for out in (expected, found):
        nn.functional.cross_entropy(out, labels).backward()
    for wanted, parameter in zip(plain.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, wanted.grad, rtol=1e-7, atol=1e-10)
    for wanted, buffer in zip(plain.buffers(), ours.buffers(), strict=True):
        torch.testing.assert_close(buffer, wanted, rtol=1e-9, atol=1e-9)


def test_training_step_in_single_precision(pair):
    plain, ours = pair
    x, labels = torch.rand(2, 3, 64, 64), torch.randint(6, (2, 64, 64))
    for out in (plain(x), scores(ours, x)):
        nn.functional.cross_entropy(out, labels).backward()
    for wanted, parameter in zip(plain.parameters(), ours.parameters(), strict=True):
        assert (parameter.grad - wanted.grad).abs().max() <= 1e-5 * wanted.grad.abs().max().clamp(min=1)


def test_every_parameter_gets_a_gradient():
    for model in (MACUNet(base_channels=8), MACUNet(base_channels=8, preset="paper")):
        model(torch.rand(1, 3, 32, 32))[0].sum().backward()
        assert all(parameter.grad is not None for parameter in model.parameters())


def test_bf16_autocast_stays_near_full_precision(pair):
    _, ours = pair
    ours.eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        full = scores(ours, x)
        with torch.autocast("cpu", torch.bfloat16):
            half = scores(ours, x)
    assert half.dtype == torch.bfloat16
    assert (half - full).abs().max() <= 0.02 * full.abs().max()


@pytest.mark.parametrize("size", [(250, 131), (256, 16), (5, 3)])
def test_any_size(size):
    model = MACUNet(base_channels=8).eval()
    with torch.no_grad():
        (out,) = model(torch.rand(1, 3, *size))
    assert out.shape == (1, 8, *size)


def test_padding_repeats_the_edge():
    torch.manual_seed(0)
    model = MACUNet(base_channels=8).eval()
    x = torch.rand(1, 3, 20, 16)
    rows = torch.arange(32).clamp(max=19)
    with torch.no_grad():
        torch.testing.assert_close(model(x)[0], model(x[:, :, rows])[0][:, :, :20], rtol=0, atol=0)


def test_encode_returns_five_maps():
    model = MACUNet(4, base_channels=8).eval()
    with torch.no_grad():
        maps = model.encode(torch.rand(2, 4, 40, 64))
    assert [tuple(x.shape) for x in maps] == [(2, 8 * 2**k, 48 // 2**k, 64 // 2**k) for k in range(5)]


def test_deploying_in_training_mode_says_why_not():
    with pytest.raises(RuntimeError, match=r"running statistics.*eval\(\)"):
        MACUNet(base_channels=8).switch_to_deploy()


def test_deployed_state_dict_loads_into_a_deployed_network():
    torch.manual_seed(0)
    first, second = (settle(MACUNet(base_channels=8)).eval() for _ in range(2))
    for model in (first, second):
        model.switch_to_deploy()
        model.switch_to_deploy()
    assert not any(isinstance(module, nn.BatchNorm2d) for module in first.modules())
    assert {name.rsplit(".", 2)[-2] for name in first.state_dict() if "blocks" in name} == {"fused"}
    second.load_state_dict(first.state_dict())
    x = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(first(x)[0], second(x)[0])


def test_timm_reparameterizes_it(pair):
    timm_model = pytest.importorskip("timm.utils.model")
    ours = pair[1]
    with pytest.raises(RuntimeError, match="training mode"):
        timm_model.reparameterize_model(ours["backbone"])
    ours.eval()
    x = torch.rand(1, 3, 48, 32)
    for model in (ours, ours["backbone"]):
        fused = timm_model.reparameterize_model(model)
        assert all(block.deployed for block in fused.modules() if isinstance(block, AsymmetricConv))
        assert not any(block.deployed for block in model.modules() if isinstance(block, AsymmetricConv))
        backbone = fused["backbone"] if isinstance(fused, nn.ModuleDict) else fused
        with torch.no_grad():
            torch.testing.assert_close(backbone(x)[0], ours["backbone"](x)[0], rtol=1e-5, atol=1e-5)


ABLATIONS = {
    "U": {"kernels": ("square",), "multi_scale": False, "attention": False},
    "UH": {"kernels": ("square", "horizontal"), "multi_scale": False, "attention": False},
    "UV": {"kernels": ("square", "vertical"), "multi_scale": False, "attention": False},
    "ACU": {"multi_scale": False, "attention": False},
    "MU": {"kernels": ("square",)},
    "MACU": {},
}


@pytest.mark.parametrize(
    ("name", "base_channels", "norm", "expected"),
    [
        ("U", 16, True, 2_719_622),
        ("ACU", 16, True, 4_416_422),
        ("MU", 16, True, 3_278_742),
        ("MACU", 16, True, 5_151_734),
        ("U", 32, False, 10_857_734),
        ("U", 32, True, 10_865_414),
        ("UH", 32, True, 14_254_886),
        ("UV", 32, True, 14_254_886),
        ("ACU", 32, True, 17_644_358),
        ("MU", 32, True, 13_098_278),
        ("MACU", 32, True, 20_579_814),
    ],
)
def test_parameter_counts_of_the_ablations(name, base_channels, norm, expected):
    model = MACUNet(3, base_channels, norm=norm, **ABLATIONS[name])
    assert count(model) + base_channels * 6 + 6 == expected


@pytest.mark.parametrize(
    "arguments",
    [
        *ABLATIONS.values(),
        {"attention": False},
        {"multi_scale": False},
        {"norm": False},
        {"preset": "paper"},
        {"preset": "paper", "multi_scale": False},
    ],
)
def test_every_variant_runs_and_deploys(arguments):
    torch.manual_seed(0)
    model = settle(MACUNet(2, base_channels=8, **arguments)).eval()
    x = torch.rand(1, 2, 32, 48)
    with torch.no_grad():
        (expected,) = model(x)
        model.switch_to_deploy()
        torch.testing.assert_close(model(x)[0], expected, rtol=1e-5, atol=1e-5)
    assert expected.shape == (1, 8, 32, 48)


def test_paper_preset_puts_a_block_behind_every_hop(plain_macunet):
    torch.manual_seed(0)
    plain = plain_macunet.PlainMACUNet()
    for name, hop in [*plain.named_children()]:
        if isinstance(hop, nn.ConvTranspose2d):
            width = hop.out_channels
            setattr(plain, name, nn.Sequential(hop, plain_macunet.PlainAsymmetricConv(width, width)))
    settle(plain).eval()
    ours = MACUNet(preset="paper").eval()
    expected_count = 5_151_734 - CLASSIFIER + sum(n * (15 * w * w + 5 * w) for n, w in ((1, 128), (2, 64), (3, 32), (4, 16)))
    assert count(ours) == expected_count
    ours.load_state_dict(dict(zip(ours.state_dict(), plain.state_dict().values(), strict=False)))
    x = torch.rand(1, 3, 64, 48)
    with torch.no_grad():
        torch.testing.assert_close(plain.out(ours(x)[0]), plain(x), rtol=1e-5, atol=1e-5)


def test_shapes_without_computing():
    with torch.device("meta"):
        assert MACUNet()(torch.rand(2, 3, 250, 64))[0].shape == (2, 16, 250, 64)


def test_presets_differ_in_one_argument():
    assert MACUNet(base_channels=8, preset="reference", acb_after_upsample=True).acb_after_upsample
    assert not MACUNet(base_channels=8, preset="paper", acb_after_upsample=False).acb_after_upsample
    with pytest.raises(ValueError, match="reference"):
        MACUNet(preset="authors")


def test_copies_and_the_registry_give_the_same_network():
    torch.manual_seed(0)
    model = MODELS.build({"type": "MACUNet", "base_channels": 8}).eval()
    x = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(copy.deepcopy(model)(x)[0], model(x)[0])
    assert all(parameter.is_contiguous() for parameter in model.parameters())


@pytest.mark.slow
def test_compiles_without_a_break_in_the_graph():
    torch.manual_seed(0)
    model = settle(MACUNet(base_channels=8))
    compiled = torch.compile(copy.deepcopy(model), backend="aot_eager", fullgraph=True)
    x = torch.rand(2, 3, 32, 48)
    expected, found = model(x)[0], compiled(x)[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    found.sum().backward()
