"""Telling a person how far a study is."""

from __future__ import annotations

import io

import pytest

from rs_da_mm.studies.plan import Job
from rs_da_mm.studies.reporting import LineReporter, LiveReporter, log_progress

JOB = Job("train", "A", "gid", 3, "train")
EPOCH = (
    "11/20 09:22:15 - mmengine - INFO - Epoch(train) [1][ 3/9]  lr: 3.0e-04  eta: 0:09:29  time: 17.2  data_time: 0.1  "
    "loss: 1.7918  decode.loss_ce: 1.79"
)


class Child:
    seconds = 61.4

    def tail(self):
        return f"begin\n{EPOCH}\nmore"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (EPOCH, "epoch 1, 3 of 9, loss 1.7918, 0:09:29 left"),
        ("x Iter(train) [ 40/200]  eta: 1 day, 0:00:01  loss: 2.5", "iteration 40 of 200, loss 2.5, 1 day, 0:00:01 left"),
        (f"{EPOCH}\nx Epoch(val) [1][ 2/5]    eta: 0:00:01", "validation 2 of 5"),
        ("x Epoch(test) [4/5]\nx Iter(test) [4/5]  time", "test 4 of 5"),
        ("nothing", ""),
    ],
)
def test_log_lines(text, told):
    assert log_progress(text) == told


def test_lines_are_told_at_intervals():
    stream = io.StringIO()
    reporter = LineReporter(stream, interval=0.0)
    reporter.event("begun")
    reporter.show([(JOB, Child())])
    assert stream.getvalue().splitlines() == [
        "begun",
        "  A, gid, seed 3, train, 0:01:01: epoch 1, 3 of 9, loss 1.7918, 0:09:29 left",
    ]


def test_the_live_display_takes_any_text(capsys):
    with LiveReporter(interval=0.0) as reporter:
        reporter.event("A [bold]: started")
        reporter.show([(JOB, Child())])
    assert "A [bold]: started" in capsys.readouterr().out
