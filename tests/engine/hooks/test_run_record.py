from __future__ import annotations

import hashlib
import json
import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from rs_da_mm.engine.hooks import run_record
from rs_da_mm.engine.hooks.run_record import RunRecordHook, describe_record

RECORD = {
    "environment": {"torch": "2.11"},
    "git": {"rs_da_mm": {"commit": "c" * 40, "branch": "main", "dirty": True}, "project": {"commit": "d" * 40}},
    "datasets": {
        "train": [{"type": "GIDDataset", "length": 4, "fingerprint": "f" * 64, "miniature": True}],
        "val": [{"type": "Other", "length": 2, "fingerprint": None}],
    },
    "config_sha256": "e" * 64,
}


def test_a_run_has_its_record_in_its_checkpoint_and_its_log(two_iterations, tmp_path, fresh_mmengine):
    config = two_iterations("macunet_gid")
    config.model.backbone.base_channels = 2
    config.model.decode_head.update(in_channels=2, channels=2)
    config.test_dataloader.dataset.data_root = "nowhere"  # training must not look at it
    config.default_hooks.checkpoint = {"type": "CheckpointHook"}
    config.default_hooks.record = {"type": "RunRecordHook"}
    config.custom_hooks = []
    config.work_dir = str(tmp_path)
    runner = Runner.from_cfg(config)
    runner.train()

    meta = torch.load(tmp_path / "epoch_1.pth", weights_only=False)["meta"]
    record = meta["run_record"]
    assert json.loads(json.dumps(record)) == record, "plain data"
    torch.save(record, tmp_path / "record.pth")
    assert torch.load(tmp_path / "record.pth", weights_only=True) == record
    assert list(record["datasets"]) == ["train", "val"]
    assert record["datasets"]["val"][0]["length"] == 2
    assert record["config_sha256"] == hashlib.sha256(meta["cfg"].encode()).hexdigest()
    log = next(tmp_path.rglob("*.log")).read_text(encoding="utf-8")
    assert describe_record(record) in log
    assert log.count("Run record") == 1


def test_the_text_says_what_matters():
    lines = describe_record(RECORD).splitlines()
    assert f"  git, rs_da_mm: {'c' * 40} (main), with uncommitted changes" in lines
    assert f"  git, project: {'d' * 40}, changes unknown" in lines
    assert f"  train data: GIDDataset, 4 samples, a miniature {'f' * 16}…" in lines
    assert "  val data: Other, 2 samples" in lines
    assert "  git: no repository" in describe_record({**RECORD, "git": {}}).splitlines()


def resuming(caplog, former, now="f", resume=True):
    """What a run warns of when it goes on from a checkpoint with another record."""
    hook = RunRecordHook()
    hook.record = {**RECORD, "datasets": {"train": [{"fingerprint": now and now * 64}]}}
    runner = SimpleNamespace(_resume=resume, logger=logging.getLogger("record"))
    caplog.clear()
    with caplog.at_level(logging.WARNING, "record"):
        hook.after_load_checkpoint(runner, {"meta": {"run_record": former}})
    return [message.getMessage() for message in caplog.records]


def test_other_files_at_a_resume_are_told(caplog):
    former = {"datasets": {"train": [{"fingerprint": "a" * 64}]}}
    (warning,) = resuming(caplog, former)
    assert "train data" in warning
    assert "aaaaaaaaaaaa → ffffffffffff" in warning
    assert resuming(caplog, {"datasets": {"train": [{"fingerprint": "f" * 64}]}}) == []
    assert resuming(caplog, former, resume=False) == []
    assert resuming(caplog, former, now=None) == []


@pytest.mark.parametrize("former", [None, [], {}, {"datasets": None}, {"datasets": {}}])
def test_a_checkpoint_without_a_record_is_no_error(caplog, former):
    assert resuming(caplog, former) == []
    RunRecordHook().after_load_checkpoint(SimpleNamespace(_resume=True), {"state_dict": {}})


def test_other_ranks_leave_it_to_the_first(monkeypatch):
    monkeypatch.setattr(run_record, "is_main_process", lambda: False)
    hook = RunRecordHook()
    hook.before_run(SimpleNamespace(cfg=Config({})))
    checkpoint = {"meta": {}}
    hook.before_save_checkpoint(SimpleNamespace(), checkpoint)
    assert checkpoint == {"meta": {}}
