"""Several processes that share scenes make the maps that one makes, and lose none of them when one dies."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from damaged_files import cut
from tiny_maps import files_of, leftovers, make_inferencer, one_thread, watch, write_model, write_scene

from rs_da_mm.inference import MapOptions
from rs_da_mm.inference.inputs import find_scenes
from rs_da_mm.inference.many_scenes import join_tidings, map_scenes
from rs_da_mm.inference.ranks import Ranks

TESTS = Path(__file__).resolve().parents[1]
OPTIONS = {"scores": "uint8", "uncertainty": "entropy"}
WORDS = ["--window", "32", "--scores", "uint8", "--uncertainty", "entropy", "--precision", "float32"]
DIES = """
import os, runpy, signal, sys, time
from pathlib import Path
from rs_da_mm.inference.segmentors.segmentor import Segmentor

usual, calls, begun = Segmentor.__call__, [0], Path(sys.argv[0]).with_name("begun")

def call(self, pixels, valid):
    calls[0] += 1
    if os.environ["RANK"] == "1":
        begun.touch()
        if calls[0] == 3:
            os.kill(os.getpid(), signal.SIGKILL)
    while not begun.exists():
        time.sleep(0.05)
    return usual(self, pixels, valid)

Segmentor.__call__ = call
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    with one_thread():
        yield write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def scenes(tmp_path):
    """Five scenes of different sizes."""
    folder = tmp_path / "scenes"
    for seed, (name, height) in enumerate(zip("abcde", (100, 40, 60, 20, 80), strict=True)):
        write_scene(folder / f"{name}.tif", height, 90, seed=seed)
    return folder


@pytest.fixture
def alone(model, scenes, tmp_path):
    """What is in the maps that one process makes."""
    inferencer = make_inferencer(model, MapOptions(window=32, **OPTIONS))
    tidings = map_scenes(inferencer.map_input, list(find_scenes(scenes)), tmp_path / "alone")
    return {name: files_of(tmp_path / "alone" / f"{name}.tif") for name in tidings.made}


def test_two_at_once_make_the_same_maps_once(model, scenes, alone, tmp_path):
    inputs, out, tidings, made = list(find_scenes(scenes)), tmp_path / "maps", {}, []
    barrier = threading.Barrier(2)

    def work(index):
        inferencer = make_inferencer(model, MapOptions(window=32, **OPTIONS))
        watch(inferencer, lambda number: time.sleep(0.005))  # so that each meets what the other one is at
        inferencer.tell = made.append
        barrier.wait(60)
        tidings[index] = map_scenes(inferencer.map_input, inputs, out, Ranks(index, 2))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    joined = join_tidings([tidings[0], tidings[1]])
    assert (sorted(joined.made), joined.there, joined.failed) == (list("abcde"), [], {})
    assert all(one.made for one in tidings.values())
    assert not {*tidings[0].made} & {*tidings[1].made}
    assert sum(" windows of " in sentence for sentence in made) == 5
    assert {name: files_of(out / f"{name}.tif") for name in "abcde"} == alone
    assert leftovers(out) == []


def torchrun(script, *words):
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    return subprocess.run(
        [sys.executable, "-W", "ignore", *launcher, *map(str, (*script, *words)), "--launcher", "pytorch"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


TOOL = TESTS.parent / "tools" / "segment_scene.py"


@pytest.mark.slow
def test_two_ranks_of_torchrun_make_the_same_maps(model, scenes, alone, tmp_path):
    cut(scenes / "c.tif", 0.2)
    out = tmp_path / "maps"
    done = torchrun([TOOL], *model, scenes, out, *WORDS)
    assert done.returncode == 1
    assert "4 maps made, 0 were there, 1 failed." in done.stdout
    assert re.search(r"^  c: .*c\.tif", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr.partition("torch/distributed")[0]
    made = {rank: set(re.findall(rf"rank {rank}: .*/(\w)\.tif: .* Mpx", done.stdout)) for rank in (0, 1)}
    assert made[0] | made[1] == set("abde")
    assert not made[0] & made[1]
    assert {name: files_of(out / f"{name}.tif") for name in "abde"} == {name: alone[name] for name in "abde"}
    assert leftovers(out) == []

    write_scene(scenes / "c.tif", 60, 90, seed=2)
    again = torchrun([TOOL], *model, scenes, out, *WORDS)
    assert again.returncode == 0, again.stderr[-2000:]
    assert "1 maps made, 4 were there, 0 failed." in again.stdout
    assert {name: files_of(out / f"{name}.tif") for name in "abcde"} == alone


@pytest.mark.slow
def test_a_rank_that_is_killed_is_named_and_the_next_run_does_its_scenes(model, scenes, alone, tmp_path):
    (tmp_path / "dies.py").write_text(DIES, encoding="utf-8")
    out, began = tmp_path / "maps", time.monotonic()
    done = torchrun([tmp_path / "dies.py", TOOL], *model, scenes, out, *WORDS)
    assert time.monotonic() - began < 90
    assert done.returncode == 1
    summary = done.stderr[done.stderr.index("Root Cause (first observed failure)") :]
    assert "rank      : 1 " in summary
    assert "Signal 9 (SIGKILL)" in summary
    there = {path.stem for path in out.glob("*.json")}
    assert there < set("abcde")
    assert ".c.unfinished" in leftovers(out), "the second rank begins with the third scene"

    inferencer = make_inferencer(model, MapOptions(window=32, **OPTIONS))
    tidings = map_scenes(inferencer.map_input, list(find_scenes(scenes)), out)
    assert set(tidings.there) == there
    assert set(tidings.made) == set("abcde") - there
    assert {name: files_of(out / f"{name}.tif") for name in "abcde"} == alone
    assert leftovers(out) == []
