from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from rs_da_mm.engine import environment
from rs_da_mm.engine.environment import collect_environment, git_state, git_states

ROOT = Path(__file__).resolve().parents[2]
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def test_the_versions_are_those_that_are_imported():
    found = collect_environment()
    assert found["torch"] == torch.__version__
    assert found["NumPy"] == np.__version__
    assert found["Python"].split()[0] == sys.version.split()[0]
    assert {"OS", "CPU", "GPU", "mmengine", "mmcv", "mmseg", "mmagic", "rasterio", "GDAL", "PROJ", "OpenCV"} <= set(found)
    assert all(type(value) is str and value for value in found.values())


def test_nothing_in_it_names_the_machine_or_its_user(monkeypatch):
    monkeypatch.setattr("platform.node", lambda: "host-of-somebody")
    text = "\n".join(collect_environment().values())
    assert "host-of-somebody" not in text
    assert str(Path.home()) not in text


def test_forks_are_named(monkeypatch):
    versions = {"onedl-mmcv": "2.3.6"}

    def version(name):
        if name not in versions:
            raise environment.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(environment, "version", version)
    found = collect_environment()
    assert found["mmcv"] == "2.3.6 (onedl-mmcv)"
    assert found["mmseg"] == "not installed"


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit; gives its folder and a function that asks git."""
    folder = tmp_path / "repository"
    folder.mkdir()

    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=trunk", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", "-C", str(folder), *identity, *words], check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init")
    (folder / "config.py").write_text("a = 1\n", encoding="utf-8")
    git("add", "config.py")
    git("commit", "-m", "First")
    return folder, git


@needs_git
def test_the_state_of_a_repository(repository):
    folder, git = repository
    commit = git("rev-parse", "HEAD")
    assert git_state(folder) == {"commit": commit, "branch": "trunk", "dirty": False}
    (folder / "data.bin").write_bytes(b"unknown to git")
    assert git_state(folder)["dirty"] is False
    (folder / "config.py").write_text("a = 2\n", encoding="utf-8")
    assert git_state(folder)["dirty"] is True
    git("checkout", "--detach")
    assert git_state(folder) == {"commit": commit, "dirty": True}


@needs_git
def test_no_repository_and_no_commit_are_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert git_state(tmp_path / "nowhere") is None
    subprocess.run(["git", "init", str(tmp_path / "empty")], check=True, capture_output=True)
    assert git_state(tmp_path / "empty") is None


@pytest.mark.parametrize("failure", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 5)])
def test_git_that_is_missing_or_hangs_is_no_error(monkeypatch, failure):
    def fail(*_words, timeout, **_settings):
        assert timeout == 5
        raise failure

    monkeypatch.setattr(subprocess, "run", fail)
    assert git_state() is None
    assert git_states("config.py") == {}


@needs_git
def test_the_project_is_told_beside_the_package(repository, tmp_path, monkeypatch):
    folder, git = repository
    monkeypatch.chdir(ROOT)
    own = git_state()
    expected = {} if own is None else {"rs_da_mm": own}
    project = {"commit": git("rev-parse", "HEAD"), "branch": "trunk", "dirty": False}
    assert git_states(folder / "config.py") == {**expected, "project": project}
    assert git_states(ROOT / "configs" / "macunet_gid.py") == expected
    monkeypatch.chdir(folder)
    assert git_states() == {**expected, "project": project}
    assert git_states(tmp_path / "nowhere" / "config.py") == {**expected, "project": project}


@needs_git
def test_a_package_inside_somebodys_repository_is_not_taken_for_it(repository, monkeypatch):
    folder, _ = repository
    installed = folder / ".venv" / "rs_da_mm"
    installed.mkdir(parents=True)
    (installed / "version.py").write_text("", encoding="utf-8")
    monkeypatch.setattr(environment, "_PACKAGE", installed)
    assert git_state() is None


def test_the_tool_prints_it(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["collect_env.py"])
    runpy.run_path(str(ROOT / "tools" / "collect_env.py"), run_name="__main__")
    printed = capsys.readouterr().out.splitlines()
    assert f"torch: {torch.__version__}" in printed
    assert printed[0].startswith("rs_da_mm: ")
