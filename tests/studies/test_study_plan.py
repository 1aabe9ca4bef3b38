"""From a study to its jobs: chains, shared stages, groups, weights that are there already."""

from __future__ import annotations

import json
import sys

import pytest

from rs_da_mm.studies.fields import StudyError
from rs_da_mm.studies.plan import make_plan, only
from rs_da_mm.studies.reading import read_study

CHAIN = [{"name": "pretrain", "config": "a.py"}, {"name": "finetune", "config": "a.py"}]


@pytest.fixture
def plan_of(tmp_path):
    (tmp_path / "a.py").write_text("")

    def make(methods, **more):
        study = read_study({"methods": methods, "metrics": ["mIoU"], **more}, tmp_path / "study.py")
        return make_plan(study), study

    return make


def after(plan):
    return {name: list(job.after) for name, job in plan.jobs.items()}


def test_everything_of_the_first_seed_comes_first(plan_of):
    plan, _ = plan_of([{"name": "A", "config": "a.py"}, {"name": "B", "config": "a.py"}], seeds=[4, 2])
    assert list(plan.jobs) == [
        f"{method}/seed_{seed}/train{test}" for seed in (4, 2) for method in "AB" for test in ("", "/tests/test")
    ]
    assert plan.jobs["A/seed_4/train/tests/test"].after == ("A/seed_4/train",)


def test_a_chain_is_done_stage_by_stage_and_a_stage_can_be_shared(plan_of):
    shared = [{**CHAIN[0], "per_group": False, "seed": 7}, CHAIN[1]]
    plan, _ = plan_of([{"name": "A", "stages": shared}], groups=[{"name": "x"}, {"name": "y"}], seeds=[0, 1])
    found = after(plan)
    assert found.pop("A/seed_7/pretrain") == []
    assert found == {
        f"A/seed_{seed}/{group}/finetune{test}": ([f"A/seed_{seed}/{group}/finetune"] if test else ["A/seed_7/pretrain"])
        for seed in (0, 1)
        for group in "xy"
        for test in ("", "/tests/test")
    }


def test_a_stage_of_another_method_is_trained_once_and_tested_in_an_own_folder(plan_of):
    methods = [{"name": "A", "stages": CHAIN}, {"name": "B", "stages": [{"name": "pretrain", "of": "A"}, CHAIN[1]]}]
    plan, _ = plan_of(methods)
    assert plan.jobs["B/seed_0/finetune"].after == ("A/seed_0/pretrain",)
    assert "B/seed_0/pretrain" not in plan.jobs
    tested = [{"name": "own", "stage": "pretrain"}, {"name": "last"}]
    plan, _ = plan_of(methods, tests=tested)
    assert plan.jobs["B/seed_0/pretrain/tests/own"].after == ("A/seed_0/pretrain",)
    assert plan.jobs["A/seed_0/pretrain/tests/own"].after == ("A/seed_0/pretrain",)


def test_a_stage_of_a_method_that_is_not_there_in_the_group_is_refused(plan_of):
    methods = [
        {"name": "A", "stages": CHAIN, "groups": {"x": False}},
        {"name": "B", "stages": [{"name": "pretrain", "of": "A"}, CHAIN[1]]},
    ]
    with pytest.raises(StudyError, match="'B' takes the stage 'pretrain' from 'A', which trains none in the group 'x'"):
        plan_of(methods, groups=[{"name": "x"}])


def test_weights_that_are_there_are_tested_once_or_by_seed(plan_of):
    methods = [
        {"name": "A", "config": "a.py", "checkpoint": "w.pth"},
        {"name": "B", "config": "a.py", "checkpoint": "w{seed}.pth"},
    ]
    plan, _ = plan_of(methods, seeds=[0, 1])
    assert after(plan) == {"A/fixed/train/tests/test": [], "B/seed_0/train/tests/test": [], "B/seed_1/train/tests/test": []}


def test_a_test_waits_for_the_stages_that_it_names(plan_of):
    tests = [{"name": "t", "stage": "pretrain", "overrides": {"x": "{finetune.work_dir}"}}]
    plan, _ = plan_of([{"name": "A", "stages": CHAIN}], tests=tests)
    assert plan.jobs["A/seed_0/pretrain/tests/t"].after == ("A/seed_0/pretrain", "A/seed_0/finetune")


