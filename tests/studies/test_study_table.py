"""Tables as Markdown."""

from __future__ import annotations

import pytest

from rs_da_mm.studies.table import make_columns, markdown_grid, markdown_table

PAPER = {"citation": "X et al. 2022", "table": "Table 2"}


def rows(text):
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return [lines[0], *lines[2:]]


@pytest.fixture
def three(make_results):
    def make(**more):
        values = {
            ("A", None, "test", 0): {"mIoU": 70.0, "FID": 30.0},
            ("A", None, "test", 1): {"mIoU": 71.0, "FID": 31.0},
            ("B|b", None, "test", 0): {"mIoU": 72.0, "FID": 40.0},
            ("B|b", None, "test", 1): "failed",
            ("C", None, "test", 0): "needs",
            ("C", None, "test", 1): "needs",
        }
        metrics = [{"name": "mIoU", "title": "mIoU (%)"}, {"name": "FID", "better": "lower", "decimals": 1}]
        return make_results(values, {"C": "the weights"}, **{"metrics": metrics, "seeds": [0, 1], **more})

    return make


def test_numbers_best_values_and_what_is_missing(three):
    table = markdown_table(three(), [None])
    assert rows(table.replace("\\|", "/")) == [
        ["method", "seeds", "mIoU (%) ↑", "FID ↓"],
        ["A", "2", "70.50 ± 0.71", "**30.5 ± 0.7**"],
        [
            "B/b",
            "1 of 2",
            "**72.00** (1 of 2 seeds missing: failed (see log))",
            "40.0 (1 of 2 seeds missing: failed (see log))",
        ],
        ["C", "0 of 2", "needs the weights", "needs the weights"],
    ]


def test_a_paper_s_numbers_stand_apart_with_their_own_digits(three):
    paper = {**PAPER, "values": {"A": {"mIoU": 76.414}, "C": {"mIoU": 75.3}}}
    table = rows(markdown_table(three(papers=[paper]), [None]).replace("\\|", "/"))
    assert table[0][-1] == "mIoU (%), paper (X et al. 2022, Table 2)"
    assert [row[-1] for row in table[1:]] == ["76.414", "", "75.30"]
    assert "FID" not in table[0][-1], "no column without a number"


def test_methods_can_stand_as_columns(three):
    table = rows(markdown_table(three(methods_as="columns"), [None]).replace("\\|", "/"))
    assert table[0] == ["method", "A", "B/b", "C"]
    assert [row[0] for row in table[1:]] == ["seeds", "mIoU (%) ↑", "FID ↓"]
    assert table[3][1] == "**30.5 ± 0.7**"


def test_groups_tests_and_sections(make_results):
    methods = [
        {"name": name, "config": "a.py", "section": section} for name, section in (("A", "old"), ("B", "old"), ("C", "new"))
    ]
    values = {("A", "gid", "x", 0): {"m": 1.0}, ("A", "gid", "y", 0): {"m": 3.0}, ("A", "potsdam", "x", 0): {"m": 5.0}}
    tests = [{"name": "x", "title": "City X"}, "y", {"name": "mean", "mean_of": ["x", "y"]}]
    groups = [{"name": "gid", "title": "GID"}, {"name": "potsdam"}]
    results = make_results(values, methods=methods, metrics=["m"], tests=tests, groups=groups, miniature=True)
    table = rows(markdown_table(results, ["gid", "potsdam"]))
    assert table[0] == [
        "method",
        "GID: seeds",
        "potsdam: seeds",
        *(f"{group} (miniature): {test}: m ↑" for group in ("GID", "potsdam") for test in ("City X", "y", "mean")),
    ]
    assert [row[0] for row in table[1:]] == ["*old*", "A", "B", "*new*", "C"]
    assert table[2][1:6] == ["1", "0 of 1", "1.00", "3.00", "2.00"]
    alone = rows(markdown_table(results, ["gid"]))
    assert alone[0][:3] == ["method", "seeds", "GID (miniature): City X: m ↑"]
    across = rows(
        markdown_table(
            make_results(values, methods=methods, metrics=["m"], tests=tests, groups=groups, methods_as="columns"), ["gid"]
        )
    )
    assert across[1] == ["", "old", "old", "new"]


def test_a_metric_is_shown_in_its_tests_alone(make_results):
    metrics = [{"name": "FID", "tests": ["generator"]}, {"name": "mIoU", "tests": "segmentor"}, "OA"]
    results = make_results({("A", None, "x", 0): {}}, metrics=metrics, tests=["generator", "segmentor"])
    assert [(column.test.name, column.metric.key) for column in make_columns(results, [None])] == [
        ("generator", "FID"),
        ("generator", "OA"),
        ("segmentor", "mIoU"),
        ("segmentor", "OA"),
    ]


def test_a_grid_is_aligned():
    assert markdown_grid([["a", "b"], ["long name", "1"]]) == ("| a         |   b |\n|-----------|----:|\n| long name |   1 |")
