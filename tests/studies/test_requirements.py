"""What must be in order before anything is run."""

from __future__ import annotations

import pytest

from rs_da_mm.studies.fields import StudyError

BOTH = "methods = [dict(name='A', config='a.py'{a}), dict(name='B', config='b.py'{b})]\nmetrics = ['mIoU']\n"


@pytest.fixture
def both(bench):
    bench.config("a.py")
    bench.config("b.py", 71.0)
    return lambda a="", b="", more="": bench.study(BOTH.format(a=a, b=b) + more)


def test_what_is_not_there_is_said_in_the_cell_and_the_others_are_run(bench, both):
    needs = ", needs=[dict(path='none.pth', what='the ImageNet weights'), 'nowhere']"
    assert bench.run(both(a=needs)) == 0
    assert [row[1:] for row in bench.table()[1:]] == [["0 of 1", "needs the ImageNet weights, nowhere"], ["1", "71.00"]]
    assert "A: needs the ImageNet weights, nowhere; passed over" in bench.reporter.events
    assert "A needs what is not there: the ImageNet weights, nowhere." in (bench.root / "table.md").read_text()


def test_data_and_weights_that_are_not_there_need_not_be_listed(bench, both):
    study = both(a=", checkpoint='{seed}.pth'", b=", overrides={'test_dataloader.dataset.data_root': 'no/data'}")
    assert bench.run(study) == 0
    assert [row[2] for row in bench.table()[1:]] == ["needs 0.pth", "needs no/data"]


def test_weights_that_are_there_are_evaluated_without_training(bench, both, pretending_tools):
    pool = pretending_tools.folder / "pool"
    assert bench.run(both(a=f", checkpoint={(pool / '3.pth').as_posix()!r}", more="seeds = [0, 1]\n")) == 0
    assert bench.table()[1:] == [["A", "1", "**218.50**"], ["B", "2", "71.75 ± 1.06"]]  # of seed 99
    text = (bench.root / "table.md").read_text()
    assert "3.pth, evaluated as it was found" in text
    assert "The budgets differ: samples (A unknown; B 24)" in text
    assert not (bench.root / "A/fixed/train/run.json").exists()


def test_equal_budgets_are_refused_where_the_configs_promise_others(bench, both):
    study = both(a=", overrides={'train_cfg.max_epochs': 3, 'train_dataloader.batch_size': 8}", more="budget = 'equal'\n")
    with pytest.raises(
        StudyError, match=r"iterations \(A max_epochs=3; B max_epochs=2\); samples \(A batch_size=8; B batch_size=4\)"
    ):
        bench.run(study)
    assert not bench.root.exists()


def test_the_best_checkpoint_of_a_config_that_keeps_none_is_refused(bench, both):
    with pytest.raises(StudyError, match=r"select is 'best', and the config's default_hooks\.checkpoint has no save_best"):
        bench.run(both(a=", overrides={'default_hooks.checkpoint.save_best': None}"))
    assert bench.run(both(a=", overrides={'default_hooks.checkpoint.save_best': None}, select='last'")) == 0
    text = (bench.root / "table.md").read_text()
    assert "Tested of A: the last checkpoint." in text
    assert "Tested of B: the checkpoint with the best mIoU on the validation data." in text
    with pytest.raises(StudyError, match="select is 'first'; expected 'best', 'last' or a pattern"):
        bench.run(both(more="select = 'first'\n"))


def test_a_mistake_in_an_override_is_told_with_the_run_that_it_is_in(bench, both):
    with pytest.raises(StudyError, match=r"study\.py: B, seed 0, train: the override 'modle\.x'.*Did you mean 'model'"):
        bench.run(both(b=", overrides={'modle.x': 1}"))
