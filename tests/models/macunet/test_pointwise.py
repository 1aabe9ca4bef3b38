from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from rs_da_mm.models.macunet.pointwise import add_reduced, reduce_maps

LAST, FIRST = torch.channels_last, torch.contiguous_format


def draw(channels, layout, dtype=torch.double):
    generator = torch.Generator().manual_seed(channels)
    return torch.randn(2, channels, 5, 4, dtype=dtype, generator=generator).contiguous(memory_format=layout)


@pytest.mark.parametrize("layouts", [(LAST, LAST, LAST), (LAST, FIRST, LAST), (FIRST, FIRST, FIRST)])
@pytest.mark.parametrize("gradients", [True, False])
def test_equals_the_convolution_of_the_concatenation(layouts, gradients):
    maps = [draw(channels, layout) for channels, layout in zip((3, 1, 4), layouts, strict=True)]
    weight = torch.randn(7, 8, 1, 1, dtype=torch.double)
    copies = [x.clone() for x in maps]
    with torch.set_grad_enabled(gradients):
        found = reduce_maps(maps, weight)
    torch.testing.assert_close(found, F.conv2d(torch.cat(maps, 1), weight))
    assert all(torch.equal(x, copy) for x, copy in zip(maps, copies, strict=True))


@pytest.mark.parametrize("layouts", [(LAST, LAST), (LAST, FIRST), (FIRST, LAST)])
@pytest.mark.parametrize("gradients", [True, False])
def test_adds_in_place(layouts, gradients):
    out, x = draw(6, layouts[0]), draw(3, layouts[1])
    weight = torch.randn(6, 3, 1, 1, dtype=torch.double)
    expected = out + F.conv2d(x, weight)
    with torch.set_grad_enabled(gradients):
        found = add_reduced(out, x, weight)
    assert found.data_ptr() == out.data_ptr()
    assert found.stride() == out.stride()
    torch.testing.assert_close(found, expected)


def test_gradients_flow():
    out, x = draw(2, LAST).requires_grad_(), draw(3, LAST).requires_grad_()
    weight = torch.randn(2, 3, 1, 1, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda out, x, weight: add_reduced(out.clone(), x, weight), (out, x, weight))
    assert torch.autograd.gradcheck(lambda x, weight: reduce_maps([x, x], torch.cat([weight, weight], 1)), (x, weight))


@pytest.mark.parametrize("gradients", [True, False])
def test_computes_in_the_precision_of_autocast(gradients):
    maps = [draw(8, LAST, torch.float32), draw(8, LAST, torch.bfloat16)]
    weight = torch.randn(4, 16, 1, 1)
    with torch.set_grad_enabled(gradients), torch.autocast("cpu", torch.bfloat16):
        found = reduce_maps(maps, weight)
    assert found.dtype == torch.bfloat16
    expected = F.conv2d(torch.cat([x.float() for x in maps], 1), weight)
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.1)
