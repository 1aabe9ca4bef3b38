from __future__ import annotations

import torch
import torch.nn.functional as F

from rs_da_mm.models.unets.resnet_unet import UpBlock
from rs_da_mm.models.unets.squeeze_excitation import SpatialChannelAttention


def test_formula():
    torch.manual_seed(0)
    attention = SpatialChannelAttention(32).double()
    x = torch.randn(2, 32, 5, 4, dtype=torch.float64)
    mean = x.mean((2, 3))
    hidden = F.relu(mean @ attention.reduce.weight.flatten(1).T + attention.reduce.bias)
    channels = torch.sigmoid(hidden @ attention.expand.weight.flatten(1).T + attention.expand.bias)
    pixels = torch.sigmoid(torch.einsum("nchw,c->nhw", x, attention.pixel.weight.flatten()) + attention.pixel.bias)
    expected = x * channels[:, :, None, None] + x * pixels[:, None]
    torch.testing.assert_close(attention(x), expected)


def test_a_narrow_map_keeps_one_hidden_channel():
    assert SpatialChannelAttention(8).reduce.out_channels == 1


def test_decoder_of_the_authors_widths_has_their_parameters():
    """3,236,286 were counted in the authors' translator, of which 645 are an attention that is never used; it has no norms."""
    blocks = [(512, 256, 256), (256, 128, 128), (128, 64, 64), (64, 0, 32)]
    counted = 0
    for block in (UpBlock(*widths, attention=True) for widths in blocks):
        counted += sum(parameter.numel() for name, parameter in block.named_parameters() if not name.startswith("bn"))
    assert counted == 3_236_286 - 645
