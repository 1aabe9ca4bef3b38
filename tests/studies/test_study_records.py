"""Records of runs, and what differs between two."""

from __future__ import annotations

import hashlib

import pytest

from rs_da_mm.studies.fields import StudyError
from rs_da_mm.studies.records import DONE, Record, describe_differences, fingerprint, hash_file, identity_differences, read_record

IDENTITY = {"config": {"train_cfg": {"max_epochs": 3}, "list": [1, {"a": 2}]}, "data": {}}


def test_a_record_reads_back_the_same(tmp_path):
    assert read_record(tmp_path) is None
    record = Record(DONE, IDENTITY, ("train.py", "x"), "log.txt", 2, 1.5, 0, "", {"budget": {}})
    record.write(tmp_path)
    assert read_record(tmp_path) == record
    assert record.fingerprint in (tmp_path / "run.json").read_text()


def test_a_damaged_record_is_told(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(StudyError, match="is no record of a run"):
        read_record(tmp_path)


def test_the_order_of_keys_does_not_matter_and_values_do():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1}) != fingerprint({"a": 1, "b": 3})


def test_differences_name_the_key():
    now = {"config": {"train_cfg": {"max_epochs": 4}, "list": [1, {"a": 2, "b": None}], "new": "x" * 90}, "data": {}}
    assert identity_differences(IDENTITY, now) == [
        "config.train_cfg.max_epochs was 3 and is 4",
        f'config.new was not there and is "{"x" * 59}…',
    ]
    assert describe_differences(IDENTITY, now).startswith("train_cfg.max_epochs was 3 and is 4; new was")
    many = describe_differences({"config": dict.fromkeys("abcdefg", 1)}, {"config": dict.fromkeys("abcdefg", 2)})
    assert many.endswith("e was 1 and is 2; and 2 more")
    assert identity_differences({"a": [1]}, {"a": [1, 2]}) == ["a was [1] and is [1, 2]"]


def test_hash_of_a_file(tmp_path):
    (tmp_path / "x").write_bytes(b"abc" * 700_000)
    assert hash_file(tmp_path / "x") == hashlib.sha256(b"abc" * 700_000).hexdigest()
