"""The files that a study leaves."""

from __future__ import annotations

import csv
import json
import statistics

MORE = """
papers = [dict(citation='X', table='Table 1', values={'A': dict(mIoU=76.414)}, note='One run.')]
notes = ['A note.']
"""


def test_csv_has_a_row_per_run_in_full_precision(bench, two_methods):
    third = "overrides = {'model.quality': 70 + 1/3}"
    two_methods.write_text(two_methods.read_text().replace("config='a.py'", f"config='a.py', {third}"))
    assert bench.run(two_methods, only=("A", "B/0")) == 0
    with (bench.root / "runs.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [(row["method"], row["seed"], row["state"]) for row in found] == [
        ("A", "0", "done"),
        ("B", "0", "done"),
        ("A", "1", "done"),
        ("B", "1", "missing"),
    ]
    assert float(found[0]["mIoU"]) == 70 + 1 / 3
    assert float(found[2]["mIoU"]) == 70 + 1 / 3 + 1.5
    assert (found[0]["samples"], found[0]["iterations"], found[0]["labelled_windows"]) == ("24", "6", "12")
    assert len(found[0]["checkpoint_sha256"]) == 64
    assert (found[0]["miniature"], found[3]["miniature"], found[3]["mIoU"]) == ("no", "", "")


def test_json_has_everything(bench, two_methods):
    two_methods.write_text(two_methods.read_text() + MORE)
    assert bench.run(two_methods) == 0
    content = json.loads((bench.root / "study.json").read_text())
    cell = next(one for one in content["table"] if (one["method"], one["metric"]) == ("B", "mIoU"))
    assert cell["mean"] == statistics.mean([72.5, 74.0])
    assert cell["std"] == statistics.stdev([72.5, 74.0])
    assert (cell["n"], cell["values"]) == (2, [{"seed": 0, "value": 72.5}, {"seed": 1, "value": 74.0}])
    assert content["papers"][0]["values"] == [{"method": "A", "group": None, "test": "test", "metric": "mIoU", "value": 76.414}]
    run = content["runs"][0]
    assert run["scores"]["metrics"]["empty"] is None
    assert run["budget"]["samples"] == 24
    assert len(run["fingerprint"]) == 64
    training = content["trainings"][0]
    assert (training["folder"], training["state"], training["attempts"]) == ("A/seed_0/train", "done", 1)
    assert training["result"]["checkpoint"]["sha256"] == run["scores"]["checkpoint_sha256"]
    assert content["environment"]["Python"]
    assert isinstance(content["git"], dict)
    assert content["miniature"] is False


def test_the_page_says_what_its_numbers_are(bench, two_methods):
    two_methods.write_text(two_methods.read_text() + MORE + "data = 'Some fields'\n")
    (bench.folder / "data" / "SAMPLE_DATA.txt").write_text("SYNTHETIC\n")
    assert bench.run(two_methods) == 0
    text = (bench.root / "table.md").read_text()
    assert text.startswith("# Two of them\n\n> Measured on a **miniature**: synthetic sample data.")
    for sentence in (
        "Measured here: Some fields (a miniature of it, synthetic), test part: 7 samples.",
        "Mean ± sample standard deviation over the seeds 0, 1.",
        "Tested: the checkpoint with the best mIoU on the validation data.",
        "paper (X, Table 1): reported there, not measured here. One run.",
        "The papers' numbers are of the real data sets and cannot be compared with those of a miniature.",
        "A note.",
    ):
        assert f"\n- {sentence}" in text
    assert "## Budgets" in text
    assert "| mIoU (%), paper (X, Table 1) |" in text


def test_a_table_per_group(bench):
    bench.config("a.py")
    groups = "[dict(name='g', title='First'), dict(name='h', title='Second', overrides={'model.quality': 80.0})]"
    study = bench.study(
        f"methods = [dict(name='A', config='a.py')]\nmetrics = ['mIoU']\ngroups = {groups}\ntables = 'per_group'\n"
    )
    assert bench.run(study) == 0
    text = (bench.root / "table.md").read_text()
    first, second = text.split("## First")[1].split("## Second")
    assert "70.00" in first
    assert "80.00" not in first
    assert "80.00" in second
