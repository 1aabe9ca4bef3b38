from __future__ import annotations

import json

import pytest

from rs_da_mm.datasets.provenance import Provenance, plain
from rs_da_mm.errors import DatasetError

BEFORE = Provenance({"window_size": [256, 256], "edge": "drop"}, {"a": "1", "b": "2", "c": "3"})


def test_it_survives_json():
    assert Provenance.from_json(json.loads(json.dumps(BEFORE.to_json()))) == BEFORE


def test_nothing_differs_from_itself():
    assert BEFORE.differences(Provenance(dict(BEFORE.parameters), dict(BEFORE.scenes))) == []
    BEFORE.require(BEFORE, "x.json", "split")


def test_every_difference_is_named():
    now = Provenance({"window_size": [512, 512], "edge": "drop"}, {"a": "1", "b": "9", "d": "4"})
    assert BEFORE.differences(now) == [
        "window_size was [256, 256] and is [512, 512]",
        "changed files of 'b'",
        "new scenes 'd'",
        "missing scenes 'c'",
    ]


def test_many_scenes_are_counted():
    gone = BEFORE.differences(Provenance(BEFORE.parameters, {}))
    assert gone == ["missing scenes 'a', 'b', 'c'"]
    now = Provenance(BEFORE.parameters, {**BEFORE.scenes, **{f"x{i}": "" for i in range(5)}})
    assert BEFORE.differences(now) == ["new scenes 'x0', 'x1', 'x2' and 2 more"]


def test_a_refusal_names_the_file_and_says_what_to_do():
    with pytest.raises(
        DatasetError, match=r"splits/x\.json: this split file no longer fits .*edge was \"drop\" and is \"pad\".* Delete the file"
    ):
        BEFORE.require(Provenance({**BEFORE.parameters, "edge": "pad"}, BEFORE.scenes), "splits/x.json", "split")


def test_the_fingerprint_is_of_the_files_and_the_short_name_of_the_settings():
    other_files = Provenance(BEFORE.parameters, {"a": "9"})
    other_settings = Provenance({"edge": "pad"}, BEFORE.scenes)
    assert BEFORE.fingerprint != other_files.fingerprint
    assert BEFORE.fingerprint == other_settings.fingerprint
    assert BEFORE.short_name == other_files.short_name
    assert BEFORE.short_name != other_settings.short_name


def test_plain_is_what_json_gives_back():
    assert plain({"a": (1, 2.5), "b": None}) == {"a": [1, 2.5], "b": None}
