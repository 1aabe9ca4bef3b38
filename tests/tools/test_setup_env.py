"""The set-up step, with commands that are recorded instead of run: no network, and no environment but in a temporary folder."""

from __future__ import annotations

import ast
import importlib
import json
import os
import shutil
import sys
from collections import namedtuple
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools"
sys.path.append(str(TOOLS))
setup_env = importlib.import_module("_setup_env")
stacks = importlib.import_module("_stacks")
logged_run = importlib.import_module("_logged_run")

UPSTREAM, ONEDL = stacks.STACKS["upstream"], stacks.STACKS["onedl"]
BEFORE_3_10 = ("_setup_env.py", "_stacks.py", "_logged_run.py", "quickstart.py", "run_tests.py")
Usage = namedtuple("Usage", "total used free")


class Recorder:
    """Stands in for running commands: writes down what was asked, and does to the disk what pip and venv would do."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands: list[list[str]] = []
        self.fails_at = ""
        self.stops_at = ""
        self.imports_from = root

    def __call__(self, command, folder, log):
        self.commands.append(list(command))
        text = " ".join(command)
        assert folder == self.root
        if self.stops_at and self.stops_at in text:
            raise KeyboardInterrupt
        if self.fails_at and self.fails_at in text:
            return logged_run.Finished(1, "\n".join(f"line {number}" for number in range(30)))
        if "-m venv" in text:
            place = Path(command[-1])
            python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
            python.parent.mkdir()
            python.touch()
            (place / "site-packages").mkdir()
            (place / "pyvenv.cfg").write_text("home = /usr\nversion = {}.{}.1\n".format(*sys.version_info[:2]))
        if "sysconfig" in text:
            return logged_run.Finished(0, f"{Path(command[0]).parents[1] / 'site-packages'}\n")
        if "import pathlib, rs_da_mm" in text:
            return logged_run.Finished(0, f"a warning\n{self.imports_from}\n")
        return logged_run.Finished(0, "")

    def texts(self) -> list[str]:
        return [" ".join(command[1:]) for command in self.commands]


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Path:
    root = tmp_path / "clone"
    root.mkdir()
    for name in ("constraints.txt", "constraints-onedl.txt", "setup.py"):
        shutil.copy(ROOT / name, root)
    monkeypatch.setattr(setup_env.shutil, "disk_usage", lambda _: Usage(2**40, 0, 2**40))
    monkeypatch.setattr(stacks, "OLDEST_PYTHON", sys.version_info[:2])
    return root


@pytest.fixture
def recorder(clone) -> Recorder:
    return Recorder(clone)


def make(clone: Path, recorder: Recorder, stack=UPSTREAM, **settings) -> object:
    # Whatever Python runs the tests, it is one that the stack admits.
    admits = stacks.Stack(**{**vars(stack), "newest_python": sys.version_info[:2]})
    return setup_env.SetUp(admits, root=clone, run=recorder, **settings)


def stamp(folder: Path) -> dict:
    return json.loads((folder / setup_env.STAMP).read_text())


def test_a_fresh_clone_gets_an_environment(clone, recorder, capsys):
    python = make(clone, recorder).prepare()
    assert python.parent.parent == clone / ".venv"
    assert [text[:25] for text in recorder.texts()] == [
        "-m venv --prompt rs_da_mm",
        "-m pip install --progress",
        "setup.py -q link_for_mim ",
        "-c import sysconfig; prin",
        "-m pip check",
        "-I -c import pathlib, rs_",
    ]
    assert recorder.texts()[1].endswith("-r constraints.txt")
    assert (clone / ".venv" / "site-packages" / "rs_da_mm.pth").read_text() == f"{clone}\n"
    assert stamp(clone / ".venv")["state"] == "complete"
    told = capsys.readouterr().out
    assert "minute" in told
    assert "constraints.txt" in told
    assert "pip check is clean" in told


def test_the_second_time_runs_nothing(clone, recorder, capsys):
    make(clone, recorder).prepare()
    recorder.commands.clear()
    make(clone, recorder).prepare()
    assert recorder.commands == []
    assert "is up to date" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["constraints.txt", "setup.py"])
def test_other_versions_are_installed_into_the_same_environment(clone, recorder, source):
    make(clone, recorder).prepare()
    kept = clone / ".venv" / "kept"
    kept.touch()
    recorder.commands.clear()
    with (clone / source).open("a") as file:
        file.write("# changed\n")
    make(clone, recorder).prepare()
    assert not any("venv" in text for text in recorder.texts())
    assert any(text.endswith("-r constraints.txt") for text in recorder.texts())
    assert kept.exists()


def test_an_interrupted_environment_is_made_anew(clone, recorder):
    recorder.stops_at = "-m pip install"
    with pytest.raises(KeyboardInterrupt):
        make(clone, recorder).prepare()
    assert stamp(clone / ".venv")["state"] == "unfinished"
    half = clone / ".venv" / "half-installed"
    half.touch()
    recorder.stops_at = ""
    make(clone, recorder).prepare()
    assert not half.exists()
    assert stamp(clone / ".venv")["state"] == "complete"


def test_an_environment_killed_while_it_was_made_is_made_anew(clone, recorder):
    recorder.stops_at = "-m venv"
    with pytest.raises(KeyboardInterrupt):
        make(clone, recorder).prepare()
    recorder.stops_at = ""
    assert make(clone, recorder).prepare().exists()


def test_an_environment_of_the_users_own_is_left_alone(clone, recorder):
    (clone / ".venv").mkdir()
    (clone / ".venv" / "mine").write_text("precious")
    with pytest.raises(stacks.SetUpError, match=r"\.venv was not made by this tool.*--here"):
        make(clone, recorder).prepare()
    assert recorder.commands == []
    assert sorted(path.name for path in (clone / ".venv").iterdir()) == ["mine"]


def test_here_installs_into_the_active_environment_and_never_removes_it(clone, recorder, tmp_path, monkeypatch):
    active = tmp_path / "active"
    (active / "site-packages").mkdir(parents=True)
    (active / "bin").mkdir()
    (active / "bin" / "python").touch()
    (active / "mine").touch()
    monkeypatch.setattr(setup_env.sys, "prefix", str(active))
    monkeypatch.setattr(setup_env.sys, "executable", str(active / "bin" / "python"))
    recorder.stops_at = "-m pip install"
    with pytest.raises(KeyboardInterrupt):
        make(clone, recorder, here=True).prepare()
    recorder.stops_at = ""
    make(clone, recorder, here=True).prepare()
    assert (active / "mine").exists()
    assert not (clone / ".venv").exists()
    assert not any("-m venv" in text for text in recorder.texts())
    assert stamp(active) == {"state": "complete", "made_here": False, "fingerprint": stamp(active)["fingerprint"]}


def test_onedls_mmcv_is_built_afresh_and_first(clone, recorder):
    make(clone, recorder, ONEDL).prepare()
    installs = [text for text in recorder.texts() if "pip install" in text]
    assert installs[0].endswith("--no-cache-dir --no-deps onedl-mmcv==2.3.6")
    assert installs[1].endswith("-r constraints-onedl.txt")
    assert (clone / ".venv-onedl").is_dir()
    assert not (clone / ".venv").exists()


def test_a_failing_command_is_told_with_its_last_lines(clone, recorder):
    recorder.fails_at = "-r constraints.txt"
    with pytest.raises(stacks.SetUpError) as caught:
        make(clone, recorder).prepare()
    told = str(caught.value)
    assert "status 1" in told
    assert "-m pip install --progress-bar off -r constraints.txt" in told
    assert [f"line {number}" in told for number in (9, 10, 29)] == [False, True, True]
    assert setup_env.LOG in told
    assert stamp(clone / ".venv")["state"] == "unfinished"


def test_a_broken_result_is_no_environment(clone, recorder):
    recorder.fails_at = "-m pip check"
    with pytest.raises(stacks.SetUpError, match="pip check"):
        make(clone, recorder).prepare()
    assert stamp(clone / ".venv")["state"] == "unfinished"


def test_another_copy_of_the_package_is_noticed(clone, recorder, tmp_path):
    recorder.imports_from = tmp_path / "elsewhere"
    with pytest.raises(stacks.SetUpError, match=r"elsewhere.*pip uninstall rs_da_mm"):
        make(clone, recorder).prepare()


def test_a_full_disk_is_told_before_anything_is_done(clone, recorder, monkeypatch):
    monkeypatch.setattr(setup_env.shutil, "disk_usage", lambda _: Usage(2**40, 0, 3 * 2**30))
    with pytest.raises(stacks.SetUpError, match=r"has 3\.0 GiB free, and the set-up needs about \d+\.\d GiB"):
        make(clone, recorder).prepare()
    assert recorder.commands == []
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize(
    ("version", "stack", "message"),
    [
        ((3, 9), UPSTREAM, r"is Python 3\.9; the upstream stack runs on 3\.10 to 3\.12\. Use one of those: python3\.12"),
        ((3, 13), UPSTREAM, r"3\.10 to 3\.12\. Add `--stack onedl`, which runs on 3\.13"),
        ((3, 14), UPSTREAM, r"3\.10 to 3\.12\. Use one of those: python3\.12"),
        ((3, 14), ONEDL, r"the onedl stack runs on 3\.10 to 3\.13\. Use one of those: python3\.13"),
    ],
)
def test_a_python_that_does_not_fit_is_told_which_one_does(version, stack, message):
    with pytest.raises(stacks.SetUpError, match=message):
        stacks.check_python(version, stack, None)


@pytest.mark.parametrize(("version", "stack"), [((3, 10), UPSTREAM), ((3, 12), UPSTREAM), ((3, 10), ONEDL), ((3, 13), ONEDL)])
def test_pythons_that_fit_pass(version, stack):
    stacks.check_python(version, stack, None)


def test_an_environment_of_another_python_is_named(tmp_path):
    with pytest.raises(stacks.SetUpError, match=r"\.venv holds Python 3\.9.*after removing"):
        stacks.check_python((3, 9), UPSTREAM, tmp_path / ".venv")


def test_requirements_are_read_without_their_reasons():
    wanted = stacks.read_requirements(ROOT / "constraints.txt")
    assert wanted["torch"] == "torch==2.11.0"
    assert wanted["setuptools"] == "setuptools>=77,<81"
    assert wanted["regex"] == "regex"


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("  Downloading torch-2.11.0-cp311.whl (530.7 MB)\n", "Downloading torch-2.11.0-cp311.whl (530.7 MB)"),
        ("  Using cached torch-2.11.0-cp311.whl (530.7 MB)\n", "Using cached torch-2.11.0-cp311.whl (530.7 MB)"),
        ("  Downloading huge.whl (1.2 GB)\n", "Downloading huge.whl (1.2 GB)"),
        ("  Downloading small.whl (9.9 MB)\n", ""),
        ("  Downloading tiny.whl (62 kB)\n", ""),
        ("  Building wheel for face-alignment (pyproject.toml): started\n", "Building face-alignment"),
        ("  Building wheel for face-alignment (pyproject.toml): finished with status 'done'\n", ""),
        ("Installing collected packages: a, b, c\n", "Installing 3 packages"),
        ("Collecting torch==2.11.0\n", ""),
        ("\n", ""),
    ],
)
def test_progress_shows_what_a_person_waits_for(line, note):
    assert logged_run.progress_note(line) == note


def test_a_command_is_logged_and_has_no_keyboard(tmp_path):
    log = tmp_path / "log"
    code = "import sys; print('out'); print('err', file=sys.stderr); print(len(sys.stdin.read())); sys.exit(3)"
    done = logged_run.run_logged([sys.executable, "-c", code], tmp_path, log)
    assert done.status == 3
    assert sorted(done.output.split()) == ["0", "err", "out"]
    assert "err" in log.read_text()


@pytest.mark.parametrize("name", BEFORE_3_10)
def test_an_old_python_can_read_these_files(name):
    tree = ast.parse((TOOLS / name).read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    beside = {Path(each).stem for each in BEFORE_3_10}
    assert {each.split(".")[0] for each in imported} <= set(sys.stdlib_module_names) | beside
