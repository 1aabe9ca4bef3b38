"""tools/benchmarks/scenes.py: all methods get the same weights and windows, and ratios and goals are what they are called."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import torch

from rs_da_mm.inference.core.plan import plan_windows

BENCHMARKS = Path(__file__).parents[2] / "tools" / "benchmarks"
NAMES = ("_scene_inputs", "_scene_methods", "_scene_networks", "_scene_report", "_scene_task", "scenes")
HEIGHT, WIDTH, WINDOW, STRIDE = 150, 200, 64, 48


@pytest.fixture(scope="module")
def modules():
    """The benchmark's modules; what they import from their folder is forgotten afterwards."""
    before = set(sys.modules)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield SimpleNamespace(**{name.removeprefix("_scene_"): importlib.import_module(name) for name in NAMES})
    finally:
        sys.path.remove(str(BENCHMARKS))
        torch.set_num_threads(threads)
        for name in set(sys.modules) - before:
            if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == BENCHMARKS:
                del sys.modules[name]


@pytest.fixture(scope="module")
def inputs(modules, tmp_path_factory):
    return modules.inputs.make_inputs(tmp_path_factory.mktemp("inputs"), HEIGHT, WIDTH, steps=4, size=32)


@pytest.fixture
def task(modules, inputs, tmp_path):
    return modules.task.Task(asdict(inputs), str(tmp_path / "map.tif"), WINDOW, STRIDE, threads=1)


def test_the_scene_is_as_promised(modules, tmp_path):
    modules.inputs.write_scene(tmp_path / "scene.tif", modules.inputs.DrawnScene(260, 300))
    with rasterio.open(tmp_path / "scene.tif") as scene:
        assert (scene.shape, scene.count, scene.dtypes[0], scene.nodata) == ((260, 300), 4, "uint16", 0)
        assert scene.block_shapes[0] == (256, 256)
        assert scene.compression.name == "deflate"
        assert scene.crs.to_epsg() == 32632
        pixels = scene.read()
    leg = 0.14 * 260
    rows, columns = np.indices((260, 300))
    np.testing.assert_array_equal((pixels == 0).all(axis=0), rows + columns < leg)
    assert (pixels[:, rows + columns >= leg] > 0).all()


def test_the_scene_is_made_once(modules, inputs, tmp_path):
    folder = Path(inputs.scene).parent
    written = Path(inputs.scene).stat().st_mtime_ns
    assert modules.inputs.make_inputs(folder, HEIGHT, WIDTH, steps=4, size=32) == inputs
    assert Path(inputs.scene).stat().st_mtime_ns == written
    small = modules.inputs.make_inputs(tmp_path, 70, 80, steps=1, size=32)
    again = modules.inputs.make_inputs(tmp_path, 80, 70, steps=1, size=32)
    assert (small.height, again.height) == (70, 80)
    with rasterio.open(again.scene) as scene:
        assert scene.shape == (80, 70)


def test_a_part_of_the_drawn_scene_shows_the_same_fields(modules):
    drawn = modules.inputs.DrawnScene(100, 120)
    whole, part = drawn.draw(0, 0, 100, 120)[1], drawn.draw(30, 50, 40, 60)[1]
    assert torch.equal(part, whole[30:70, 50:110])
    assert len(whole.unique()) == 6


@torch.inference_mode()
def test_every_network_has_the_same_weights(modules, task):
    images = torch.randn(2, 4, WINDOW, WINDOW, generator=torch.Generator().manual_seed(0))
    expected = modules.networks.network_of(task, "plain", "fp32")(images)
    assert expected.std() > 0.03
    sizes = dict.fromkeys(("img_shape", "ori_shape", "pad_shape"), (WINDOW, WINDOW))
    found = {
        "fused": modules.networks.network_of(task, "fused", "fp32")(images),
        "segmentor, plain": modules.networks.segmentor_of(task, "plain").encode_decode(images, [sizes] * 2),
        "segmentor, fused": modules.networks.segmentor_of(task, "fused").encode_decode(images, [sizes] * 2),
    }
    for name, scores in found.items():
        assert (scores - expected).abs().max() <= 1e-4 * expected.abs().max(), name


@pytest.mark.parametrize(
    ("length", "window", "stride"), [(150, 64, 48), (64, 64, 48), (160, 64, 48), (65, 64, 64), (1000, 256, 192)]
)
def test_windows_of_a_loop_are_those_of_a_plan_and_keep_each_pixel_once(modules, length, window, stride):
    spans = modules.task.kept_spans(length, window, stride)
    plan = plan_windows(length, length, window, window - stride)
    assert [start for start, _, _ in spans] == [row.row for row in plan.rows]
    kept = [pixel for _, first, stop in spans for pixel in range(first, stop)]
    assert kept == list(range(length))
    assert all(start <= first < stop <= start + window for start, first, stop in spans)


