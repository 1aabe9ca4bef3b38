"""How fast do windows come straight from GeoTIFFs, against the same windows cut out before as .npy and PNG? How fast is a start?

The first table: windows a second through a ``DataLoader``, loaded and packed, from tiled GeoTIFFs of four 16-bit bands with
labels (blocks of 256, as the windows), in an order that is drawn anew for every round; all sides in turn, files in the page
cache, and 64 MB of GDAL's own, less than the scenes need, as with any large data set. "moved"
windows lie anywhere, across up to four blocks. The second: seconds until a data set of many windows is ready,
with class counts of every window and a blocked split, the first time and from then on, each in a process of its own.

Prints Markdown tables, and at the end a line of JSON. On a machine that is not quiet, ``--max-others 0.1`` waits for rounds
during which it was.

Usage: ``python tools/benchmarks/data.py [--workers 2] [--rounds 5] [--work-dir DIR] [--quick]``
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("GDAL_CACHEMAX", "64")

import torch
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from torch.utils.data import DataLoader

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import _timing
from _data_inputs import COMPRESSIONS, CutWindows, count_many, cut_windows, windows_of_scenes, write_many_scenes, write_scenes

CPU = torch.device("cpu")


def sides(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The data sets that are compared, by name."""
    count = cut_windows(folder, options.scenes, options.size, options.window)
    found: dict[str, Any] = {".npy": CutWindows(folder / "npy", ".npy", count), "PNG": CutWindows(folder / "png", ".png", count)}
    for name in COMPRESSIONS:
        found[f"GeoTIFF, {name}"] = windows_of_scenes(folder, f"images_{name}", options.window)
    for name in ("none", "deflate"):
        found[f"GeoTIFF, {name}, moved"] = windows_of_scenes(folder, f"images_{name}", options.window, random_windows=True)
    return found


def loader(dataset: Any, options: argparse.Namespace) -> DataLoader[Any]:
    """A loader whose workers stay between rounds."""
    return DataLoader(
        dataset,
        batch_size=options.batch,
        shuffle=True,
        num_workers=options.workers,
        collate_fn=pseudo_collate,
        persistent_workers=options.workers > 0,
    )


def one_epoch(batches: DataLoader[Any]) -> int:
    """Load every window once; return how many there were."""
    return sum(len(batch["inputs"]) for batch in batches)


def measure_loading(folder: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Time all sides.

    Returns:
        One dict per side: windows a second (median and best round), and how many times those of ``.npy`` and PNG.
    """
    write_scenes(folder, options.scenes, options.size)
    calls: dict[str, Callable[[], object]] = {
        name: partial(one_epoch, loader(dataset, options)) for name, dataset in sides(folder, options).items()
    }
    windows = options.scenes * (options.size // options.window) ** 2
    seconds = _timing.time_interleaved(calls, options.rounds, CPU, options.max_others)
    return [
        {
            "side": name,
            "windows_per_second": windows / statistics.median(taken),
            "best": windows / min(taken),
            "of_npy": _timing.median_ratio(seconds[".npy"], taken),
            "of_png": _timing.median_ratio(seconds["PNG"], taken),
        }
        for name, taken in seconds.items()
    ]


def measure_start(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Time the first start of a large data set, and the next ones."""
    write_many_scenes(folder, options.many_scenes, options.many_size)
    arguments = ["--start-of", str(folder), "--window", str(options.window)]

    def start(cold: bool) -> dict[str, Any]:
        if cold:
            shutil.rmtree(folder / "splits", ignore_errors=True)
        found: dict[str, Any] = json.loads(_timing.in_fresh_process(__file__, arguments))
        return found

    start(cold=True)  # files come into the page cache
    cold = [_timing.when_quiet(partial(start, cold=True), options.max_others) for _ in range(options.start_rounds)]
    cached = [_timing.when_quiet(partial(start, cold=False), options.max_others) for _ in range(options.start_rounds)]
    return {
        "windows": cold[0]["windows"],
        "pixels": cold[0]["windows"] * options.window**2,
        "cold": statistics.median(one["seconds"] for one in cold),
        "cached": statistics.median(one["seconds"] for one in cached),
    }


def report_start(folder: Path, window: int) -> None:
    """Make a data set and print how long that took, after all imports."""
    MMLogger.get_instance("start", log_level="ERROR")
    begin = time.perf_counter()
    dataset = count_many(folder, window)
    ready = time.perf_counter() - begin
    windows = sum(len(scene.windows) for scene in dataset.selection().place())
    print(json.dumps({"seconds": ready, "windows": windows, "in_part": len(dataset)}))


def report(results: list[dict[str, Any]]) -> str:
    """The first table."""
    rows = [
        [
            result["side"],
            f"{result['windows_per_second']:.0f}",
            f"{result['best']:.0f}",
            f"{result['of_npy']:.2f}",
            f"{result['of_png']:.2f}",
        ]
        for result in results
    ]
    return _timing.markdown_table(["windows from", "windows/s", "best", "times .npy", "times PNG"], rows)


@contextmanager
def work_folder(given: Path | None) -> Iterator[Path]:
    """The folder for all files."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
    else:
        with tempfile.TemporaryDirectory() as made:
            yield Path(made)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--window", type=int, default=256, help="rows and columns of a window")
    parser.add_argument("--scenes", type=int, default=2, help="scenes that windows are loaded from")
    parser.add_argument("--size", type=int, default=4096, help="rows and columns of each, a multiple of the window")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="how often every side is timed")
    parser.add_argument("--many-scenes", type=int, default=98, help="scenes of the large data set")
    parser.add_argument("--many-size", type=int, default=8192, help="rows and columns of each")
    parser.add_argument("--start-rounds", type=int, default=3, help="how often each start is timed")
    parser.add_argument("--max-others", type=float, default=1.0, help="repeat what ran while others used more of the CPU time")
    parser.add_argument("--work-dir", type=Path, help="where the files go and stay (default: a temporary folder)")
    parser.add_argument("--only", choices=["loading", "start"], help="measure one of the two")
    parser.add_argument("--quick", action="store_true", help="few and small scenes, one round: to see that it runs")
    parser.add_argument("--start-of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.scenes, options.size, options.rounds = 1, 4 * options.window, 1
        options.many_scenes, options.many_size, options.start_rounds = 3, 1024, 1
    if options.size % options.window:
        parser.error("the size of a scene must be a multiple of the window, so that all sides have the same windows")
    return options


def main() -> None:
    """Run the benchmark."""
    options = parse()
    if options.start_of is not None:
        report_start(options.start_of, options.window)
        return
    MMLogger.get_instance("data", log_level="ERROR")
    print(f"{_timing.machine(CPU)}; {options.workers} workers, batches of {options.batch}, windows of {options.window}\n")
    summary: dict[str, Any] = {"machine": _timing.machine(CPU)}
    with work_folder(options.work_dir) as folder:
        if options.only != "start":
            summary["loading"] = measure_loading(folder / "scenes", options)
            print(f"{report(summary['loading'])}\n", flush=True)
        if options.only != "loading":
            summary["start"] = start = measure_start(folder / "many", options)
            header = ["windows", "label pixels", "first start (s)", "next starts (s)"]
            row = [f"{start['windows']:,}", f"{start['pixels']:,}", f"{start['cold']:.2f}", f"{start['cached']:.2f}"]
            print(f"{_timing.markdown_table(header, [row])}\n")
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
