from __future__ import annotations

import copy

import pytest
import torch

from rs_da_mm.errors import InputError
from rs_da_mm.models.losses.label_range import LabelRangeCheck


def _check(check: LabelRangeCheck, label: list[int]) -> None:
    values = torch.tensor(label)
    check(values, (values >= 0) & (values < 3), "there are 3 classes")


def test_at_once_on_a_cpu():
    check = LabelRangeCheck()
    _check(check, [0, 1, 2])
    with pytest.raises(InputError, match=r"value 9, but there are 3 classes\."):
        _check(check, [0, 9, -3])


def test_deferred_is_told_by_the_next_call_and_only_once():
    check = LabelRangeCheck(deferred=True)
    _check(check, [0, 1])
    _check(check, [-1, 2])
    with pytest.raises(InputError, match="value -1"):
        _check(check, [0, 1])
    _check(check, [0, 1])
    _check(check, [0, 1])


def test_a_copy_has_nothing_pending():
    check = LabelRangeCheck(deferred=True)
    _check(check, [7])
    _check(copy.deepcopy(check), [0])
