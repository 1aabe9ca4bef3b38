"""Study files: what they can say, and how every mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from rs_da_mm.studies.description import BUDGET_QUANTITIES, Place, folder_name
from rs_da_mm.studies.fields import StudyError
from rs_da_mm.studies.reading import load_study, read_study

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def read(tmp_path):
    (tmp_path / "a.py").write_text("")
    (tmp_path / "b.py").write_text("")

    def make(**changes):
        content = {"methods": [{"name": "A", "config": "a.py"}], "metrics": ["mIoU"], **changes}
        return read_study({key: value for key, value in content.items() if value is not ...}, tmp_path / "study.py")

    return make


def test_what_is_left_out_has_a_default(read):
    study = read()
    assert (study.name, study.title, study.seeds, study.select) == ("study", "study", (0,), "best")
    assert [test.name for test in study.tests] == ["test"]
    assert (study.metrics[0].title, study.metrics[0].better, study.metrics[0].decimals) == ("mIoU", "higher", 2)
    assert (study.budget.rule, study.budget.compare) == ("reported", BUDGET_QUANTITIES)
    assert (study.groups, study.papers, study.panels) == ((), (), None)
    assert study.methods[0].stages[0].name == "train"


def test_configs_are_found_from_the_file_and_from_the_current_folder(read, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "c.py").write_text("")
    monkeypatch.chdir(tmp_path / "elsewhere")
    study = read(methods=[{"name": "A", "config": "a.py"}, {"name": "C", "config": "c.py"}])
    assert [method.stages[0].config for method in study.methods] == [tmp_path / "a.py", Path("c.py")]


METHOD = {"name": "A", "config": "a.py"}
CHAIN = [{"name": "pretrain", "config": "a.py"}, {"name": "finetune", "config": "b.py"}]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"metods": []}, r"study\.py: there is no key 'metods'\. Did you mean 'methods'\?"),
        ({"methods": []}, r"methods is \[\]; expected at least one"),
        ({"methods": ..., "metods": []}, "the key 'methods' is missing; expected a list. There is a 'metods': is it meant"),
        ({"methods": "A"}, "methods is 'A'; expected a list"),
        ({"methods": ["A"]}, r"methods\[0\] is 'A'; expected a dict"),
        ({"methods": [{"nam": "A", "config": "a.py"}]}, "the key 'name' is missing.* There is a 'nam'"),
        ({"methods": [{"name": "A"}]}, r"methods\[0\] \('A'\): the key 'config' is missing"),
        ({"methods": [{"name": "A", "config": "none.py"}]}, "config is 'none.py', which is neither in"),
        ({"methods": [{**METHOD, "override": {}}]}, "no key 'override'. Did you mean 'overrides'"),
        ({"methods": [{**METHOD, "overrides": [1]}]}, r"overrides is \[1\]; expected a dict"),
        ({"methods": [METHOD, {**METHOD, "name": "a"}]}, "'A' and 'a' would share the folder 'a'"),
        ({"methods": [{**METHOD, "name": "²²²·"}, {**METHOD, "name": "语"}]}, "'语' has no letter or digit of ASCII"),
        ({"methods": [{**METHOD, "seeds": [1, 1]}]}, r"seeds is \[1, 1\]; expected a list of different whole numbers"),
        ({"methods": [{**METHOD, "needs": [{"what": "x"}]}]}, r"needs\[0\]: the key 'path' is missing"),
        ({"methods": [{**METHOD, "groups": {"gid": {}}}]}, "groups names the group 'gid', which there is not"),
        ({"methods": [{**METHOD, "stages": CHAIN}]}, "has stages, so 'config' belongs into each of them"),
        ({"methods": [{"name": "A", "stages": [CHAIN[0], CHAIN[0]]}]}, "two stages have the same name: pretrain, pretrain"),
        (
            {"methods": [{"name": "A", "stages": [{**CHAIN[0], "name": "pre-train"}]}]},
            "name is 'pre-train'; expected a name like",
        ),
        ({"methods": [{"name": "A", "stages": [{**CHAIN[0], "name": "tests"}]}]}, "none of tests, seed, group, work_dir"),
        ({"methods": [{"name": "A", "stages": [{"name": "x"}]}]}, "has no config; expected one of config"),
        ({"methods": [{"name": "A", "stages": [{**CHAIN[0], "of": "B"}]}]}, "has config and of; expected one of"),
        ({"methods": [{"name": "A", "stages": [{"name": "x", "command": ["t.py"]}]}]}, "the last stage is a command"),
        ({"methods": [{"name": "A", "stages": [{"name": "x", "of": "B"}]}]}, "of names the method 'B', which there is not"),
        ({"methods": [{"name": "A", "stages": CHAIN, "checkpoint": "x.pth"}]}, "has a checkpoint.*and stages to train"),
        (
            {"methods": [{"name": "A", "stages": [CHAIN[0], {**CHAIN[1], "seed": 1}]}]},
            "'finetune' is trained once, and 'pretrain' before it is not",
        ),
        ({"metrics": ...}, "the key 'metrics' is missing"),
        ({"metrics": []}, r"metrics is \[\]; expected at least one, named as the evaluator"),
        ({"metrics": [{"name": "mIoU", "better": "up"}]}, "better is 'up'; expected one of 'higher', 'lower', 'neither'"),
        ({"metrics": [{"name": "mIoU", "decimals": -1}]}, "decimals is -1; expected a whole number from 0"),
        ({"metrics": ["mIoU", "mIoU"]}, "metrics 'mIoU' is there twice; give one of them key"),
        ({"metrics": [{"name": "mIoU", "relative_to": "B"}]}, "relative_to names the method 'B'"),
        (
            {"metrics": [{"name": "mIoU", "tests": "tset"}]},
            "tests names the test 'tset', which there is not. Did you mean 'test'",
        ),
        ({"tests": [{"name": "x", "part": "train"}]}, "part is 'train'; expected one of 'test', 'val'"),
        ({"tests": [{"name": "x", "stage": "tran"}]}, "stage names the stage 'tran', which there is not. Did you mean 'train'"),
        ({"tests": [{"name": "x"}, {"name": "m", "mean_of": ["y"]}]}, "mean_of names the test 'y'"),
        ({"tests": [{"name": "m", "mean_of": ["m"]}]}, "every test is the mean of others"),
        ({"tests": [{"name": "x"}, {"name": "m", "mean_of": "x", "tta": True}]}, "a mean of other tests has no overrides"),
        ({"groups": [{"name": "train"}]}, "group 'train' is called like a stage"),
        ({"groups": [{"name": "g", "stage_overrides": {"tune": {}}}]}, "stage_overrides names the stage 'tune'"),
        ({"stage_overrides": {"train": 1}}, "stage_overrides: train is 1; expected a dict"),
        ({"seeds": []}, r"seeds is \[\]; expected"),
        ({"seeds": [-1]}, r"seeds is \[-1\]; expected"),
        ({"budget": "same"}, "budget: rule is 'same'; expected one of 'equal', 'reported'"),
        ({"budget": {"rule": "equal", "compare": ["iters"]}}, "compare names the quantity 'iters'.*Did you mean 'iterations'"),
        ({"panels": {"count": 0}}, "panels: count is 0; expected a whole number from 1"),
        ({"panels": {"seed": 9}}, "panels: seed is 9; expected one of the study's seeds: 0"),
        ({"panels": {"test": "x"}}, "panels: test names the test 'x'"),
        ({"methods_as": "lines"}, "methods_as is 'lines'; expected one of 'rows', 'columns'"),
        ({"name": "—"}, "name is '—'; expected a name with letters or digits of ASCII"),
        ({"papers": [{"table": "I", "values": {}}]}, r"papers\[0\]: the key 'citation' is missing"),
        ({"papers": [{"citation": "X", "table": "I", "values": {"B": {}}}]}, r"values names the method 'B'.*There is: A"),
        ({"papers": [{"citation": "X", "table": "I", "values": {"A": {"miou": 1}}}]}, r"names the metric 'miou'.*'mIoU'"),
        ({"papers": [{"citation": "X", "table": "I", "values": {"A": {"mIoU": "1"}}}]}, r"\['mIoU'\] is '1'; expected a number"),
        ({"papers": [{"citation": "X", "table": "I", "values": {"A": 3.0}}]}, r"\['A'\] is 3\.0; expected a dict by metric"),
    ],
)
def test_a_mistake_is_told_by_its_key_and_what_is_expected(read, changes, told):
    with pytest.raises(StudyError, match=told):
        read(**changes)


def test_a_paper_s_numbers_go_down_the_levels_that_the_study_has(read):
    number = {"mIoU": 1.5}
    paper = {"citation": "X", "table": "I"}
    plain = read(papers=[{**paper, "values": {"A": number}}])
    assert dict(plain.papers[0].values) == {Place("A", None, "test", "mIoU"): 1.5}
    levels = {"groups": [{"name": "g"}], "tests": [{"name": "x"}, {"name": "y"}]}
    deep = read(papers=[{**paper, "values": {"A": {"g": {"y": number}}}}], **levels)
    assert dict(deep.papers[0].values) == {Place("A", "g", "y", "mIoU"): 1.5}
    assert deep.papers[0].title == "paper (X, I)"


def test_a_method_can_be_different_in_a_group_or_not_there_at_all(read):
    methods = [{**METHOD, "groups": {"g": {"config": "b.py", "overrides": {"x": 1}}, "h": False}}]
    study = read(methods=methods, groups=[{"name": "g"}, {"name": "h"}, {"name": "i"}])
    method = study.methods[0]
    assert method.in_group("g").stages["train"].config.name == "b.py"
    assert (method.has_part_in("h"), method.has_part_in("i")) == (False, True)


def test_a_file_keeps_its_own_names_and_its_deletions(tmp_path):
    (tmp_path / "a.py").write_text("")
    text = """
