"""The ways through a scene that ``scenes.py`` compares, each from opening the file to a finished GeoTIFF on the disk.

Each is run in a process of its own, by ``python _scene_methods.py METHOD TASK`` with :class:`_scene_task.Task` as JSON; it prints
JSON. Only what a method needs is imported: those of terratorch and torchgeo run without this project and OpenMMLab.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from rasterio.windows import Window
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import _timing
from _scene_networks import network_of, segmentor_of
from _scene_task import Metered, Task, kept_spans, open_map, read_whole, save, statistics

BATCH = 4
"""Windows that go through the model at once where a tool does batches."""


Run = Callable[[], dict[str, Any]]
"""One way through the scene; tells about the model."""


def map_with_this(task: Task, precision: str) -> Run:
    """Prepare this project's way, with what ``tools/segment_scene.py`` writes by default: a COG with overviews, style, record."""
    from rs_da_mm.inference import MapOptions, SceneInferencer, SegmentorOptions
    from rs_da_mm.inference.allocator import keep_freed_memory

    keep_freed_memory()  # as the tool does
    inputs = task.inputs
    mapping = MapOptions(window=task.window, overlap=task.window - task.stride)
    computing = SegmentorOptions(device="cpu", precision="bfloat16" if precision == "bf16" else "float32")
    inferencer = SceneInferencer(inputs["config"], inputs["checkpoint"], mapping, computing=computing)
    shape = (BATCH, task.window, task.window)
    inferencer.segmentor(np.ones((*shape, len(inputs["mean"])), np.uint16), np.ones(shape, np.uint8))

    def run() -> dict[str, Any]:
        record = inferencer(inputs["scene"], task.out).record
        assert record is not None
        seconds = record["run"]["seconds"]
        windows = record["windows"]["computed"]
        return {"model_seconds": seconds["model"], "windows": windows, "parts": seconds, "counts": record["windows"]}

    return run


def slide(task: Task, network: str, precision: str) -> Run:
    """Prepare mmsegmentation's ``slide_inference`` on the whole image."""
    model = segmentor_of(task, network)
    model.encode_decode = metered = Metered(model.encode_decode)
    sizes = dict.fromkeys(("img_shape", "ori_shape", "pad_shape"), (task.window, task.window))

    def infer(images: Tensor) -> Tensor:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return model.slide_inference(images, [dict(sizes)])

    def run() -> dict[str, Any]:
        image, profile = read_whole(task)
        save(infer(image), profile, task.out)
        return metered.report()

    return _warmed(run, infer, task, 1, metered)


def loop(task: Task, network: str, precision: str) -> Run:
    """Prepare a plain loop over windows: read, normalise, model, most probable class, write; of overlaps the middle is kept."""
    metered = Metered(network_of(task, network, precision))
    mean, std = statistics(task)

    def run() -> dict[str, Any]:
        with rasterio.open(task.inputs["scene"]) as source, open_map(task.out, source.profile) as target, torch.inference_mode():
            rows, cols = (kept_spans(length, task.window, task.stride) for length in source.shape)
            for row, top, bottom in rows:
                for col, left, right in cols:
                    image = source.read(window=Window(col, row, task.window, task.window))
                    x = (torch.from_numpy(image.astype(np.float32)) - mean) / std
                    labels = metered(x[None])[0].argmax(0).to(torch.uint8).numpy()
                    kept = labels[top - row : bottom - row, left - col : right - col]
                    target.write(kept, 1, window=Window(left, top, right - left, bottom - top))
        return metered.report()

    return _warmed(run, metered, task, 1, metered)


def terratorch(task: Task) -> Run:
    """Prepare terratorch's ``tiled_inference``, with its blending over the whole overlap."""
    tiled_inference = importlib.import_module("terratorch.tasks.tiled_inference").tiled_inference
    metered = Metered(network_of(task, "plain", "fp32"))
    cut = {"crop": task.window, "stride": task.stride, "delta": 0, "padding": False, "batch_size": BATCH}

    def run() -> dict[str, Any]:
        image, profile = read_whole(task)
        with torch.inference_mode():
            save(tiled_inference(metered, image, **cut), profile, task.out)
        return metered.report()

    return _warmed(run, metered, task, BATCH, metered)


