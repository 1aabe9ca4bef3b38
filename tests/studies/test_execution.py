"""Running a study: what is missing is run, what was interrupted goes on, what failed is told."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time

import pytest

from rs_da_mm.folder_locks import FolderLock
from rs_da_mm.studies.children import StopRequest
from rs_da_mm.studies.fields import StudyError

ONE = "methods = [dict(name='A', config='a.py')]\nmetrics = ['mIoU']\n"


def record(bench, job):
    return json.loads((bench.root / job / "run.json").read_text())


def test_everything_is_run_once_and_then_left_alone(bench, two_methods):
    assert bench.run(two_methods) == 0
    assert bench.table()[1:] == [
        ["A", "2", "70.75 ± 1.06", "30.0 ± 0.0"],
        ["B", "2", "**73.25 ± 1.06**", "**27.5 ± 0.0**"],
    ]
    assert len([event for event in bench.reporter.events if event.endswith("log.txt")]) == 8, "4 trainings and 4 tests"
    first = (bench.root / "table.md").read_bytes()
    assert bench.run(two_methods) == 0
    assert bench.reporter.events == []
    assert (bench.root / "table.md").read_bytes() == first
    assert bench.starts("A/seed_0/train") == ["|"]


def test_the_seed_and_the_overrides_reach_the_training(bench):
    bench.config("a.py")
    bench.study(ONE + "seeds = [3]\noverrides = {'train_cfg.max_epochs': 1}\n")
    assert bench.run(bench.folder / "study.py") == 0
    text = (bench.root / "A/seed_3/train/config.py").read_text()
    assert "randomness = {'seed': 3}" in text
    assert "'max_epochs': 1" in text
    found = record(bench, "A/seed_3/train")
    assert found["identity"]["config"]["randomness"] == {"seed": 3}
    assert found["result"]["checkpoint"]["file"] == "best_mIoU_epoch_1.pth"
    assert found["result"]["budget"]["iterations"] == 3


def test_a_run_that_asks_for_a_stop_stops_the_study_which_then_goes_on(bench):
    bench.config("a.py", more="behaviour = dict(stop=True)\n")
    bench.config("b.py")
    study = bench.study("methods = [dict(name='A', config='a.py'), dict(name='B', config='b.py')]\nmetrics = ['mIoU']\n")
    assert bench.run(study) == 75
    assert record(bench, "A/seed_0/train")["state"] == "stopped"
    assert not (bench.root / "B").exists()
    assert bench.table()[1] == ["A", "0 of 1", "interrupted"]
    assert bench.run(study) == 0
    assert bench.starts("A/seed_0/train") == ["|", "--resume|"]
    assert bench.table()[1] == ["A", "1", "70.00"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_run_that_is_killed_is_told_and_resumed_and_the_table_is_that_of_an_undisturbed_study(bench):
    bench.config("a.py", more="behaviour = dict(die=True)\n")
    bench.config("b.py", 71.0)
    study = bench.study("methods = [dict(name='A', config='a.py'), dict(name='B', config='b.py')]\nmetrics = ['mIoU']\n")
    assert bench.run(study) == 1
    assert [row[2] for row in bench.table()[1:]] == ["failed (see log)", "71.00"]
    assert "ended with status -9" in " ".join(bench.reporter.events)
    assert bench.run(study) == 0
    assert bench.starts("A/seed_0/train") == ["|", "--resume|"]
    resumed = (bench.root / "table.md").read_text()
    elsewhere = bench.folder / "out" / "elsewhere"
    (elsewhere / "A/seed_0").mkdir(parents=True)
    (elsewhere / "A/seed_0/train.once").touch()  # so that it is not killed there
    study.write_text(study.read_text() + "name = 'elsewhere'\ntitle = 'study'\n")
    assert bench.run(study) == 0
    assert (elsewhere / "A/seed_0/train/started.txt").read_text() == "|\n"
    assert (elsewhere / "table.md").read_text() == resumed


def test_a_failure_is_told_and_the_others_go_on(bench):
    bench.config("a.py", more="behaviour = dict(fail=True)\n")
    bench.config("b.py", more="behaviour = dict(fail_test=True)\n")
    bench.config("c.py", 71.0)
    names = ", ".join(f"dict(name='{name.upper()}', config='{name}.py')" for name in "abc")
    study = bench.study(f"methods = [{names}]\nmetrics = ['mIoU']\n")
    assert bench.run(study) == 1
    assert [row[1:] for row in bench.table()[1:]] == [
        ["0 of 1", "failed (see log)"],
        ["0 of 1", "failed (see log)"],
        ["1", "71.00"],
    ]
    text = (bench.root / "table.md").read_text()
    assert "A failed: " in text
    assert "out of luck" in text
    assert "nothing to test" in text
    assert record(bench, "A/seed_0/train")["message"] == "out of luck"


def test_a_changed_config_is_refused_by_what_differs_and_redone_on_request(bench, two_methods):
    assert bench.run(two_methods) == 0
    bench.config("a.py", 75.0)
    with pytest.raises(StudyError, match=r"model\.quality was 70\.0 and is 75\.0.*--redo"):
        bench.run(two_methods)
    assert bench.run(two_methods, table_only=True) == 0
    assert bench.table()[1][2] == "run with other settings"
    assert bench.run(two_methods, redo=True) == 0
    assert [row[2] for row in bench.table()[1:]] == ["**75.75 ± 1.06**", "73.25 ± 1.06"]
    assert bench.starts("B/seed_0/train") == ["|"], "what did not change was left alone"


def test_an_interrupted_run_of_other_settings_is_refused_too(bench):
    bench.config("a.py", more="behaviour = dict(stop=True)\n")
    study = bench.study(ONE)
    assert bench.run(study) == 75
    bench.config("a.py", 71.0, more="behaviour = dict(stop=True)\n")
    with pytest.raises(StudyError, match=r"quality was 70\.0 and is 71\.0"):
        bench.run(study)


def test_a_miniature_in_the_place_of_the_data_is_another_run(bench):
    bench.config("a.py")
    study = bench.study(ONE)
    assert bench.run(study) == 0
    (bench.folder / "data" / "SAMPLE_DATA.txt").write_text("SYNTHETIC\n\nmade by: somebody\n")
    with pytest.raises(StudyError, match=r"no miniature.*miniature, made by somebody"):
        bench.run(study)
    assert bench.run(study, redo=True) == 0
    assert "**miniature**" in (bench.root / "table.md").read_text()


def test_only_some_are_run_and_the_table_shows_all(bench, two_methods):
    assert bench.run(two_methods, only=("B/1",)) == 0
    assert [row[1:3] for row in bench.table()[1:]] == [
        ["0 of 2", "not run yet"],
        ["1 of 2", "74.00 (1 of 2 seeds missing: not run yet)"],
    ]


def test_devices_are_handed_out_one_per_job(bench, two_methods):
    assert bench.run(two_methods, devices=("3", "5")) == 0
    devices = {bench.starts(f"{name}/seed_{seed}/train")[0] for name in "AB" for seed in (0, 1)}
    assert devices == {"|3", "|5"}


def test_jobs_run_at_the_same_time(bench):
    for name in "ab":
        bench.config(f"{name}.py", more="behaviour = dict(wait=True)\n")
    study = bench.study("methods = [dict(name='A', config='a.py'), dict(name='B', config='b.py')]\nmetrics = ['mIoU']\n")
    stop = StopRequest()

    def ask_when_both_wait():
        while not all((bench.root / name / "seed_0/train/waiting").exists() for name in "AB"):
            time.sleep(0.02)
        stop.signals.append(signal.SIGTERM)

    thread = threading.Thread(target=ask_when_both_wait)
    thread.start()
    assert bench.run(study, jobs=2, stop=stop) == 75
    thread.join()
    assert {record(bench, f"{name}/seed_0/train")["state"] for name in "AB"} == {"stopped"}
    assert bench.run(study, jobs=2) == 0
    assert bench.starts("B/seed_0/train")[-1] == "--resume|"


def test_ctrl_c_is_passed_on_and_leaves_with_130(bench):
    bench.config("a.py", more="behaviour = dict(wait=True)\n")
    study = bench.study(ONE)
    stop = StopRequest()

    def ask():
        while not (bench.root / "A/seed_0/train/waiting").exists():
            time.sleep(0.02)
        stop.signals.append(signal.SIGINT)

    thread = threading.Thread(target=ask)
    thread.start()
    assert bench.run(study, stop=stop) == 130
    thread.join()
    assert record(bench, "A/seed_0/train")["exit_status"] == 75


def test_a_run_that_somebody_else_is_at_is_left_to_them(bench, monkeypatch):
    monkeypatch.setattr("rs_da_mm.studies.execution._LOCK_PATIENCE", 0.1)
    bench.config("a.py")
    study = bench.study(ONE)
    lock = FolderLock(bench.root / "A/seed_0/train")
    assert lock.acquire()
    assert bench.run(study) == 1
    assert "another process is at it" in bench.reporter.events[-1]
    lock.release()
    assert bench.run(study) == 0


def test_a_test_is_run_again_when_its_checkpoint_is_another_one(bench):
    bench.config("a.py")
    study = bench.study(ONE)
    assert bench.run(study) == 0
    folder = bench.root / "A/seed_0/train"
    before = record(bench, "A/seed_0/train/tests/test")["identity"]["checkpoint"]
    content = record(bench, "A/seed_0/train")
    content["result"]["checkpoint"]["sha256"] = "0" * 64
    (folder / "run.json").write_text(json.dumps(content))
    assert bench.run(study) == 0
    assert record(bench, "A/seed_0/train/tests/test")["identity"]["checkpoint"] == "0" * 64 != before


def test_a_dry_run_runs_nothing(bench, two_methods, capsys):
    assert bench.run(two_methods, dry_run=True) == 0
    assert not bench.root.exists()
    told = capsys.readouterr().out
    assert "A, seed 0, train: to be run" in told
    assert "A, seed 0, test: after A, seed 0, train" in told
    assert "8 of 8 runs to be done" in told
    assert bench.run(two_methods, only=("A",)) == 0
    capsys.readouterr()
    bench.run(two_methods, dry_run=True)
    assert "A, seed 1, test: done" in capsys.readouterr().out
