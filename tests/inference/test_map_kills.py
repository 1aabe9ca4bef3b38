"""SIGKILL at any moment loses nothing but the rows under way: the map that comes of going on has the same bytes."""

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


def check(folder, how_many, moments):
    command = [sys.executable, "-W", "ignore", TESTS / "kill_maps.py", folder, how_many]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=900, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads((folder / "found.json").read_text())
    assert len(found) == moments
    for name, run in found.items():
        in_time = name.startswith("after 0.")  # when the machine is quicker than it was, the run may be through
        assert run["killed"] == -signal.SIGKILL or (in_time and run["killed"] == 0), f"not killed {name}"
        assert run["went_on"] == 0, f"killed {name}: {ended.stderr[-3000:]}"
        assert run["different"] == [], name
        assert run["left"] == [], name
        if "map.json" in run["half"]:
            assert "map.tif" in run["half"], f"{name}: a record without its map"
    return found


def test_a_few_moments(tmp_path):
    check(tmp_path, "few", 3)


@pytest.mark.slow
def test_ten_random_moments_and_every_step_of_the_way(tmp_path):
    found = check(tmp_path, "many", 15 + 10 + 3 + 1)
    assert sum(run["killed"] != 0 for run in found.values()) >= 25
    assert found["before the map is in its place"]["half"] != found["after the map is in its place"]["half"]
