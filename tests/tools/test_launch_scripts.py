"""The shell scripts that start ranks, with stand-ins for the programs that they call."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"
pytestmark = pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="shell scripts")

SRUN = """#!/usr/bin/env bash
# Writes down what it was called with; `plan` has a line for each call: the status to end with, and a + for a new checkpoint.
echo "$*" >>"$HERE/calls"
turn=$(wc -l <"$HERE/calls")
plan=$(sed -n "${turn}p" "$HERE/plan")
sleep 0.05
case $plan in *+) echo interrupted.pth >"$WORK/last_checkpoint" ;; esac
exit "${plan%+}"
"""
SCONTROL = """#!/usr/bin/env bash
echo "$*" >>"$HERE/requeued"
exit "${SCONTROL_STATUS:-0}"
"""


@pytest.fixture
def slurm(tmp_path):
    """Run slurm_train.sh; gives its status, what srun was called with, and what it printed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)

    def run(plan, *words, work="work_dirs/own", **environment):
        (tmp_path / "plan").write_text("\n".join(plan) + "\n", encoding="utf-8")
        (tmp_path / "calls").unlink(missing_ok=True)
        base = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
        done = subprocess.run(
            ["bash", str(TOOLS / "slurm_train.sh"), "gpu", "name", "configs/own.py", *words],
            cwd=tmp_path,
            env={**base, "PATH": f"{programs}{os.pathsep}{base['PATH']}", "HERE": str(tmp_path), "WORK": work, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        calls = (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []
        return done.returncode, calls, done.stderr

    return run


def arguments(call):
    return call.split("--launcher slurm", 1)[1].split()


def test_without_arguments_it_says_how():
    done = subprocess.run(["bash", str(TOOLS / "slurm_train.sh"), "gpu"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "PARTITION JOB_NAME CONFIG" in done.stderr
    assert "MAX_RESTARTS" in done.stderr
    assert "# " not in done.stderr


def test_a_training_that_ends_is_started_once(slurm):
    status, calls, _ = slurm(["0"], "--amp", GPUS="8", GRACE="60", SRUN_ARGS="--account=a --qos=b", PYTHON="py")
    assert status == 0
    (call,) = calls
    assert call.startswith("-p gpu --job-name=name --gres=gpu:4 --ntasks=8 --ntasks-per-node=4 --cpus-per-task=5")
    assert "--kill-on-bad-exit=1 --signal=USR1@60 --account=a --qos=b py -u " in call
    assert arguments(call) == ["--amp"]


@pytest.mark.parametrize("status", ["1", "2", "137"])
def test_an_error_is_not_repeated(slurm, status):
    assert slurm([status])[:1] == (int(status),)
    assert len(slurm([status], SLURM_JOB_ID="7")[1]) == 1


def test_outside_a_batch_job_a_stopped_training_is_started_again(slurm, tmp_path):
    words = ["--work-dir", "out", "--resume", "old.pth", "--cfg-options", "a=1", "b=2"]
    status, calls, text = slurm(["75+", "75+", "0"], *words, work="out")
    assert status == 0
    assert arguments(calls[0]) == words
    restart = ["--work-dir", "out", "--cfg-options", "a=1", "b=2", "--resume"]
    assert [arguments(call) for call in calls[1:]] == [restart, restart]
    assert text.count("started again") == 2
    assert not (tmp_path / "requeued").exists()
    assert not (tmp_path / "out" / "restarts_without_progress").exists()


@pytest.mark.parametrize("words", [["--resume"], ["--resume=old.pth"], ["--resume", "--amp"], ["--resume", "x.pth", "--amp"]])
def test_a_restart_resumes_from_the_newest(slurm, words):
    calls = slurm(["75+", "0"], *words)[1]
    assert arguments(calls[0]) == words
    assert arguments(calls[1]) == [*(["--amp"] if "--amp" in words else []), "--resume"]


def test_stops_without_progress_are_counted_and_progress_forgives(slurm):
    status, calls, text = slurm(["75", "75", "75+", "75", "75", "75", "75", "0"], MAX_RESTARTS="3")
    assert status == 75
    assert len(calls) == 7
    assert "stopped 4 times without a new checkpoint in work_dirs/own" in text
    assert len(slurm(["75", "0"], MAX_RESTARTS="0")[1]) == 1


def test_a_batch_job_is_put_back_into_the_queue(slurm, tmp_path):
    status, calls, text = slurm(["75+", "0"], "--amp", SLURM_JOB_ID="42")
    assert (status, len(calls)) == (0, 1)
    assert (tmp_path / "requeued").read_text() == "requeue 42\n"
    assert "job 42 is back in the queue" in text
    status, calls, _ = slurm(["0"], "--amp", SLURM_JOB_ID="42", SLURM_RESTART_COUNT="1")
    assert status == 0
    assert arguments(calls[0]) == ["--amp", "--resume"]


def test_a_requeued_job_counts_on(slurm, tmp_path):
    for start in range(3):
        status, calls, _ = slurm(["75"], SLURM_JOB_ID="42", SLURM_RESTART_COUNT=str(start), MAX_RESTARTS="3")
        assert (status, len(calls)) == (0, 1)
    assert (tmp_path / "work_dirs/own/restarts_without_progress").read_text() == "3\n"
    status, _, text = slurm(["75"], SLURM_JOB_ID="42", SLURM_RESTART_COUNT="3", MAX_RESTARTS="3")
    assert status == 75
    assert "stopped 4 times" in text
    assert len((tmp_path / "requeued").read_text().splitlines()) == 3


def test_a_job_that_cannot_be_requeued_starts_srun_again(slurm):
    status, calls, text = slurm(["75+", "0"], SLURM_JOB_ID="42", SCONTROL_STATUS="1")
    assert (status, len(calls)) == (0, 2)
    assert "started again" in text


def test_ranks_of_one_machine_are_started_by_torchrun(tmp_path):
    program = tmp_path / "python"
    program.write_text(
        f'#!/usr/bin/env bash\ncase $1 in -c) exec "{sys.executable}" "$@" ;; esac\nprintf "%s\\n" "$@"\n', encoding="utf-8"
    )
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", str(TOOLS / "dist_train.sh"), "config.py", "2", "--amp"],
        env={**os.environ, "PYTHON": str(program)},
        capture_output=True,
        text=True,
        check=True,
    )
    words = done.stdout.split("\n")[:-1]
    assert words[:3] == ["-m", "torch.distributed.run", "--standalone"]
    assert words[-6:] == ["--nproc_per_node=2", str(TOOLS / "train.py"), "config.py", "--amp", "--launcher", "pytorch"]
    known = "--signals-to-handle" in Path(importlib.util.find_spec("torch.distributed.run").origin).read_text(encoding="utf-8")
    assert words[3:-6] == (["--signals-to-handle=SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"] if known else [])
