from __future__ import annotations

import pytest
import torch

from rs_da_mm.models.weight_names import is_inflatable, match_names


def shaped(**shapes):
    return {name.replace("_", "."): torch.zeros(shape) for name, shape in shapes.items()}


OWN = shaped(conv1_weight=(4, 5, 7, 7), layer1_0_conv_weight=(4, 4, 3, 3), layer1_1_conv_weight=(4, 4, 3, 3), head_weight=(2, 4))


@pytest.mark.parametrize("off", ["", "backbone.", "module.backbone.", "a.b.c."])
@pytest.mark.parametrize("ahead", ["", "encoder.", "backbone.encoder."])
def test_leading_segments_are_found(off, ahead):
    own = {ahead + name: tensor for name, tensor in OWN.items()}
    weights = {off + name: tensor for name, tensor in OWN.items() if not name.startswith("head")}
    weights[off + "conv1.weight"] = torch.zeros(4, 3, 7, 7)
    weights[off + "fc.weight"] = torch.zeros(10, 4)
    assert match_names(own, weights) == {
        ahead + name: off + name for name in ("conv1.weight", "layer1.0.conv.weight", "layer1.1.conv.weight")
    }


def test_names_that_need_no_change_are_preferred():
    own = {**OWN, **{f"copy.{name}": tensor for name, tensor in OWN.items()}}
    assert match_names(own, OWN) == {name: name for name in OWN}


def test_a_given_prefix_is_the_only_one():
    weights = {**{f"teacher.{name}": tensor for name, tensor in OWN.items()}, "student.head.weight": torch.zeros(2, 4)}
    assert match_names(OWN, weights, prefix="student.") == {"head.weight": "student.head.weight"}
    assert match_names(OWN, weights, prefix="nobody.") == {}


def test_what_has_another_shape_does_not_fit():
    weights = {name: torch.zeros(1) for name in OWN}
    assert match_names(OWN, weights) == {}
    weights["head.weight"] = torch.zeros(2, 4)
    assert match_names(OWN, weights) == {"head.weight": "head.weight"}


@pytest.mark.parametrize(
    ("weight", "own", "fits"),
    [
        ((8, 3, 7, 7), (8, 5, 7, 7), True),
        ((8, 3, 7, 7), (8, 3, 7, 7), True),
        ((8, 3, 7, 7), (8, 5, 3, 3), False),
        ((8, 3, 7, 7), (9, 5, 7, 7), False),
        ((8, 4, 7, 7), (8, 5, 7, 7), False),
        ((8, 3), (8, 5), False),
    ],
)
def test_only_first_convolutions_for_three_bands_are_inflatable(weight, own, fits):
    assert is_inflatable(torch.zeros(weight), torch.zeros(own)) is fits
