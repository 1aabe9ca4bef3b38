from __future__ import annotations

import csv
import json

import pytest

from rs_da_mm.evaluation import land_cover_scores, score_table, write_report

CLASSES = ("water", "forest", "road")


@pytest.fixture
def scores():
    return land_cover_scores([[6, 2, 0], [1, 3, 0], [0, 0, 0]])


def test_the_table_shows_every_class_and_score_with_two_digits(scores):
    table = score_table(scores, CLASSES)
    row = next(line for line in table.splitlines() if "water" in line)
    assert [cell.strip() for cell in row.strip("|").split("|")] == ["water", "66.67", "66.67", "80.00", "85.71", "75.00"]
    assert all(name in table for name in ("OA", "AA", "Kappa", "mIoU", "FWIoU", "mF1"))
    assert f"{scores.kappa:.2f}" in table


def test_the_table_says_what_was_left_out(scores):
    table = score_table(scores, CLASSES)
    assert "In neither truth nor prediction, so left out of AA, mIoU and mF1: road." in table
    row = next(line for line in table.splitlines() if line.startswith("| road"))
    assert row.count(" - ") == 4
    predicted_only = score_table(land_cover_scores([[3, 0, 1], [0, 1, 0], [0, 0, 0]]), CLASSES)
    assert "Predicted but nowhere in the truth, so IoU and F1 are 0 and AA leaves out: road." in predicted_only


def test_the_table_says_when_kappa_is_undefined():
    assert "Kappa is undefined" in score_table(land_cover_scores([[5, 0], [0, 0]]), CLASSES[:2])


def test_the_files_hold_the_matrix_and_full_precision(tmp_path, scores):
    write_report(tmp_path / "report", scores, CLASSES)
    content = json.loads((tmp_path / "report" / "scores.json").read_text(encoding="utf-8"))
    assert content["summary"] == scores.summary()
    assert content["per_class"]["water"]["IoU"] == scores.iou[0]
    assert content["per_class"]["road"]["IoU"] is None
    assert content["confusion_matrix"]["pixels"] == scores.matrix.tolist()
    with (tmp_path / "report" / "confusion_matrix.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["truth \\ prediction", *CLASSES],
        ["water", "6", "2", "0"],
        ["forest", "1", "3", "0"],
        ["road", "0", "0", "0"],
    ]
