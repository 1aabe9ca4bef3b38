"""One process at a time on a folder."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rs_da_mm.folder_locks import FolderLock


def test_a_lock_is_held_until_it_is_given_back(tmp_path):
    first, second = FolderLock(tmp_path / "new"), FolderLock(tmp_path / "new")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    first.release()
    assert second.acquire()
    second.release()


@pytest.mark.skipif(sys.platform == "win32", reason="handles are passed on on POSIX systems")
def test_a_child_keeps_it_when_the_parent_is_gone(tmp_path):
    lock = FolderLock(tmp_path)
    assert lock.acquire()
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, pass_fds=lock.handles)
    lock.release()  # as if this process had been killed
    assert not FolderLock(tmp_path).acquire()
    child.communicate(b"\n")
    again = FolderLock(tmp_path)
    assert again.acquire()
    again.release()
