from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rs_da_mm import partial_files
from rs_da_mm.partial_files import begin_partial, publish


def names(folder: Path) -> list[str]:
    """The files in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def _forget_swept_folders(monkeypatch):
    monkeypatch.setattr(partial_files, "_swept", set())


@pytest.fixture
def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_two_partial_files_of_one_target_differ(tmp_path):
    target = tmp_path / "new" / "a.tif"
    one, two = begin_partial(target), begin_partial(target)
    assert one != two
    assert one.parent == target.parent
    assert one.suffix == ".tif"
    assert one.name.startswith(f".a.tif.partial-{os.getpid()}-")
    assert target.parent.is_dir()


def test_a_name_without_suffix_is_swept_too(tmp_path, dead_process):
    (tmp_path / f".last.partial-{dead_process}-{partial_files._host()}012abc").touch()
    begin_partial(tmp_path / "last")
    assert names(tmp_path) == []


def test_a_finished_file_takes_the_place(tmp_path):
    (tmp_path / "a.tif").write_text("old")
    new = begin_partial(tmp_path / "a.tif")
    new.write_text("new")
    publish(new, tmp_path / "a.tif")
    assert (tmp_path / "a.tif").read_text() == "new"
    assert names(tmp_path) == ["a.tif"]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a day must pass")
def test_what_dead_processes_left_goes_and_all_else_stays(tmp_path, dead_process):
    host = partial_files._host()
    gone = [
        f".a.tif.partial-{dead_process}-{host}012abc.tif",
        f".b.png.partial-{dead_process}-{host}012abc.png",
        f".a.tif.partial-{dead_process}-{host}012abc_{dead_process}_1.ovr.tmp",  # of GDAL
    ]
    stays = [
        f".a.tif.partial-{os.getpid()}-{host}012abc.tif",  # alive
        f".a.tif.partial-{dead_process}-{'0' * 6}012abc.tif",  # another host's
        f"a.tif.partial-{dead_process}-{host}012abc.tif",  # not ours: not hidden
        ".a.tif.partial-notes.tif",
    ]
    for name in [*gone, *stays]:
        (tmp_path / name).touch()
    begin_partial(tmp_path / "a.tif")
    assert names(tmp_path) == sorted(stays)


def test_a_folder_is_looked_through_once(tmp_path, dead_process):
    begin_partial(tmp_path / "a.tif")
    late = tmp_path / f".a.tif.partial-{dead_process}-{partial_files._host()}012abc.tif"
    late.touch()
    begin_partial(tmp_path / "b.tif")
    assert late.exists()


def test_where_processes_cannot_be_looked_up_a_day_must_pass(tmp_path, dead_process, monkeypatch):
    left = tmp_path / f".a.tif.partial-{dead_process}-{partial_files._host()}012abc.tif"
    left.touch()
    monkeypatch.setattr(partial_files, "_POSIX", False)
    begin_partial(tmp_path / "a.tif")
    assert left.exists()
    monkeypatch.setattr(partial_files, "_swept", set())
    os.utime(left, (0, 0))
    begin_partial(tmp_path / "a.tif")
    assert not left.exists()
