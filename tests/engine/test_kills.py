"""SIGKILL at any moment loses nothing: the resumed run ends with the weights of a run that was never killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the runs are forked")


def check(kind, folder, *words):
    command = [sys.executable, TESTS / "kill_runs.py", kind, folder, *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=900, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads((folder / "found.json").read_text())
    whole = found.pop("whole")
    assert len(found) >= 10
    for name, run in found.items():
        assert run["killed"] == -signal.SIGKILL, f"not killed {name}"
        assert run["resumed"] == 0, f"killed {name}: {ended.stderr[-3000:]}"
        assert run["differences"] == [], name
        assert run["files"] == whole, name
        assert run["leftovers"] == [], name


def test_a_small_gan(tmp_path):
    check("gan", tmp_path)


@pytest.mark.slow
def test_a_segmentor(tmp_path, miniatures):
    check("segmentor", tmp_path, miniatures)