@pytest.mark.parametrize("name", ["this fp32", "slide plain fp32", "loop plain fp32", "loop fused bf16"])
def test_every_method_maps_the_whole_scene_with_the_same_windows(modules, inputs, task, name):
    told = modules.methods.METHODS[name](task)()
    plan = plan_windows(HEIGHT, WIDTH, WINDOW, WINDOW - STRIDE)
    assert told["windows"] == plan.window_count == 12
    assert told["model_seconds"] > 0
    with rasterio.open(inputs.scene) as scene, rasterio.open(task.out) as found:
        assert (found.shape, found.crs, found.transform) == (scene.shape, scene.crs, scene.transform)
        labels, pixels = found.read(1), scene.read()
    # Where windows do not overlap, all take what the network says there; elsewhere they blend in ways of their own.
    mean, std = modules.task.statistics(task)
    image = (torch.from_numpy(pixels[:, 48:112, 96:160].astype(np.float32)) - mean) / std
    with torch.inference_mode():
        expected = modules.networks.network_of(task, "plain", "fp32")(image[None])[0].argmax(0)[16:38, 16:40].numpy()
    assert len(np.unique(expected)) > 1
    assert (labels[64:86, 112:136] == expected).mean() >= (0.9 if name.endswith("bf16") else 0.9999)


def test_what_cannot_be_imported_is_skipped(modules, task, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchgeo.datasets", None)
    told = modules.methods.measure("torchgeo plain fp32", task)
    assert list(told) == ["skipped"]
    assert "torchgeo" in told["skipped"]


def test_ratios_are_taken_within_rounds_and_goals_from_them(modules, tmp_path):
    def runs(seconds, peak, **more):
        common = {"windows": 12, "ready_bytes": 1e8, "peak_bytes": peak, "others": 0.01}
        return [{"seconds": one, "cpu_seconds": 2 * one, "model_seconds": 0.9 * one, **common, **more} for one in seconds]

    parts = {"parts": {"total": 0.95, "model": 0.9, "waiting_for_input": 0.0, "waiting_for_output": 0.0, "writing_files": 0.01}}
    found = {
        "this bf16": runs([1.0, 2.0, 1.0], 2e8, **parts),
        "this fp32": runs([2.0, 4.0, 2.0], 2e8, **parts),
        "slide plain fp32": runs([9.0], 7e8),
        "loop plain fp32": runs([4.0, 6.0, 2.0], 3e8),
        "torchgeo plain fp32": [{"skipped": "ModuleNotFoundError: No module named 'torchgeo'"}],
    }
    labels = np.zeros((10, 10), np.uint8)
    labels[0] = 255
    for name, changed in zip(found, (9, 0, 45, 0, 0), strict=True):
        own = labels.copy()
        own[1:].reshape(-1)[:changed] = 1
        own[0] = 255 if name.startswith("this") else 3
        (tmp_path / name.replace(" ", "_")).mkdir()
        with rasterio.open(
            tmp_path / name.replace(" ", "_") / "map.tif", "w", height=10, width=10, count=1, dtype="uint8"
        ) as target:
            target.write(own, 1)
    told = modules.report.summary(found, 3_000_000, tmp_path)
    methods = told["methods"]
    assert methods["this bf16"]["mpx_per_second"] == 3.0
    assert methods["slide plain fp32"]["times_as_long"] == {"this bf16": 9.0, "this fp32": 4.5}
    assert methods["loop plain fp32"]["times_as_long"] == {"this bf16": 3.0, "this fp32": 1.5}
    assert {name: row["equal_labels"] for name, row in methods.items()} == {
        "this bf16": 0.9,
        "this fp32": 1.0,
        "slide plain fp32": 0.5,
        "loop plain fp32": 1.0,
    }
    goals = {goal["goal"]: (goal["value"], goal["met"]) for goal in told["goals"]}
    assert goals["this bf16 faster than loop plain fp32"] == (3.0, True)
    assert goals["peak memory of this fp32 in that of slide plain fp32"] == (pytest.approx(2 / 7), False)
    assert goals["labels of this bf16 as this fp32"] == (0.9, False)
    assert goals["this fp32 inside the model, while computing"] == (pytest.approx(0.9 / 0.95), True)
    assert told["parts"]["this bf16"]["elsewhere"] == pytest.approx(1.0 - 0.96)
    assert "torchgeo plain fp32 is skipped: ModuleNotFoundError" in modules.report.report(told)


def test_a_run_is_repeated_while_others_use_the_machine(modules, monkeypatch):
    shares = iter([0.5, 0.02, 0.5, 0.3, 0.4, 0.6, 0.9])
    monkeypatch.setattr(modules.scenes, "run_once", lambda *_: {"others": next(shares)})
    for most, expected in ((0.05, 0.02), (0.05, 0.3), (1.0, 0.9)):  # quiet in the end; never quiet; whatever comes
        assert modules.scenes.run_when_quiet("any", None, None, SimpleNamespace(max_others=most)) == {"others": expected}


@pytest.mark.slow
def test_runs(tmp_path):
    command = [
        *(sys.executable, str(BENCHMARKS / "scenes.py"), "--size", "200", "220", "--window", "64", "--stride", "48"),
        *(
            "--rounds",
            "2",
            "--steps",
            "2",
            "--once-above",
            "0",
            "--work-dir",
            str(tmp_path),
            "--json",
            str(tmp_path / "found.json"),
        ),
        *("--methods", "this bf16", "this fp32", "slide plain fp32", "loop fused fp32"),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert list(told["methods"]) == ["this bf16", "this fp32", "slide plain fp32", "loop fused fp32"]
    assert [row["windows"] for row in told["methods"].values()] == [20] * 4
    assert [row["rounds"] for row in told["methods"].values()] == [1] * 4
    assert told["methods"]["this fp32"]["equal_labels"] == 1
    assert told["methods"]["loop fused fp32"]["equal_labels"] > 0.9
    assert all(row["peak_mb"] >= row["ready_mb"] > 100 for row in told["methods"].values())
    assert "| this bf16 |" in done.stdout
