from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rs_da_mm.files import atomic_write_bytes, atomic_write_json, atomic_write_text


def names(folder: Path) -> list[str]:
    """The files in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("content", [b"", b"\x00\r\n\xff" * 1000])
def test_bytes_are_written_as_they_are(tmp_path, content):
    atomic_write_bytes(tmp_path / "new" / "folder" / "a.bin", content)
    assert (tmp_path / "new" / "folder" / "a.bin").read_bytes() == content
    assert names(tmp_path / "new" / "folder") == ["a.bin"]


def test_an_old_file_is_replaced(tmp_path):
    path = tmp_path / "a.txt"
    atomic_write_text(path, "a longer text")
    atomic_write_text(str(path), "short")
    assert path.read_text(encoding="utf-8") == "short"


def test_text_is_utf8_with_unix_line_ends(tmp_path):
    atomic_write_text(tmp_path / "a.txt", "größer\n北京\n")
    assert (tmp_path / "a.txt").read_bytes() == "größer\n北京\n".encode()


def test_json_reads_back_and_is_readable(tmp_path):
    content = {"scenes": ["Straße"], "ratios": [0.6, 0.2], "none": None}
    atomic_write_json(tmp_path / "a.json", content)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == content
    assert "Straße" in text
    assert text.endswith("}\n")


@pytest.mark.parametrize("failing", ["write", "replace", "fsync"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, failing):
    path = tmp_path / "a.txt"
    atomic_write_text(path, "old")

    def fail(*_args: object) -> None:
        raise OSError("No space left on device")

    if failing == "replace":
        monkeypatch.setattr(Path, "replace", fail)
    elif failing == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((OSError, TypeError)):
        atomic_write_bytes(path, b"new" if failing != "write" else "no bytes")  # type: ignore[arg-type]
    assert path.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["a.txt"]


def test_what_json_has_no_form_for_changes_nothing(tmp_path):
    atomic_write_json(tmp_path / "a.json", [1])
    with pytest.raises(TypeError):
        atomic_write_json(tmp_path / "a.json", [object()])
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == [1]


def test_nothing_shows_before_the_end(tmp_path, monkeypatch):
    seen = []
    put = Path.replace

    def spy(partial: Path, target: Path) -> Path:
        seen.append((partial.read_bytes(), target.exists()))
        return put(partial, target)

    monkeypatch.setattr(Path, "replace", spy)
    atomic_write_bytes(tmp_path / "a.bin", b"content")
    assert seen == [(b"content", False)]
