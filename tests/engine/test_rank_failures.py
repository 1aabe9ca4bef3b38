from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from torch import distributed as torch_dist

from rs_da_mm.engine import rank_failures
from rs_da_mm.engine.command_line import run_tool
from rs_da_mm.engine.rank_failures import end_failed, lost_another_rank, record_for_torchrun
from rs_da_mm.errors import InputError

TESTS = Path(__file__).resolve().parents[1]
SCRIPT = """
import ctypes, json, os, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
from mmengine.dist import get_rank
from mmengine.runner import Runner
from tiny_training import TinyDataset, TinyModel, tiny_config
from rs_da_mm.engine.command_line import run_tool
from rs_da_mm.engine.hooks.preemption import PreemptionHook
from rs_da_mm.engine.launcher import finish_ranks, prepare_run
from rs_da_mm.errors import InputError

place, kind = sys.argv[2:4]

def fail():
    Path("failed_at.json").write_text(json.dumps(time.time()))
    if kind == "input":
        raise InputError("scene_17.tif: truncated, fetch it again")
    if kind == "killed":
        os.kill(os.getpid(), 9)
    raise IndexError("some mistake of ours")

def load(self, idx, usual=TinyDataset.prepare_data):
    return fail() if self.fails and idx == 3 else usual(self, idx)

def forward(self, inputs, data_samples=None, mode="tensor", usual=TinyModel.forward):
    self.calls = getattr(self, "calls", 0) + 1
    if place == "model" and get_rank() == 1 and self.calls == 3:
        fail()
    if place == "stuck" and self.calls == 3:
        if get_rank() == 1:
            time.sleep(1)
            fail()
        # As nccl waits for a rank that is gone: in C, for ever.
        libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
        libc.pthread_mutex_lock(mutex)
        libc.pthread_mutex_lock(mutex)
    return usual(self, inputs, data_samples, mode)

def main():
    TinyDataset.prepare_data, TinyModel.forward = load, forward
    TinyDataset.fails = place == "data" and os.environ["RANK"] == "1"
    config = tiny_config("work", hooks=[dict(type="PreemptionHook")], workers=1 if place == "data" else 0, length=40)
    prepare_run(config, "pytorch")
    runner = Runner.from_cfg(config)
    runner.train()
    finish_ranks(runner)

if __name__ == "__main__":
    run_tool(main)
"""


@pytest.fixture
def fails(tmp_path):
    """Let rank 1 of two fail; gives what was printed, and the seconds from the failure to the end of everything."""

    def run(place, kind):
        (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *launcher, "script.py", str(TESTS), place, kind],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        seconds = time.time() - json.loads((tmp_path / "failed_at.json").read_text())
        assert done.returncode == 1
        return done.stderr, seconds

    return run


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="waits on a mutex of Linux' C library")
CASES = [
    pytest.param("data", "input", marks=pytest.mark.slow),
    pytest.param("data", "other", marks=pytest.mark.slow),
    pytest.param("model", "input", marks=pytest.mark.slow),
    pytest.param("model", "other", marks=pytest.mark.slow),
    pytest.param("model", "killed", marks=[pytest.mark.slow, ON_LINUX]),
    pytest.param("stuck", "input", marks=[pytest.mark.slow, ON_LINUX]),
]


@pytest.mark.parametrize(("place", "kind"), CASES)
def test_a_rank_that_fails_ends_the_others_with_its_message(fails, place, kind):
    printed, seconds = fails(place, kind)
    assert seconds < (20 if place == "stuck" else 10)
    summary = printed[printed.index("Root Cause (first observed failure)") :]
    assert "rank      : 1 " in summary, "the rank that failed is the one that torchrun blames"
    if kind == "input":
        assert "rank 1: error: scene_17.tif: truncated, fetch it again\n" in printed
        assert "traceback : error: scene_17.tif: truncated, fetch it again" in summary
        assert "InputError" not in printed
    elif kind == "other":
        assert "IndexError: some mistake of ours" in summary
        assert "in fail\n" in summary, "with its traceback"
    else:
        assert "Signal 9 (SIGKILL)" in summary
    if place == "stuck":
        assert "nothing has moved for 10 s, as when another rank is gone" in printed


def test_what_says_only_that_a_rank_is_gone():
    gone = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:3507"
    assert lost_another_rank(RuntimeError(gone))
    assert lost_another_rank(torch_dist.DistBackendError("NCCL communicator was aborted"))
    assert not lost_another_rank(RuntimeError("CUDA out of memory"))
    assert not lost_another_rank(InputError("Connection closed by peer"))


def test_an_echo_waits_to_be_ended(monkeypatch, capsys):
    waited, status = [], []
    monkeypatch.setattr(rank_failures, "is_distributed", lambda: True)
    monkeypatch.setattr(rank_failures.time, "sleep", waited.append)
    monkeypatch.setattr(rank_failures.logging, "shutdown", lambda: None)
    monkeypatch.setattr(rank_failures.os, "_exit", status.append)
    with pytest.raises(SystemExit):  # in place of the end of the process
        end_failed(RuntimeError("Connection reset by peer"), None)
    assert (len(waited), status) == (1, [1])
    text = capsys.readouterr().err
    assert text.startswith("rank 0: the connection to another rank is lost")
    assert "rank 0: RuntimeError: Connection reset by peer" in text


def test_torchruns_file_gets_the_message(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))

    def main():
        raise InputError("scene.tif: is not there")

    with pytest.raises(SystemExit) as left:
        run_tool(main)
    assert left.value.code == 1
    told = json.loads((tmp_path / "error.json").read_text())["message"]
    assert told["message"] == told["extraInfo"]["py_callstack"] == "error: scene.tif: is not there"
    assert abs(int(told["extraInfo"]["timestamp"]) - time.time()) < 60

    with pytest.raises(ZeroDivisionError):
        run_tool(lambda: 1 / 0)
    assert "ZeroDivisionError" in (tmp_path / "error.json").read_text()

    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "nowhere" / "error.json"))
    record_for_torchrun("x")
    assert "error file cannot be written" in capsys.readouterr().err


def test_an_interruption_leaves_with_its_own_status(capsys):
    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as left:
        run_tool(main)
    assert left.value.code == 130
    assert capsys.readouterr().err == "error: interrupted.\n"
