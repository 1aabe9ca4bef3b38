"""What two outputs depend on is compared entry by entry."""

from __future__ import annotations

import math

from rs_da_mm.inference.resumable.identity import differences


def test_equal():
    identity = {"model": {"sha256": "ab", "sizes": [1, 2]}, "nodata": math.nan, "none": None, "empty": {}}
    assert differences(identity, dict(identity)) == []


def test_each_difference_is_named_with_both_values():
    before = {"model": {"sha256": "ab", "tta": True}, "window": [512, 512]}
    now = {"model": {"sha256": "cd", "tta": True}, "window": [512, 512], "overlap": 0.5}
    assert differences(before, now) == [
        'model.sha256 was "ab" and is "cd"',
        "overlap was not given and is 0.5",
    ]


def test_one_is_not_true():
    assert differences({"a": 1}, {"a": True})
