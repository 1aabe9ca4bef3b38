"""What the quickstart runs, and what it leaves alone."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))
quickstart = importlib.import_module("quickstart")


@pytest.fixture
def ran(tmp_path, monkeypatch) -> list[list[str]]:
    """The commands that were run, in a clone without data."""
    commands: list[list[str]] = []

    def run(_: str, command: list[str]) -> None:
        commands.append(command)
        if command[0] == "tools/train.py":
            work_dir = tmp_path / command[command.index("--work-dir") + 1]
            work_dir.mkdir(parents=True)
            (work_dir / "best_mIoU_epoch_2.pth").touch()

    monkeypatch.setattr(quickstart, "ROOT", tmp_path)
    monkeypatch.setattr(quickstart, "run", run)
    monkeypatch.setattr(quickstart._setup_env, "prepare", lambda _: Path(sys.executable))
    return commands


def put_data(root: Path, *names: str) -> Path:
    folder = root / quickstart.DATA
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("as it was")
    return folder


def test_it_makes_the_miniature_then_trains_and_evaluates(ran, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["quickstart.py", "--size", "small", "--max-epochs", "2", "--work-dir", "work_dirs/mine"])
    quickstart.main()
    assert ran[0] == ["tools/make_sample_data.py", "gid", "--root", "data", "--size", "small"]
    assert ran[1][:4] == ["tools/train.py", "configs/macunet_gid.py", "--work-dir", "work_dirs/mine"]
    assert "train_cfg.max_epochs=2" in ran[1]
    best = str(tmp_path / "work_dirs" / "mine" / "best_mIoU_epoch_2.pth")
    assert ran[2] == ["tools/test.py", "configs/macunet_gid.py", best, "--work-dir", "work_dirs/mine"]
    told = capsys.readouterr().out
    assert "python " + " ".join(ran[1][:5]) in told
    assert "not the paper's" in told
    assert "No score on it says anything about GID" in told


def test_a_miniature_that_is_there_is_used_as_it_is(ran, tmp_path):
    folder = put_data(tmp_path, quickstart.NOTE)
    quickstart.make_miniature("python", "small")
    assert ran == []
    assert (folder / quickstart.NOTE).read_text() == "as it was"


def test_real_data_is_left_alone(ran, tmp_path, capsys):
    folder = put_data(tmp_path, "scene.tif")
    with pytest.raises(SystemExit):
        quickstart.make_miniature("python", "small")
    assert ran == []
    assert (folder / "scene.tif").read_text() == "as it was"
    assert "not a miniature" in capsys.readouterr().err


def test_the_data_is_where_the_config_looks():
    config = Config.fromfile(str(ROOT / quickstart.CONFIG))
    assert config.train_dataloader.dataset.data_root == quickstart.DATA


def test_every_short_setting_overrides_one_that_is_there():
    config = Config.fromfile(str(ROOT / quickstart.CONFIG))
    for option in quickstart.short_schedule(3):
        place = config
        for key in option.partition("=")[0].split("."):
            assert key in place, option
            place = place[key]


def test_a_failing_tool_ends_it_with_its_status(monkeypatch, capsys, tmp_path):
    (tmp_path / "fails.py").write_text("raise SystemExit(7)")
    monkeypatch.setattr(quickstart, "ROOT", tmp_path)
    with pytest.raises(SystemExit) as caught:
        quickstart.run(sys.executable, ["fails.py"])
    assert caught.value.code == 7
    assert "python fails.py" in capsys.readouterr().err


def test_results_of_this_run_are_listed_and_older_ones_are_not(tmp_path, capsys):
    for name, age in (("old.pth", -100), ("epoch_1.pth", 1), ("panel.png", 1)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 + age, 1000 + age))
    rows = [{"mIoU": 1.0}, {"loss": 2.0}, {"mIoU": 49.126, "OA": 66.374}, {"loss": 0.5}]
    (tmp_path / "scalars.json").write_text("\n".join(json.dumps(row) for row in rows))
    quickstart.show_results(tmp_path, 1000)
    told = capsys.readouterr().out
    assert "epoch_1.pth" in told
    assert "panel.png" in told
    assert "old.pth" not in told
    assert "OA 66.37  mIoU 49.13" in told
