"""One run per output."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rs_da_mm import folder_locks
from rs_da_mm.errors import InputError
from rs_da_mm.folder_locks import LOCK, FolderLock
from rs_da_mm.inference.resumable.output_lock import OutputLock


def test_the_second_run_is_refused_and_told_who_has_it(tmp_path):
    first, second = OutputLock(tmp_path / "out"), OutputLock(tmp_path / "out")
    first.acquire()
    with pytest.raises(InputError, match=rf"out is in use by process {os.getpid()} on {re.escape(platform.node())}, since 20"):
        second.acquire()
    (tmp_path / "out" / "holder.json").unlink()
    with pytest.raises(InputError, match="in use by another process"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_the_folder_goes_with_all_that_is_in_it(tmp_path):
    lock = OutputLock(tmp_path / "out")
    lock.acquire()
    (tmp_path / "out" / "part").mkdir()
    (tmp_path / "out" / "part" / "file").write_text("x")
    lock.remove_folder()
    assert not (tmp_path / "out").exists()
    lock.acquire()
    lock.release()
    assert (tmp_path / "out" / LOCK).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file stays in its place there")
def test_a_lock_on_a_file_that_was_taken_away_meanwhile_does_not_count(tmp_path, monkeypatch):
    """A run that opened the lock of a folder just before that was taken away must not believe that it has the new folder."""
    folder, acquire, calls = tmp_path / "out", FolderLock.acquire, []

    def acquire_late(self):
        done = acquire(self)
        if not calls:
            (folder / LOCK).unlink()  # by the run that was just finishing
        calls.append(done)
        return done

    monkeypatch.setattr(FolderLock, "acquire", acquire_late)
    lock = OutputLock(folder)
    lock.acquire()
    assert calls == [True, True]
    assert os.path.samestat(os.fstat(lock._lock.handles[0]), (folder / LOCK).stat())
    lock.release()


def test_a_dead_process_leaves_nothing_locked(tmp_path):
    program = "import os, sys; from pathlib import Path; sys.path[:0] = sys.argv[2:]; import folder_locks; "
    program += "assert folder_locks.FolderLock(Path(sys.argv[1])).acquire(); print('held', flush=True); input()"
    room = str(Path(folder_locks.__file__).parent)
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", program, str(tmp_path / "out"), room],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "held\n"
    lock = OutputLock(tmp_path / "out")
    with pytest.raises(InputError, match="in use"):
        lock.acquire()
    child.kill()
    child.communicate()
    lock.acquire()
    lock.release()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made or locked"):
        OutputLock(tmp_path / "file" / "out").acquire()
