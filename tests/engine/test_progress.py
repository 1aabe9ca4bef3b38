from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import time
import uuid

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from rs_da_mm.engine import ProgressBarHook

BAR = b"\xe2\x96"  # how the block characters of a bar begin in UTF-8


class Slow(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, inputs, mode="tensor"):
        time.sleep(0.02)
        return {"loss": (self.weight * torch.cat(inputs)).mean()} if mode == "loss" else [{}] * len(inputs)


class Talk(Hook):
    """Logs a line in the middle of an epoch."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if batch_idx == 4:
            runner.logger.warning(f"a line from epoch {runner.epoch}")


def build(tmp_path, hook, train_cfg=None):
    loader = {
        "dataset": [{"inputs": torch.ones(1)}] * 10,
        "batch_size": 1,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": pseudo_collate,
    }
    return Runner(
        model=Slow(),
        work_dir=str(tmp_path),
        experiment_name=uuid.uuid4().hex,
        train_dataloader=loader,
        train_cfg=train_cfg or {"by_epoch": True, "max_epochs": 2},
        val_dataloader=loader,
        val_cfg={},
        val_evaluator=[],
        test_dataloader=loader,
        test_cfg={},
        test_evaluator=[],
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        custom_hooks=[hook, Talk()],
        default_hooks={"checkpoint": None},
        log_level="WARNING",
    )


class Terminal:
    """A pseudo-terminal for standard output and error, from when it is opened (pytest puts its own there for every test)."""

    def __init__(self, monkeypatch):
        pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
        self.monkeypatch = monkeypatch
        self.master, slave = pty.openpty()
        os.set_blocking(self.master, False)
        self.file = os.fdopen(slave, "w", encoding="utf-8")

    def open(self):
        self.monkeypatch.setattr(sys, "stderr", self.file)
        self.monkeypatch.setattr(sys, "stdout", self.file)

    def shown(self):
        self.file.flush()
        content = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                content += os.read(self.master, 65536)
        return content

    def close(self):
        self.file.close()
        os.close(self.master)


@pytest.fixture
def terminal(monkeypatch):
    made = Terminal(monkeypatch)
    yield made
    made.close()


def test_a_terminal_shows_epochs_steps_loss_and_validation(tmp_path, terminal):
    terminal.open()
    build(tmp_path, ProgressBarHook()).train()
    shown = terminal.shown()
    assert b"epoch 1/2:" in shown
    assert b"epoch 2/2:" in shown
    assert b"validation:" in shown
    assert re.search(rb"/10 \[\d+:\d+, +[\d.]+it/s, loss -?\d+\.\d{4}, \d:\d\d:\d\d left\]", shown)
    assert BAR in shown


def test_log_lines_are_written_above_the_bar(tmp_path, terminal):
    terminal.open()
    runner = build(tmp_path, ProgressBarHook())
    runner.train()
    lines = terminal.shown().split(b"\r\n")
    logged = [line for line in lines if b"a line from epoch" in line]
    assert len(logged) == 2
    # The bar that stood there was wiped away: what follows the last carriage return is the line alone.
    assert all(BAR not in line.rpartition(b"\r")[2] for line in logged)
    streams = [handler.stream for handler in runner.logger.handlers if isinstance(handler, logging.StreamHandler)]
    assert all(type(stream).__name__ != "_AboveBar" for stream in streams)


def test_a_test_has_a_bar_too(tmp_path, terminal):
    terminal.open()
    build(tmp_path, ProgressBarHook()).test()
    assert b"test:" in terminal.shown()


def test_training_by_iterations_has_one_bar(tmp_path, terminal):
    terminal.open()
    build(tmp_path, ProgressBarHook(), {"by_epoch": False, "max_iters": 8, "val_interval": 4}).train()
    shown = terminal.shown()
    assert b"training:" in shown
    assert b"/8 [" in shown


def test_a_pipe_or_a_file_shows_no_bar(tmp_path, capfd):
    build(tmp_path, ProgressBarHook()).train()
    shown = capfd.readouterr()
    assert "a line from epoch 0" in shown.out
    assert "epoch 1/2" not in shown.err + shown.out
    assert "\r" not in shown.err + shown.out


def test_a_terminal_and_a_log_file_show_bar_and_lines(tmp_path, terminal, monkeypatch):
    terminal.open()
    with (tmp_path / "out.txt").open("w", encoding="utf-8") as out:
        monkeypatch.setattr(sys, "stdout", out)
        build(tmp_path, ProgressBarHook()).train()
    assert BAR in terminal.shown()
    text = (tmp_path / "out.txt").read_text(encoding="utf-8")
    assert "a line from epoch 1" in text
    assert "epoch 1/2" not in text


def test_the_bar_can_be_switched_off(tmp_path, terminal):
    terminal.open()
    build(tmp_path, ProgressBarHook(enabled=False)).train()
    assert BAR not in terminal.shown()


def test_only_the_first_rank_draws(tmp_path, terminal, monkeypatch):
    terminal.open()
    monkeypatch.setattr("rs_da_mm.engine.progress.is_main_process", lambda: False)
    build(tmp_path, ProgressBarHook(enabled=True)).train()
    assert BAR not in terminal.shown()
