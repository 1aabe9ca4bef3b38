from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rs_da_mm.raster import partial
from rs_da_mm.raster.partial import begin_partial, discard, publish


def names(folder: Path) -> list[str]:
    """The files in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def _forget_swept_folders(monkeypatch):
    monkeypatch.setattr(partial, "_swept", set())


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


def test_a_finished_file_takes_the_place_and_the_old_sidecars_go(tmp_path):
    target = tmp_path / "a.tif"
    for suffix in ("", ".msk", ".ovr", ".aux.xml"):
        (tmp_path / f"a.tif{suffix}").write_text("old")
    new = begin_partial(target)
    new.write_text("new")
    publish(new, target)
    assert target.read_text() == "new"
    assert names(tmp_path) == ["a.tif"]


def test_a_refusal_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.tif"
    target.write_text("old")
    with pytest.raises(OSError):
        publish(tmp_path / "missing.tif", target)
    assert target.read_text() == "old"


def test_discarding_takes_what_gdal_put_beside(tmp_path):
    new = begin_partial(tmp_path / "a.tif")
    new.touch()
    new.with_name(new.name + ".aux.xml").touch()
    discard(new)
    discard(new)
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="elsewhere a day must pass")
def test_what_dead_processes_left_goes_and_all_else_stays(tmp_path, dead_process):
    host = partial._host()
    gone = [f".a.tif.partial-{dead_process}-{host}012abc.tif", f".b.png.partial-{dead_process}-{host}012abc.png"]
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
    late = tmp_path / f".a.tif.partial-{dead_process}-{partial._host()}012abc.tif"
    late.touch()
    begin_partial(tmp_path / "b.tif")
    assert late.exists()


def test_where_processes_cannot_be_looked_up_a_day_must_pass(tmp_path, dead_process, monkeypatch):
    left = tmp_path / f".a.tif.partial-{dead_process}-{partial._host()}012abc.tif"
    left.touch()
    monkeypatch.setattr(partial, "_POSIX", False)
    begin_partial(tmp_path / "a.tif")
    assert left.exists()
    monkeypatch.setattr(partial, "_swept", set())
    os.utime(left, (0, 0))
    begin_partial(tmp_path / "a.tif")
    assert not left.exists()
