"""tools/compare.py as a person runs it: a real study of two small networks and two seeds, disturbed and undisturbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

STUDY = """
title = 'Two small networks'
data = 'GID'
methods = [
    dict(name='ACU-Net', config='small.py', overrides={'model.backbone.multi_scale': False, 'model.backbone.attention': False}),
    dict(name='MACU-Net', config='small.py'),
]
seeds = [0, 1]
metrics = ['OA', 'mIoU']
budget = 'equal'
panels = 2
"""


@pytest.fixture
def study(two_iterations, tmp_path):
    config = two_iterations("macunet_gid")
    config.model.backbone.base_channels = 2
    config.model.decode_head.update(in_channels=2, channels=2)
    config.train_cfg.max_epochs = 5
    config.default_hooks.pop("early_stopping", None)
    config.dump(tmp_path / "small.py")
    (tmp_path / "study.py").write_text(STUDY, encoding="utf-8")
    return tmp_path / "study.py"


def start(study, out, *words):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    command = [sys.executable, str(ROOT / "tools" / "compare.py"), str(study), "--work-dir", str(out), *words]
    return subprocess.Popen(
        command, cwd=study.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process):
    output, _ = process.communicate(timeout=400)
    return process.returncode, output


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)


def child_of(process):
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])


def values(out):
    content = json.loads((out / "study" / "study.json").read_text(encoding="utf-8"))
    scores = {(run["method"], run["seed"]): run["scores"]["metrics"] for run in content["runs"]}
    budgets = [{k: v for k, v in one["budget"].items() if k != "seconds"} for one in content["trainings"]]
    return scores, budgets


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the training's process in /proc")
def test_a_study_that_is_killed_and_stopped_gives_the_table_of_one_that_is_not(study, tmp_path):
    disturbed, undisturbed = tmp_path / "disturbed", tmp_path / "undisturbed"
    first = disturbed / "study" / "ACU-Net" / "seed_0" / "train"
    second = disturbed / "study" / "MACU-Net" / "seed_0" / "train"

    process = start(study, disturbed)
    wait_for(first / "epoch_2.pth", process)
    os.kill(child_of(process), signal.SIGKILL)
    wait_for(second / "epoch_2.pth", process)
    process.send_signal(signal.SIGTERM)
    status, output = finish(process)
    assert status == 75, output
    assert "ACU-Net, seed 0, train: FAILED, ended with status -9" in output
    assert "MACU-Net, seed 0, train: stopped" in output
    assert "failed (see log)" in (disturbed / "study" / "table.md").read_text(encoding="utf-8")

    status, output = finish(start(study, disturbed, "--jobs", "2"))
    assert status == 0, output
    for folder in (first, second):
        assert json.loads((folder / "run.json").read_text())["attempts"] == 2
        assert "--resume" in (folder / "log.txt").read_text()

    status, output = finish(start(study, undisturbed, "--jobs", "2"))
    assert status == 0, output
    assert values(disturbed) == values(undisturbed)
    table = (undisturbed / "study" / "table.md").read_text(encoding="utf-8")
    assert (disturbed / "study" / "table.md").read_text(encoding="utf-8") == table
    assert "GID (a miniature of it, synthetic), test part: 2 samples" in table
    assert "|         10 |           20 |   1,310,720 |    256 |      5 |" in table
    for name in ("bars.png", "bars.svg", "panels.png", "runs.csv"):
        assert (undisturbed / "study" / name).stat().st_size > 100, name

    scores = json.loads((undisturbed / "study/MACU-Net/seed_1/train/tests/test/scores.json").read_text())
    assert scores["samples"] == 2
    assert scores["datasets"][0]["miniature"]
    assert set(scores["metrics"]) == {"OA", "AA", "Kappa", "mIoU", "FWIoU", "mF1"}


def test_mistakes_are_told_in_one_sentence(tmp_path):
    (tmp_path / "study.py").write_text("metods = []\n", encoding="utf-8")
    status, output = finish(start(tmp_path / "study.py", tmp_path / "out"))
    assert status == 1
    assert "error: " in output
    assert "There is a 'metods': is it meant?" in output
    assert "Traceback" not in output
    assert not (tmp_path / "out").exists()