def torchgeo(task: Task) -> Run:
    """Prepare a loop over torchgeo's ``GridGeoSampler``; of overlaps the middle is kept."""
    datasets, samplers = importlib.import_module("torchgeo.datasets"), importlib.import_module("torchgeo.samplers")
    metered = Metered(network_of(task, "plain", "fp32"))
    mean, std = statistics(task)
    margin = (task.window - task.stride) // 2

    def span(start: int, length: int) -> slice:
        first = 0 if start <= 0 else start + margin
        return slice(first, length if start + task.window >= length else start + task.window - margin)

    def run() -> dict[str, Any]:
        data = datasets.RasterDataset([task.inputs["scene"]])
        sampler = samplers.GridGeoSampler(data, size=task.window, stride=task.stride)
        loader: Any = torch.utils.data.DataLoader(data, BATCH, sampler=sampler, collate_fn=datasets.stack_samples)
        with rasterio.open(task.inputs["scene"]) as source:
            profile, bounds, res, (height, width) = source.profile, source.bounds, source.res, source.shape
        with open_map(task.out, profile) as target, torch.inference_mode():
            for batch in loader:
                labels = metered((batch["image"] - mean) / std).argmax(1).to(torch.uint8).numpy()
                for found, (xs, ys, _) in zip(labels, batch["bounds"], strict=True):
                    row, col = round((bounds.top - ys.stop) / res[1]), round((xs.start - bounds.left) / res[0])
                    rows, cols = span(row, height), span(col, width)
                    kept = found[rows.start - row : rows.stop - row, cols.start - col : cols.stop - col]
                    target.write(kept, 1, window=Window(cols.start, rows.start, *reversed(kept.shape)))
        return metered.report()

    return _warmed(run, metered, task, BATCH, metered)


METHODS: dict[str, Callable[[Task], Run]] = {
    "this bf16": lambda task: map_with_this(task, "bf16"),
    "this fp32": lambda task: map_with_this(task, "fp32"),
    "slide plain fp32": lambda task: slide(task, "plain", "fp32"),
    "loop plain fp32": lambda task: loop(task, "plain", "fp32"),
    "slide fused fp32": lambda task: slide(task, "fused", "fp32"),
    "loop fused fp32": lambda task: loop(task, "fused", "fp32"),
    "slide fused bf16": lambda task: slide(task, "fused", "bf16"),
    "loop fused bf16": lambda task: loop(task, "fused", "bf16"),
    "terratorch plain fp32": terratorch,
    "torchgeo plain fp32": torchgeo,
}
"""What is compared, by name."""


def _warmed(run: Run, infer: Callable[[Tensor], Tensor], task: Task, batch: int, metered: Metered) -> Run:
    """Let the model compute once before anything is counted."""
    with torch.inference_mode():
        infer(torch.zeros(batch, len(task.inputs["mean"]), task.window, task.window))
    metered.seconds, metered.images = 0.0, 0
    return run


def measure(name: str, task: Task) -> dict[str, Any]:
    """Run a method once.

    Returns:
        The seconds, those of all threads on the cores and those within the model; windows; the share of the CPU time that others
        used meanwhile; bytes of resident memory before the scene is opened and at its highest. Or why the method is skipped.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: task.threads])
    torch.set_num_threads(task.threads)
    try:
        run = METHODS[name](task)
    except ImportError as error:
        if name.startswith("this"):
            raise
        return {"skipped": f"{type(error).__name__}: {error}"}
    ready = _timing.resident_bytes("VmRSS")
    busy, own, start = _timing.busy_seconds(), time.process_time(), time.perf_counter()
    told = run()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - own
    others = (_timing.busy_seconds() - busy) / (seconds * (os.cpu_count() or 1))
    memory = {"ready_bytes": ready, "peak_bytes": _timing.resident_bytes("VmHWM")}
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, **told, "others": others, **memory}


def main() -> None:
    """Run what the command line names."""
    name, task = sys.argv[1:]
    print(json.dumps(measure(name, Task(**json.loads(task)))))


if __name__ == "__main__":
    main()
