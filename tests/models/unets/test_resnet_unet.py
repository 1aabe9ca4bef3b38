from __future__ import annotations

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

import rs_da_mm  # noqa: F401  (what custom_imports does)
from rs_da_mm.compat import shipped_configs
from rs_da_mm.models.unets import ResNetUNet

ENCODER = {18: 11_176_512, 34: 21_284_672, 50: 23_508_032}
NARROW = (32, 16, 16, 8, 8)


def decoder_parameters(encoder_channels, widths):
    """Two 3×3 convolutions without biases and their norms per block; scSE of the output, and of an input with a skip."""

    def attention(channels):
        hidden = max(1, channels // 16)
        return 2 * channels * hidden + hidden + channels + channels + 1

    lowest, *skips = encoder_channels[::-1]
    count, below = 0, lowest
    for skip, width in zip([*skips, 0], widths, strict=True):
        count += 9 * width * (below + skip + width) + 4 * width + attention(width) + (attention(below + skip) if skip else 0)
        below = width
    return count


@pytest.mark.parametrize(
    ("depth", "channels", "widths"),
    [
        (18, (64, 64, 128, 256, 512), (256, 128, 64, 32, 16)),
        (34, (64, 64, 128, 256, 512), (256, 128, 64, 32, 16)),
        (50, (64, 256, 512, 1024, 2048), (1024, 512, 256, 128, 64)),
    ],
)
def test_parameters(depth, channels, widths):
    with torch.device("meta"):
        network = ResNetUNet(depth=depth)
    assert network.encoder.channels == channels
    assert network.out_channels == widths[-1]
    counted = sum(parameter.numel() for parameter in network.parameters())
    assert counted == ENCODER[depth] + decoder_parameters(channels, widths)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (33, 70), (1, 1)])
def test_output_has_the_size_of_the_image(height, width):
    network = ResNetUNet(in_channels=5, depth=18, decoder_channels=NARROW).eval()
    (out,) = network(torch.randn(2, 5, height, width))
    assert out.shape == (2, 8, height, width)
    maps = network.encode(torch.randn(1, 5, height, width))
    padded = [-(-side // 32) * 32 for side in (height, width)]
    assert [tuple(x.shape[2:]) for x in maps] == [tuple(side >> (k + 1) for side in padded) for k in range(5)]


def test_padding_repeats_the_edge():
    network = ResNetUNet(depth=18, decoder_channels=NARROW).eval()
    x = torch.randn(1, 3, 40, 50)
    padded = torch.nn.functional.pad(x, (0, 14, 0, 24), mode="replicate")
    with torch.no_grad():
        torch.testing.assert_close(network(x)[0], network(padded)[0][..., :40, :50])


def test_every_skip_and_every_parameter_is_used():
    torch.manual_seed(0)
    network = ResNetUNet(depth=18, decoder_channels=NARROW)
    seen = []
    for block in network.decoder:
        block.register_forward_hook(lambda _module, inputs, _out: seen.append([x and x.shape[2] for x in map(_or_none, inputs)]))
    network(torch.randn(2, 3, 64, 64))[0].square().sum().backward()
    assert seen == [[2, 4], [4, 8], [8, 16], [16, 32], [32, None]]
    assert all(parameter.grad is not None for parameter in network.parameters())
    # The one hidden channel of a narrow attention may be rectified away.
    moved = [name for name, parameter in network.named_parameters() if parameter.grad.abs().sum() > 0]
    still = {name for name, _ in network.named_parameters()} - set(moved)
    assert all(".weigh_" in name for name in still)


def _or_none(x):
    return None if x is None else _Shaped(x.shape)


class _Shaped:
    def __init__(self, shape):
        self.shape = shape


def test_same_random_state_same_weights_and_init_weights_changes_nothing():
    networks = []
    for _ in range(2):
        torch.manual_seed(3)
        networks.append(ResNetUNet(depth=18, decoder_channels=NARROW))
    networks[1].init_weights()
    for first, second in zip(networks[0].state_dict().values(), networks[1].state_dict().values(), strict=True):
        assert torch.equal(first, second)


def test_memory_format_and_folded_norms_change_nothing():
    torch.manual_seed(0)
    network = ResNetUNet(in_channels=4, depth=18, decoder_channels=NARROW)
    x = torch.randn(2, 4, 64, 64)
    network(x)  # gives the norms statistics
    network.eval()
    with torch.no_grad():
        expected = network(x)[0]
        assert expected.is_contiguous(memory_format=torch.channels_last)
        network.channels_last = False
        torch.testing.assert_close(network(x)[0], expected, rtol=1e-4, atol=1e-4)
        network.switch_to_deploy()
        assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
        torch.testing.assert_close(network(x)[0], expected, rtol=1e-4, atol=1e-4)
        network.switch_to_deploy()


def test_folding_in_training_mode_is_refused():
    with pytest.raises(RuntimeError, match=r"call eval\(\) first"):
        ResNetUNet(depth=18, decoder_channels=NARROW).switch_to_deploy()


def test_without_attention_there_is_none():
    names = ResNetUNet(depth=18, decoder_channels=NARROW, attention=False).state_dict()
    assert not [name for name in names if "weigh_" in name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"depth": 101}, r"depth=101: expected one of \(18, 34, 50\)"), ({"decoder_channels": (8, 8)}, "expected five widths")],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ResNetUNet(**arguments)


@pytest.mark.parametrize("name", ["ResNetUNet", "rs_da_mm.ResNetUNet"])
def test_shipped_config_builds_and_trains(name):
    settings = Config.fromfile(shipped_configs() / "_base_" / "models" / "resnet_unet.py").model
    settings.backbone.update(type=name, depth=18, decoder_channels=(*NARROW[:-1], 64), in_channels=4)
    with DefaultScope.overwrite_default_scope("mmseg"):
        model = MODELS.build(settings)
    head = {key: tuple(tensor.shape) for key, tensor in model.decode_head.named_parameters()}
    assert head == {
        "conv_seg.weight": (2, 64, 1, 1),
        "conv_seg.bias": (2,),
        "convs.0.conv.weight": (64, 64, 3, 3),
        "convs.0.bn.weight": (64,),
        "convs.0.bn.bias": (64,),
    }
    x = torch.rand(2, 4, 40, 52)
    assert model.encode_decode(x, [{"img_shape": (40, 52)}] * 2).shape == (2, 2, 40, 52)
    model.decode_head.forward(model.extract_feat(x)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_shipped_config_is_the_papers_network():
    settings = Config.fromfile(shipped_configs() / "_base_" / "models" / "resnet_unet.py").model
    with DefaultScope.overwrite_default_scope("mmseg"), torch.device("meta"):
        backbone = MODELS.build(settings.backbone)
        assert sum(p.numel() for p in backbone.parameters()) == sum(p.numel() for p in ResNetUNet(depth=50).parameters())
