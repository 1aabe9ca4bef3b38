from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from rs_da_mm.engine.checkpoints.plain_config import REMOVED, REPLACED, plain_config, shareable_config
from rs_da_mm.models.macunet import MACUNet


def test_everything_has_a_form_that_json_holds():
    config = Config(
        {
            "model": {"type": MACUNet, "ratios": (0.5, 1), "nothing": None, "flag": True},
            "place": Path("data") / "gid",
            "legend": {(0, 0, 255): 5, (0, 255, 0): 2},
            "array": np.array([1.5, 2.0]),
            "number": np.int64(3),
            "function": np.mean,
            "object": object(),
        }
    )
    plain = plain_config(config)
    assert json.loads(json.dumps(plain)) == plain
    assert plain["model"] == {
        "type": "rs_da_mm.models.macunet.network.MACUNet",
        "ratios": [0.5, 1],
        "nothing": None,
        "flag": True,
    }
    assert Path(plain["place"]) == Path("data", "gid")
    assert plain["legend"] == [[[0, 0, 255], 5], [[0, 255, 0], 2]]
    assert plain["array"] == [1.5, 2.0]
    assert plain["number"] == 3
    assert plain["function"] == "numpy.mean"
    assert plain["object"] == "<builtins.object>"


def test_the_name_of_a_class_is_one_that_the_registries_know():
    from mmengine.registry import MODELS

    plain = plain_config(Config({"model": {"type": MACUNet}}))
    assert MODELS.get(plain["model"]["type"]) is MACUNet


def test_a_config_of_imports_is_told_by_names(tmp_path):
    path = tmp_path / "lazy.py"
    path.write_text(
        "from mmengine.config import read_base\n"
        "from rs_da_mm.models.macunet import MACUNet\n"
        "model = dict(type=MACUNet, in_channels=3)\n",
        encoding="utf-8",
    )
    plain = plain_config(Config.fromfile(path))
    assert plain == {"model": {"type": "rs_da_mm.models.macunet.MACUNet", "in_channels": 3}}


HOME = str(Path.home())


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("data/GID", "data/GID"),
        ("mIoU", "mIoU"),
        ("a/b and c / d", "a/b and c / d"),
        ("{work}/data/GID", "data/GID"),
        ("{work}", "."),
        ("/mnt/archive/My Data/GID", f"{REPLACED}/GID"),
        ("/data/GID", f"{REPLACED}/GID"),
        ("/home/somebody", REPLACED),
        ("/Users/somebody/GID", f"{REPLACED}/GID"),
        (HOME, REPLACED),
        ("~/data/GID", f"{REPLACED}/GID"),
        ("~nobody_of_this_name", REPLACED),
        ("C:\\Users\\somebody\\data\\GID", f"{REPLACED}/GID"),
        ("D:/data/GID", f"{REPLACED}/GID"),
        ("\\\\server\\share\\GID", f"{REPLACED}/GID"),
        ("read /home/somebody/data/a.txt, then 'C:\\data\\b.txt'", f"read {REPLACED}/a.txt, then '{REPLACED}/b.txt'"),
        ("lines\n/home/somebody/x.py", f"lines\n{REPLACED}/x.py"),
        ("open-mmlab://resnet50_v1c", "open-mmlab://resnet50_v1c"),
        ("https://user:secret@some.org/a/b.pth?x=1", "https://some.org/a/b.pth?x=1"),
        (r"^backbone\.(\w+)/(\d+)$", r"^backbone\.(\w+)/(\d+)$"),
    ],
)
def test_no_folder_of_the_machine_is_told(tmp_path, monkeypatch, text, shared):
    monkeypatch.chdir(tmp_path)
    config = Config({"key": [{"path": text.format(work=tmp_path) if "{work}" in text else text}]})
    found, changed = shareable_config(config)
    assert found == {"key": [{"path": shared}]}
    assert changed == ([] if shared == text else ["key[0].path"])


def test_the_root_folder_makes_nothing_relative(monkeypatch):
    monkeypatch.chdir(Path.cwd().anchor)
    assert shareable_config(Config({"a": "/home/somebody/GID"}))[0] == {"a": f"{REPLACED}/GID"}


def test_what_belongs_to_the_run_and_to_nobody_else_is_left_out():
    config = Config(
        {
            "work_dir": "/home/somebody/runs",
            "launcher": "slurm",
            "resume": True,
            "backend": {"init_kwargs": {"api_key": "abc", "entity": "us"}},
            "model": {"with_cls_token": True, "token": 3},
        }
    )
    shared, changed = shareable_config(config)
    assert shared == {
        "backend": {"init_kwargs": {"api_key": REMOVED, "entity": "us"}},
        "model": {"with_cls_token": True, "token": 3},
    }
    assert changed == ["backend.init_kwargs.api_key"]