_wide = {'model.backbone': dict(_delete_=True, type='PlainUNet')}
methods = [dict(name='A', config='a.py', overrides=_wide)]
metrics = ['mIoU']
overrides = {'model.neck': dict(_delete_=True, type='N')}
"""
    (tmp_path / "s.py").write_text(text)
    study = load_study(tmp_path / "s.py")
    assert study.methods[0].stages[0].overrides == {"model.backbone": {"_delete_": True, "type": "PlainUNet"}}
    assert study.overrides == {"model.neck": {"_delete_": True, "type": "N"}}


def test_a_file_that_is_missing_or_broken_is_told(tmp_path):
    with pytest.raises(StudyError, match="there is no such study file"):
        load_study(tmp_path / "none.py")
    (tmp_path / "s.py").write_text("methods = [")
    with pytest.raises(StudyError, match="cannot be read as a study: SyntaxError"):
        load_study(tmp_path / "s.py")


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "studies").glob("*.py")), ids=lambda path: path.stem)
def test_the_shipped_studies_can_be_read(path):
    study = load_study(path)
    assert len(study.methods) > 1
    assert len(study.seeds) > 1
    assert study.papers


def test_folders_of_names():
    assert [folder_name(name) for name in ("U-Net++", "SS(DA)²", "MACU-Net 3.1", "../x")] == [
        "U-Netplusplus",
        "SS-DA-2",
        "MACU-Net-3.1",
        "x",
    ]
