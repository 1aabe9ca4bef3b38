"""A study on the spot: tiny configs, and tools that only pretend to train and test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from rs_da_mm.studies import command, execution
from rs_da_mm.studies.command import Request, compare
from rs_da_mm.studies.execution import Options
from rs_da_mm.studies.plan import make_plan
from rs_da_mm.studies.preparation import Tools
from rs_da_mm.studies.reading import read_study
from rs_da_mm.studies.records import DONE, Record
from rs_da_mm.studies.results import Results, Run

CONFIG = """
model = dict(quality={quality})
randomness = dict(seed=99)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2)
val_cfg, test_cfg = dict(), dict()
default_hooks = dict(checkpoint=dict(type='CheckpointHook', save_best='mIoU'))
custom_hooks = []
train_dataloader = dict(batch_size=4, dataset=dict(type='Fields', data_root={root!r}, window_size=64))
val_dataloader = dict(batch_size=1, dataset=dict(type='Fields', data_root={root!r}))
test_dataloader = dict(batch_size=1, dataset=dict(type='Fields', data_root={root!r}))
val_evaluator = dict(type='Metric')
test_evaluator = dict(type='Metric')
behaviour = dict()
"""

# Trains by copying prepared checkpoints, one per epoch. `behaviour` in the config makes it fail or stop.
TRAIN = """
import json, os, pathlib, runpy, shutil, signal, sys, time
config = runpy.run_path(sys.argv[1])
work = pathlib.Path(sys.argv[sys.argv.index("--work-dir") + 1])
pool = pathlib.Path(__file__).with_name("pool")
behaviour, seed, last = config["behaviour"], config["randomness"]["seed"], config["train_cfg"]["max_epochs"]
with (work / "started.txt").open("a") as file:
    file.write(" ".join(sys.argv[4:]) + "|" + os.environ.get("CUDA_VISIBLE_DEVICES", "") + "\\n")
done = 0
if "--resume" in sys.argv:
    done = int((work / "last_checkpoint").read_text().rpartition("_")[2].split(".")[0])
if behaviour.get("fail"):
    sys.exit("error: out of luck")
if "start_from" in behaviour:
    start = pathlib.Path(behaviour["start_from"])
    assert start.is_file(), start
for epoch in range(done + 1, last + 1):
    shutil.copy(pool / f"{(seed * 5 + epoch * 2) % 12}.pth", work / f"epoch_{epoch}.pth")
    (work / "last_checkpoint").write_text(str(work / f"epoch_{epoch}.pth"))
    print(f"11/20 09:22:15 - mmengine - INFO - Epoch(train) [{epoch}][3/3]  eta: 0:00:07  loss: 0.5", flush=True)
    once = work.parent / f"{work.name}.once"
    if epoch == 1 and not once.exists():
        once.touch()
        if behaviour.get("stop"):
            sys.exit(75)
        if behaviour.get("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        if behaviour.get("wait"):
            signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(75))
            (work / "waiting").touch()
            time.sleep(60)
shutil.copy(pool / f"{(seed * 5 + last * 2) % 12}.pth", work / f"best_mIoU_epoch_{last}.pth")
batch = config["train_dataloader"]["batch_size"]
counts = dict(iterations=3 * last, epochs=last, samples=3 * last * batch, pixels=3 * last * batch * 64 * 64, window=[64, 64],
              dataset_windows=12, labelled_windows=12, batch_size=batch, ranks=1, parameters=1234, seconds=2.0 * last,
              max_epochs=last, max_iters=3 * last)
(work / "training_budget.json").write_text(json.dumps(counts))
"""

# The score depends on the config's quality and the seed, the file on the checkpoint. Predictions are PNGs of the class `seed`.
TEST = """
import hashlib, json, pathlib, runpy, struct, sys, zlib
config = runpy.run_path(sys.argv[1])
checkpoint = pathlib.Path(sys.argv[2])
digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
if config["behaviour"].get("fail_test"):
    sys.exit("error: nothing to test")
dataset, seed = config["test_dataloader"]["dataset"], config["randomness"]["seed"]
quality = config["model"]["quality"] + dataset.get("offset", 0)
metrics = {"mIoU": quality + seed * 1.5, "FID": 100.0 - quality, "empty": None}
words = sys.argv[3:]
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
if "--json" in words:
    content = dict(metrics=metrics, samples=7, datasets=[dict(type="Fields", length=7)], tta="--tta" in words, parameters=1234,
                   checkpoint=str(checkpoint), checkpoint_sha256=digest, config=sys.argv[1], config_sha256="c")
    pathlib.Path(words[words.index("--json") + 1]).write_text(json.dumps(content))