def test_panels_are_of_one_seed_and_one_test(plan_of):
    plan, _ = plan_of([{"name": "A", "config": "a.py"}], seeds=[3, 5], tests=["x", "y"], panels={"seed": 5, "test": "y"})
    panels = [job for job in plan.jobs.values() if job.kind == "panel"]
    assert [(job.seed, job.test, job.name) for job in panels] == [(5, "y", "A/seed_5/train/tests/y_panel")]


def test_only_keeps_what_is_asked_for_and_what_that_needs(plan_of):
    methods = [{"name": "A", "stages": CHAIN}, {"name": "B/C", "stages": [{"name": "pretrain", "of": "A"}, CHAIN[1]]}]
    plan, study = plan_of(methods, seeds=[0, 1], groups=[{"name": "x"}, {"name": "y"}])
    kept = only(plan, study, ["B/C/x/1"])
    assert list(kept.jobs) == ["A/seed_1/x/pretrain", "B-C/seed_1/x/finetune", "B-C/seed_1/x/finetune/tests/test"]
    assert len(only(plan, study, ["A"]).jobs) == 12
    with pytest.raises(StudyError, match="--only B: expected METHOD"):
        only(plan, study, ["B"])
    with pytest.raises(StudyError, match="--only A/z: 'z' is neither a seed nor a group"):
        only(plan, study, ["A/z"])


def test_a_fine_tuning_starts_from_the_checkpoint_of_the_pretraining(bench):
    bench.config("a.py")
    write = "import pathlib, sys; pathlib.Path(sys.argv[1], 'made').write_text(sys.argv[2])"
    stages = f"""
methods = [dict(name='A', stages=[
    dict(name='pretrain', config='a.py', overrides={{'train_cfg.max_epochs': 3}}),
    dict(name='note', command=[{sys.executable!r}, '-S', '-c', {write!r}, '{{work_dir}}', '{{pretrain.checkpoint}}']),
    dict(name='finetune', config='a.py', overrides={{
        'behaviour.start_from': '{{pretrain.checkpoint}}', 'behaviour.made': '{{note.work_dir}}/made'}}),
])]
metrics = ['mIoU']
"""
    study = bench.study(stages)
    assert bench.run(study) == 0
    first = bench.root / "A/seed_0/pretrain/epoch_3.pth"
    config = (bench.root / "A/seed_0/finetune/config.py").read_text()
    assert f"'start_from': '{first.as_posix()}'" in config
    assert (bench.root / "A/seed_0/note/made").read_text() == first.as_posix()
    record = json.loads((bench.root / "A/seed_0/finetune/run.json").read_text())
    assert record["identity"]["config"]["behaviour"]["start_from"] == "{pretrain.checkpoint}", "no path that moves"
    pretrained = json.loads((bench.root / "A/seed_0/pretrain/run.json").read_text())
    assert record["identity"]["inputs"]["pretrain.checkpoint"] == pretrained["result"]["checkpoint"]["sha256"]
    bench.study(stages.replace("max_epochs': 3", "max_epochs': 4"))
    with pytest.raises(StudyError, match=r"pretrain: train_cfg\.max_epochs was 3 and is 4"):
        bench.run(study)
    assert bench.run(study, redo=True) == 0
    assert len(bench.starts("A/seed_0/finetune")) == 1, "what was made from the old weights is gone"
    assert (bench.root / "A/seed_0/note/made").read_text().endswith("epoch_4.pth")


def test_a_placeholder_of_a_stage_that_comes_later_is_refused(bench):
    bench.config("a.py")
    chain = "dict(name='one', config='a.py', overrides={'load_from': '{two.checkpoint}'}), dict(name='two', config='a.py')"
    study = bench.study(f"methods = [dict(name='A', stages=[{chain}])]\nmetrics = ['mIoU']\n")
    with pytest.raises(StudyError, match=r"\{two\.checkpoint\} stands for nothing here"):
        bench.run(study)
