"""What is finished, through torn lines and other runs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.errors import InputError
from rs_da_mm.inference.resumable.journal import Band, Journal
from rs_da_mm.raster import Window

IDENTITY = {"checkpoint": "ab12", "window": [512, 512], "source": {"fingerprint": "cd", "nodata": math.nan}}
BANDS = (
    Band(0, 8, (Window(0, 3, 8, 5), Window(0, 9, 4, 2)), "11"),
    Band(8, 30, (), "22", {"computed": 3, "unreadable": [[0, 1]]}),
    Band(30, 31, (), "33"),
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def written(path, bands=BANDS):
    journal = Journal(path, IDENTITY)
    for band in bands:
        journal.append(band)
    journal.close()
    return path.read_bytes()


def reopened(path):
    journal = Journal(path, IDENTITY)
    journal.close()
    return journal


def test_it_remembers(path):
    assert reopened(path).done_rows == 0
    written(path)
    journal = reopened(path)
    assert journal.bands == BANDS
    assert journal.done_rows == 31


def test_cut_at_any_byte_it_knows_the_bands_before_and_goes_on(path):
    content = written(path)
    ends = [place + 1 for place, byte in enumerate(content) if byte == ord("\n")]
    for length in range(len(content) + 1):
        path.write_bytes(content[:length])
        whole = sum(end <= length for end in ends)
        journal = Journal(path, IDENTITY)
        assert journal.bands == BANDS[: max(whole - 1, 0)]
        for band in BANDS[len(journal.bands) :]:
            journal.append(band)
        journal.close()
        assert path.read_bytes() == content


@given(st.binary(max_size=30))
def test_what_follows_a_damaged_line_counts_nothing(tmp_path_factory, garbage):
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    content = written(path, BANDS[:2])
    path.write_bytes(content + garbage + b"\n" + b'{"rows": [30, 31], "places": [], "sha256": "33"}\n')
    assert reopened(path).bands == BANDS[:2]
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "line", ['{"rows": [31, 40], "places": [], "sha256": ""}', '{"rows": [30, 30], "places": [], "sha256": ""}', "[]"]
)
def test_bands_that_do_not_follow_on_count_nothing(path, line):
    content = written(path, BANDS[:2])
    path.write_bytes(content + line.encode() + b"\n")
    assert reopened(path).bands == BANDS[:2]


def test_bands_can_be_forgotten(path):
    written(path)
    journal = Journal(path, IDENTITY)
    journal.cut(1)
    assert journal.bands == BANDS[:1]
    journal.append(BANDS[1])
    journal.close()
    assert reopened(path).bands == BANDS[:2]
    with pytest.raises(ValueError, match="do not follow on from 30"):
        reopened(path).append(BANDS[0])


def test_another_identity_is_refused_and_the_difference_named(path):
    content = written(path)
    other = {"checkpoint": "ab12", "window": [256, 256], "source": {"fingerprint": "ef", "nodata": math.nan}, "bf16": True}
    with pytest.raises(InputError) as caught:
        Journal(path, other)
    message = str(caught.value)
    for part in (
        "window was [512, 512] and is [256, 256]",
        'source.fingerprint was "cd" and is "ef"',
        "bf16 was not given and is true",
    ):
        assert part in message
    assert "checkpoint" not in message
    assert "nodata" not in message
    assert path.read_bytes() == content
