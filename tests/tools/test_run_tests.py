"""What the test command runs, and how it ends."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))
run_tests = importlib.import_module("run_tests")


def steps(*words: str, cores: int = 2) -> dict[str, list[str]]:
    arguments, for_pytest = run_tests.parse_arguments(list(words))
    return {step.title: step.command for step in run_tests.plan("python", arguments, for_pytest, cores)}


def test_without_options_everything_is_checked_on_every_core():
    planned = steps()
    assert list(planned) == ["ruff check", "ruff format", "mypy --strict", "pytest, quick tests"]
    assert planned["pytest, quick tests"] == ["python", "-m", "pytest", "-n", "2"]


def test_one_core_needs_no_workers():
    assert steps(cores=1)["pytest, quick tests"] == ["python", "-m", "pytest"]


def test_the_slow_tests_have_the_machine_to_themselves():
    assert steps("--slow") == {"pytest, slow tests": ["python", "-m", "pytest", "-m", "slow"]}


def test_the_other_stack_runs_the_tests_only():
    assert list(steps("--stack", "onedl")) == ["pytest, quick tests"]


def test_other_words_go_to_pytest():
    assert steps("tests/raster", "-k", "window", "-n0") == {
        "pytest, quick tests": ["python", "-m", "pytest", "tests/raster", "-k", "window", "-n0"]
    }


@pytest.mark.parametrize(("code", "status", "told"), [("pass", 0, "All checks passed."), ("exit(4)", 1, "1 of 2 checks failed.")])
def test_the_summary_and_the_status_tell_the_same(monkeypatch, capsys, code, status, told):
    monkeypatch.setattr(run_tests._setup_env, "prepare", lambda _: Path(sys.executable))
    monkeypatch.setattr(run_tests, "plan", lambda *_: [run_tests.Step("one", [sys.executable, "-c", code])])
    monkeypatch.setattr(sys, "argv", ["run_tests.py"])
    assert run_tests.main() == status
    assert told in capsys.readouterr().out
