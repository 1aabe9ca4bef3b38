from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.fileio import get_file_backend

from rs_da_mm.engine.checkpoints.storage import ATOMIC


def test_it_is_mmengines_backend_by_name(tmp_path):
    backend = get_file_backend(str(tmp_path), backend_args={"backend": ATOMIC})
    backend.put(b"weights", tmp_path / "a" / "b.pth")
    backend.put_text("größer", tmp_path / "c.txt")
    assert (tmp_path / "a" / "b.pth").read_bytes() == b"weights"
    assert backend.get_text(tmp_path / "c.txt") == "größer"


def test_what_does_not_read_back_never_takes_its_place(tmp_path, monkeypatch):
    backend = get_file_backend(str(tmp_path), backend_args={"backend": ATOMIC})
    backend.put(b"old", tmp_path / "a.pth")
    opened = Path.open

    def failing_disk(path, mode="r", *args, **kwargs):
        if mode == "rb" and ".partial-" in path.name:
            Path(path).write_bytes(b"nXw")
        return opened(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", failing_disk)
    with pytest.raises(OSError, match=r"does not read back as it was written \(byte 0 of 3\)"):
        backend.put(b"new", tmp_path / "a.pth")
    assert (tmp_path / "a.pth").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.pth"]
