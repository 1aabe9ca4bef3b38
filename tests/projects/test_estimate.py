"""Memory and time, measured and reckoned."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.projects import estimate as module
from rs_da_mm.projects.estimate import estimate, spelled_seconds
from rs_da_mm.projects.settings import TrainingSettings

TRAINING = TrainingSettings(8, 100, 10, 0.0, (), 1e-3)
MEASURED = {
    "device": "CPU",
    "parameters": 5,
    "load_seconds": 0.01,
    "step_seconds": 2.0,
    "predict_seconds": 0.5,
    "peak_bytes": 2**30,
}


@pytest.fixture
def answer(monkeypatch):
    def answers(status=0, out="", error=""):
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], status, out, error))

    monkeypatch.setattr(module, "free_memory", lambda: 2**32)
    return answers


def test_an_epoch_is_its_steps_and_the_validation(answer):
    answer(out=f"a line of a library\n{json.dumps(MEASURED)}\n")
    found = estimate(Path("config.py"), TRAINING, validation_windows=17)
    load = 8 * 0.01 / 2
    assert found.epoch_seconds == pytest.approx(100 * (2.0 + load) + 3 * (0.5 + load))
    assert found.total_seconds == pytest.approx(10 * found.epoch_seconds)
    assert not found.advice
    answer(out=json.dumps({**MEASURED, "device": "Some GPU", "peak_bytes": None}))
    assert estimate(Path("config.py"), TRAINING, 17).epoch_seconds == pytest.approx(100 * 2.0 + 3 * 0.5)


def test_what_does_not_fit_is_advised_to_be_halved(answer):
    answer(out=json.dumps({**MEASURED, "peak_bytes": 2**32}))
    assert "batch_size from 8 to 4" in estimate(Path("config.py"), TRAINING, 17).advice[0]
    answer(status=-9)
    assert "batch_size from 8 to 4" in estimate(Path("config.py"), TRAINING, 17).advice[0]
    answer(out=json.dumps({"out_of_memory": "the GPU's memory is full."}))
    found = estimate(Path("config.py"), TRAINING, 17)
    assert "full" in found.advice[0]
    assert found.told()


def test_a_training_that_cannot_begin_is_an_error(answer):
    answer(out=json.dumps({"error": "weights.pth: nothing fits."}))
    with pytest.raises(InputError, match="nothing fits"):
        estimate(Path("config.py"), TRAINING, 17)
    answer(status=1, error="Traceback\nValueError: odd window")
    with pytest.raises(InputError, match="odd window"):
        estimate(Path("config.py"), TRAINING, 17)


def test_durations():
    assert [spelled_seconds(seconds) for seconds in (4.56, 600, 9000)] == ["4.56 s", "10 minutes", "2.5 hours"]
