"""Words in braces."""

from __future__ import annotations

import pytest

from rs_da_mm.studies.fields import StudyError
from rs_da_mm.studies.placeholders import check_placeholders, find_placeholders, substitute


def test_they_are_found_and_replaced_wherever_they_are():
    value = {"load_from": "{pretrain.checkpoint}", "list": ["a/{seed}/b", ("{seed}", 3)], "template": "epoch_{}.pth", "n": None}
    assert find_placeholders(value) == {"pretrain.checkpoint", "seed"}
    done = substitute(value, {"seed": 4, "pretrain.checkpoint": "x.pth"})
    assert done == {"load_from": "x.pth", "list": ["a/4/b", (4, 3)], "template": "epoch_{}.pth", "n": None}


def test_what_is_not_known_stays_and_can_be_refused():
    assert substitute("{pretrain.checkpoint}/{seed}", {"seed": 1}) == "{pretrain.checkpoint}/1"
    with pytest.raises(StudyError, match=r"here: \{pretrian\.checkpoint\} stands for nothing here\. Did you mean 'pretrain\."):
        check_placeholders({"x": "{pretrian.checkpoint}"}, {"pretrain.checkpoint": "", "seed": 0}, "here")
