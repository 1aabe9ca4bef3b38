"""What a training was given, and whether others were given the same."""

from __future__ import annotations

import json

import pytest
import torch

from rs_da_mm.studies.budgets import Budget, checkpoint_budget, differences, early_stopping, measured_budget, planned_budget
from rs_da_mm.studies.fields import StudyError

CONFIG = {"train_cfg": {"max_epochs": 3}, "train_dataloader": {"batch_size": 4}}
STOP = {"type": "EarlyStoppingHook", "monitor": "mIoU", "patience": 3}


def test_the_count_of_the_training_comes_first_then_the_checkpoint(tmp_path):
    checkpoint = tmp_path / "epoch_2.pth"
    torch.save({"meta": {"iter": 10, "epoch": 2}, "state_dict": {}}, checkpoint)
    config = {**CONFIG, "default_hooks": {"early_stopping": STOP}}
    meta = measured_budget(tmp_path, config, checkpoint)
    assert (meta.iterations, meta.epochs, meta.samples, meta.stopped_early) == (10, 2, None, True)
    assert meta.early_stopping == "mIoU, patience 3, min_delta 0.1"
    assert meta.source == "meta data of epoch_2.pth"
    counted = {"iterations": 15, "epochs": 3, "samples": 60, "window": [64, 128], "of_rank_0": {}}
    (tmp_path / "training_budget.json").write_text(json.dumps(counted))
    full = measured_budget(tmp_path, config, checkpoint)
    assert (full.iterations, full.samples, full.window, full.stopped_early) == (15, 60, (64, 128), False)
    assert Budget.from_json(json.loads(json.dumps(full.to_json()))) == full


def test_weights_alone_say_nothing(tmp_path):
    torch.save({"w": torch.zeros(1)}, tmp_path / "w.pth")
    found = checkpoint_budget(tmp_path / "w.pth", CONFIG)
    assert (found.iterations, found.early_stopping) == (None, None)


def test_iterations_have_no_epochs(tmp_path):
    torch.save({"meta": {"iter": 10, "epoch": 0}}, tmp_path / "iter_10.pth")
    found = checkpoint_budget(tmp_path / "iter_10.pth", {"train_cfg": {"max_iters": 10}})
    assert (found.iterations, found.epochs, found.stopped_early) == (10, None, False)


def test_differences_are_told_by_quantity_and_method():
    same = {"iterations": 1400, "window": (256, 256), "early_stopping": "", "epochs": None}
    other = {"iterations": [1200, 1400], "window": (128, 256), "early_stopping": "mIoU, patience 3", "epochs": None}
    assert differences({"A": same, "B": dict(same)}, list(same)) == []
    assert differences({"A": same}, list(same)) == []
    assert differences({"A": same, "B": other, "C": same}, list(same)) == [
        "iterations (A and C 1,400; B 1,200 / 1,400)",
        "window (A and C 256; B 128 to 256)",
        "early stopping (A and C none; B mIoU, patience 3)",
    ]
    assert differences({"A": {"samples": None}, "B": {"samples": None}}, ["samples"]) == ["samples (A and B unknown)"]


def test_what_a_config_promises():
    assert early_stopping({"custom_hooks": [{"type": "mmengine.EarlyStoppingHook", "monitor": "OA"}]}).startswith(
        "OA, patience 5"
    )
    planned = planned_budget(CONFIG)
    assert planned["iterations"] == planned["epochs"] == {"max_epochs": 3}
    assert planned["samples"] == {"batch_size": 4}


SHORT = "methods = [dict(name='A', config='a.py'), dict(name='B', config='a.py', overrides={'train_cfg.max_epochs': 3}%s)]\n"


def test_a_difference_is_a_warning_under_the_table_or_no_table_at_all(bench, capsys):
    bench.config("a.py")
    text = SHORT % "" + "metrics = ['mIoU']\n"
    study = bench.study(text)
    assert bench.run(study) == 0
    warning = "The budgets differ: iterations (A 6; B 9); samples (A 24; B 36); pixels (A 98,304; B 147,456); epochs (A 2; B 3)."
    assert f"- **Warning: {warning}**" in (bench.root / "table.md").read_text()
    assert f"Warning: {warning}" in capsys.readouterr().err
    # What ran is compared, whatever the configs promised.
    bench.study(text + "budget = dict(rule='equal', compare=['samples'])\n")
    (bench.root / "table.md").unlink()
    with pytest.raises(StudyError, match=r"no table is made: The budgets differ: samples \(A 24; B 36\)"):
        bench.run(study)
    assert not (bench.root / "table.md").exists()
    bench.study(text + "budget = dict(rule='equal', compare=['labelled_windows', 'window'])\n")
    assert bench.run(study) == 0
    bench.study(SHORT % ", compare_budget=False" + "metrics = ['mIoU']\nbudget = 'equal'\n")
    assert bench.run(study) == 0
    assert "Warning" not in (bench.root / "table.md").read_text()
