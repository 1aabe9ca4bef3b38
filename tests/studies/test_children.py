"""Tools as processes of their own."""

from __future__ import annotations

import signal
import sys
import time

import pytest

from rs_da_mm.studies.children import Child, StopRequest, last_error

PYTHON = (sys.executable, "-S", "-c")


def finish(child):
    for _ in range(500):
        status = child.poll()
        if status is not None:
            return status
        time.sleep(0.02)
    raise TimeoutError


def test_what_a_child_says_is_in_its_log_after_what_was_there(tmp_path):
    for _ in range(2):
        script = "import os, sys; print('hello', os.environ['X']); print('error: so what', file=sys.stderr); sys.exit(3)"
        child = Child((*PYTHON, script), tmp_path / "a" / "log.txt", {"X": "1"})
        assert finish(child) == 3
        assert child.tail().count("hello 1") == 1
        assert last_error(child.tail()) == "so what"
    assert (tmp_path / "a" / "log.txt").read_text().count("hello 1") == 2


def test_a_child_has_no_keyboard(tmp_path):
    child = Child((*PYTHON, "import sys; sys.exit(len(sys.stdin.read()))"), tmp_path / "log.txt", {})
    assert finish(child) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_child_is_asked_to_stop_by_sigterm_and_can_be_killed(tmp_path):
    wait = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *a: {}); print('x', flush=True); time.sleep(60)"
    child = Child((*PYTHON, wait.format("sys.exit(75)")), tmp_path / "log.txt", {})
    while "x\n" not in child.tail():
        time.sleep(0.02)
    child.ask_to_stop()
    assert finish(child) == 75
    stubborn = Child((*PYTHON, wait.format("None")), tmp_path / "log2.txt", {})
    while "x\n" not in stubborn.tail():
        time.sleep(0.02)
    stubborn.ask_to_stop()
    time.sleep(0.1)
    assert stubborn.poll() is None
    stubborn.kill()
    assert finish(stubborn) == -signal.SIGKILL


def test_reasons():
    assert last_error("$ python train.py\nTraceback\n  x\nValueError: no\n") == "ValueError: no"
    assert last_error("error: first\nbar 3%\rbar 4%\n") == "first"
    assert last_error("\n") == "it said nothing"


def test_a_signal_is_remembered_and_two_at_once_are_one(monkeypatch):
    now = [10.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest() as stop:
        assert (stop.signals, stop.status) == ([], 75)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        now[0] += 5
        signal.raise_signal(signal.SIGINT)
    assert stop.signals == [signal.SIGTERM, signal.SIGINT]
    assert stop.status == 75
    assert signal.getsignal(signal.SIGTERM) is before