else:
    folder = pathlib.Path(words[words.index("--out") + 1])
    folder.mkdir()
    pixels = zlib.compress((b"\\0" + bytes([seed]) * 64) * 48)
    for index in dataset["indices"]:
        header = struct.pack(">IIBBBBB", 64, 48, 8, 0, 0, 0, 0)
        data = b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
        (folder / f"field_{index}.png").write_bytes(data)
"""


class Notes:
    """A reporter that remembers."""

    def __init__(self):
        self.events = []

    def event(self, text):
        self.events.append(text)

    def show(self, running):
        self.running = [job.name for job, _ in running]


class Bench:
    """Writes configs and study files into a folder, and runs studies with the pretending tools."""

    def __init__(self, folder: Path, tools: Tools) -> None:
        self.folder = folder
        self.tools = tools
        self.reporter = Notes()
        (folder / "data").mkdir()

    def config(self, name: str, quality: float = 70.0, more: str = "") -> str:
        (self.folder / name).write_text(CONFIG.format(quality=quality, root=(self.folder / "data").as_posix()) + more)
        return name

    def study(self, text: str) -> Path:
        path = self.folder / "study.py"
        path.write_text(text)
        return path

    @property
    def root(self) -> Path:
        return self.folder / "out" / "study"

    def run(self, study: Path, redo: bool = False, jobs: int = 1, devices=(), stop=None, **more) -> int:
        self.reporter.events.clear()
        request = Request(study, self.folder / "out", Options(jobs, tuple(devices), redo), **more)
        return compare(request, self.tools, self.reporter, stop)

    def starts(self, job: str) -> list[str]:
        """The options that a training was started with, and its GPU."""
        return (self.root / job / "started.txt").read_text().splitlines()

    def table(self) -> list[list[str]]:
        """The cells of the first table."""
        lines = (self.root / "table.md").read_text().splitlines()
        first = next(index for index, line in enumerate(lines) if line.startswith("|"))
        rows = []
        for line in lines[first:]:
            if not line.startswith("|"):
                break
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        return [rows[0], *rows[2:]]


@pytest.fixture(scope="session")
def pretending_tools(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tools")
    (folder / "pool").mkdir()
    for index in range(12):
        torch.save(
            {"meta": {"iter": 6, "epoch": 2}, "state_dict": {"w": torch.tensor([float(index)])}}, folder / f"pool/{index}.pth"
        )
    (folder / "train.py").write_text(TRAIN)
    (folder / "test.py").write_text(TEST)
    python = (sys.executable, "-S")
    return Tools((*python, str(folder / "train.py")), (*python, str(folder / "test.py")), folder)


@pytest.fixture
def bench(tmp_path, pretending_tools, monkeypatch):
    monkeypatch.setattr(execution, "_PAUSE", 0.02)
    monkeypatch.setattr(command, "draw_bars", lambda results, folder: [])
    return Bench(tmp_path, pretending_tools)


TWO_METHODS = """
title = 'Two of them'
methods = [dict(name='A', config='a.py'), dict(name='B', config='b.py')]
metrics = [dict(name='mIoU', title='mIoU (%)'), dict(name='FID', better='lower', decimals=1)]
seeds = [0, 1]
"""


@pytest.fixture
def two_methods(bench):
    bench.config("a.py", 70.0)
    bench.config("b.py", 72.5)
    return bench.study(TWO_METHODS)


@pytest.fixture
def make_results(tmp_path):
    """Make results that nobody has run, from metrics (or the state of a run) by method, group, test and seed."""

    def make(values, messages=None, miniature=False, trainings=(), budgets=None, **content):
        (tmp_path / "a.py").write_text("")
        names = dict.fromkeys(key[0] for key in values)
        study = read_study({"methods": [{"name": name, "config": "a.py"} for name in names], **content}, tmp_path / "study.py")
        runs = []
        for job in make_plan(study).jobs.values():
            value = values.get((job.method, job.group, job.test, job.seed), "missing")
            if job.kind == "test" and isinstance(value, str):
                runs.append(Run(job, value, (messages or {}).get(job.method, "")))
            elif job.kind == "test":
                scores = {"metrics": value, "samples": 7, "checkpoint": "c.pth", "checkpoint_sha256": "f" * 64, "parameters": 12}
                record = Record(DONE, {"data": {"root": "miniature, x" if miniature else "no miniature"}}, ("test.py", "x"))
                runs.append(Run(job, "done", "", scores, record, (budgets or {}).get(job.method)))
        return Results(study, tmp_path, tuple(runs), tuple(trainings), {})

    return make
