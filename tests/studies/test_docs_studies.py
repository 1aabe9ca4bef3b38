"""docs/studies.md: every key is explained, and the example can be read."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from rs_da_mm.studies.description import BudgetRule, Evaluation, Group, Method, Metric, Panels, Paper, Stage, Study
from rs_da_mm.studies.reading import load_study

PAGE = Path(__file__).resolve().parents[2] / "docs" / "studies.md"
TEXT = PAGE.read_text(encoding="utf-8")
OTHER_NAMES = {"in_groups": "groups"}  # of attributes and their keys
OWN = {"file", "of"}  # no key; too short to look for


@pytest.mark.parametrize("part", [Study, Method, Stage, Group, Evaluation, Metric, Paper, BudgetRule, Panels])
def test_every_key_is_explained(part):
    for field in dataclasses.fields(part):
        key = OTHER_NAMES.get(field.name, field.name)
        assert field.name in OWN or f"`{key}`" in TEXT or f"{key}=" in TEXT, key


def test_the_example_can_be_read(tmp_path):
    example = re.search(r"```python\ntitle.*?```", TEXT, re.DOTALL).group().strip("`").removeprefix("python")
    for name in ("potsdam_finetune.py", "glcnet_potsdam.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "study.py").write_text(example, encoding="utf-8")
    study = load_study(tmp_path / "studies" / "study.py")
    assert [method.name for method in study.methods] == ["Random", "ImageNet", "GLCNet"]
    assert [stage.name for stage in study.method("GLCNet").stages] == ["pretrain", "finetune"]
    assert study.budget.rule == "equal"
