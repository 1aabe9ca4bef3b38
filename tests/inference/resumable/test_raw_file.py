"""Bytes at their places, and what is said when the disk refuses."""

from __future__ import annotations

import pytest
from tiny_scenes import Refusing

from rs_da_mm.errors import InputError
from rs_da_mm.inference.resumable.raw_file import RawFile


def test_bytes_are_written_and_read_at_their_places(tmp_path):
    file = RawFile(tmp_path / "a")
    file.write_at(3, b"xyz")
    into = bytearray(4)
    assert file.read_at(2, memoryview(into))
    assert into == b"\0xyz"
    assert not file.read_at(4, memoryview(into))
    file.resize(5)
    assert file.size == 5
    file.sync()
    file.close()
    file.close()
    assert (tmp_path / "a").read_bytes() == b"\0\0\0xy"


def test_a_full_disk_is_told_with_what_to_do(tmp_path):
    file = RawFile(tmp_path / "a")
    file._file = Refusing(file._file, 4)
    with pytest.raises(InputError, match=r"a cannot be written: No space left on device\. .* start again") as caught:
        file.write_at(0, b"123456")
    assert isinstance(caught.value.__cause__, OSError)
    file.close()


def test_a_file_that_cannot_be_opened_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be opened"):
        RawFile(tmp_path / "missing" / "a")
