"""What docs/own_data.md says can be typed: its examples run, and its options and arguments are those that there are."""

from __future__ import annotations

import inspect
import re
import runpy
import shlex
from pathlib import Path

import pytest
from tiny_own_data import SMALL, run_tool, write_images, write_shapes

from rs_da_mm.datasets import RasterFolderDataset
from rs_da_mm.models.segmentor_configs import segmentor_names
from rs_da_mm.registry import DATASETS

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "own_data.md").read_text(encoding="utf-8")
OTHERS = {"--preview", "--amp"}
QUICK = ["--window", "48", "--iterations", "2", "--batch-size", "2", "--no-estimate"]


@pytest.fixture
def workplace(tmp_path, monkeypatch, fresh_mmengine):
    for variable in ("OMP_WAIT_POLICY", "GDAL_CACHEMAX"):
        monkeypatch.setenv(variable, "")
    monkeypatch.chdir(tmp_path)
    labels = write_images(Path("images"))
    write_shapes(Path("fields.gpkg"), labels, gap=1.0)
    return tmp_path


def commands():
    (block,) = re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)
    return [shlex.split(line) for line in block.splitlines()]


@pytest.mark.slow
def test_the_commands_lead_from_a_folder_to_a_map(workplace, monkeypatch, capsys):
    loaders = [
        f"{part}_dataloader.{key}" for part in ("train", "val", "test") for key in ("num_workers=0", "persistent_workers=False")
    ]
    further = {
        "new_project.py": QUICK,
        "train.py": ["--cfg-options", *SMALL, *loaders],
        "test.py": ["--cfg-options", *SMALL, *loaders],
        "segment_scene.py": ["--cfg-options", *SMALL],
    }
    for words in commands():
        name = Path(words[1]).name
        typed = [str(next(iter(Path().glob(word)), word)) if "*" in word else word for word in words[2:]]
        status, _, error = run_tool(name, [*typed, *further.pop(name)], monkeypatch, capsys)
        assert status == 0, error
    assert not further
    assert Path("project/maps/scene_1.png").is_file()


def test_the_first_command_writes_what_the_page_lists(workplace, monkeypatch, capsys):
    status, told, error = run_tool("new_project.py", [*commands()[0][2:], *QUICK], monkeypatch, capsys)
    assert status == 0, error
    section = PAGE.split("## What the project holds")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `([\w./]+)` \|", section, flags=re.MULTILINE))
    there = {path.name + "/" * path.is_dir() for path in Path("project").iterdir()}
    assert listed == there | {"work/"}
    for words in commands()[1:]:
        assert f"tools/{Path(words[1]).name}" in told


def test_the_example_of_the_data_set(workplace):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names = {}
    exec(compile(example, "docs/own_data.md", "exec"), names)
    dataset = DATASETS.build(names["dataset"])
    pixels = dataset.class_counts().sum(axis=0)
    assert dataset.metainfo["classes"] == ("water", "land")
    assert (pixels > 0).all()


def test_the_options_are_those_of_the_tool(monkeypatch, capsys):
    monkeypatch.setenv("OMP_WAIT_POLICY", "")
    monkeypatch.setattr("sys.argv", ["new_project.py", "--help"])
    tool = runpy.run_path(str(ROOT / "tools" / "new_project.py"))
    with pytest.raises(SystemExit):
        tool["parse_arguments"]()
    options = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", capsys.readouterr().out)) - {"--help"}
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]+", PAGE)) - OTHERS == options


def test_the_arguments_are_those_of_the_data_set():
    section = PAGE.split("## The data set by itself")[1]
    rows = re.findall(r"^\| (`[^|]+`) \|", section, flags=re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    own = set(inspect.signature(RasterFolderDataset.__init__).parameters) - {"self", "options"}
    assert told == own


def test_the_networks_are_there():
    (row,) = re.findall(r"^\| `--model` \| (.*) \|$", PAGE, flags=re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) <= set(segmentor_names())
