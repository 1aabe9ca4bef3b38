from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from rs_da_mm.datasets.samples import catalogue
from rs_da_mm.datasets.samples.miniature import Miniature

TOOL = Path(__file__).resolve().parents[3] / "tools" / "make_sample_data.py"


def write(folder, seed, size):
    (folder / "Images").mkdir()
    (folder / "Images/a.txt").write_text(f"{seed} {size}")


@pytest.fixture(autouse=True)
def _toy_miniatures(monkeypatch):
    for name in ("one", "two"):
        monkeypatch.setitem(catalogue.MINIATURES, name, Miniature(name, f"Set {name}", f"{name}/root", write))


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments)])
    runpy.run_path(str(TOOL), run_name="__main__")


def test_it_makes_what_is_named_and_says_so(tmp_path, monkeypatch, capsys):
    run(monkeypatch, "one", "two", "one", "--root", tmp_path, "--seed", 4, "--size", "small")
    said = capsys.readouterr().out
    assert said.count("written in") == 2
    assert said.count("SYNTHETIC SAMPLE DATA") == 2
    assert (tmp_path / "one/root/Images/a.txt").read_text() == "4 small"
    run(monkeypatch, "one", "--root", tmp_path, "--seed", 4, "--size", "small")
    assert "already there" in capsys.readouterr().out


def test_what_the_user_got_wrong_is_one_sentence(tmp_path, monkeypatch, capsys):
    (tmp_path / "one/root").mkdir(parents=True)
    (tmp_path / "one/root/real.tif").touch()
    with pytest.raises(SystemExit) as left:
        run(monkeypatch, "one", "--root", tmp_path, "--force")
    assert left.value.code == 1
    said = capsys.readouterr().err
    assert "real data set" in said
    assert "Traceback" not in said


def test_an_unknown_name_is_told_with_the_known_ones(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit) as left:
        run(monkeypatch, "three", "--root", tmp_path)
    assert left.value.code == 2
    assert "gid15" in capsys.readouterr().err


@pytest.mark.slow
def test_it_runs_from_anywhere(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, str(TOOL), "whdld", "--size", "small"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data/WHDLD/SAMPLE_DATA.txt").is_file()
    assert len(list((tmp_path / "data/WHDLD/Images").iterdir())) == 24
