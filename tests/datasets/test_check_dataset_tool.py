from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check_dataset.py"


def run(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, "argv", [str(TOOL), *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(TOOL), run_name="__main__")
    return left.value.code


def config(root: Path) -> Path:
    path = root / "config.py"
    split = "dict(type='random', ratios=(0.6, 0.2, 0.2), seed=0)"
    loader = "dict(dataset=dict(type='GIDDataset', data_root=r'{}', window_size=8, split={}, part='{}'))"
    path.write_text("\n".join(f"{part}_dataloader = {loader.format(root, split, part)}" for part in ("train", "val", "test")))
    return path


def test_a_sound_data_set_leaves_with_0_and_a_report(tmp_path, gid_maker, monkeypatch, capsys):
    gid_maker({"a": (40, 50)})
    assert run(monkeypatch, config(tmp_path), "--out", tmp_path / "report.json") == 0
    said = capsys.readouterr().out
    assert said.index("== train") < said.index("== val") < said.index("== test") < said.index("no problems")
    assert len(json.loads((tmp_path / "report.json").read_text())["parts"]) == 3


def test_a_broken_one_leaves_with_1_and_names_the_file(tmp_path, gid_maker, monkeypatch, capsys):
    gid_maker({"a": (40, 50), "b": (40, 50)})
    path = tmp_path / "label_5classes/b_label.tif"
    path.write_bytes(path.read_bytes()[:-500])
    assert run(monkeypatch, config(tmp_path), "--part", "train") == 1
    said = capsys.readouterr().out
    assert "== 1 problem" in said
    assert "b_label.tif" in said


def test_a_data_set_can_be_named_and_given_options(tmp_path, gid_maker, monkeypatch, capsys):
    gid_maker({"a": (40, 50)})
    assert (
        run(monkeypatch, "--dataset", "GIDDataset", "--data-root", tmp_path, "--cfg-options", "window_size=16", "bands=[2]") == 0
    )
    said = capsys.readouterr().out
    assert "== all" in said
    assert "6 windows" in said
    assert "green" in said
    assert "blue" not in said


def test_settings_of_a_config_can_be_overridden(tmp_path, gid_maker, monkeypatch, capsys):
    gid_maker({"a": (40, 50)})
    override = "train_dataloader.dataset.window_size=16"
    assert run(monkeypatch, config(tmp_path), "--part", "train", "--cfg-options", override) == 0
    assert "4 windows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Give a config, or --dataset and a name"),
        (["x.py", "--dataset", "GIDDataset"], "one of the two"),
        (["nowhere.py"], "nowhere.py: there is no such config file"),
        (["--dataset", "GIDDataset", "--data-root", "nowhere"], "`python tools/make_sample_data.py gid`"),
        (["--dataset", "NoSuch"], "'NoSuch' is not one of the data sets that can be checked"),
    ],
)
def test_input_that_cannot_be_used_is_one_sentence_and_status_1(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
