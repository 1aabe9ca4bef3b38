"""How fast is a whole scene mapped, and in how much memory, against other tools with the same weights and windows?

From opening the file to a finished GeoTIFF on the disk; models are loaded and warm before. Each method runs in a process of its
own, in turn with the others, with the same threads, ``OMP_WAIT_POLICY=PASSIVE`` and 64 MB of GDAL's cache:

- this bf16, this fp32: ``SceneInferencer`` as ``tools/segment_scene.py`` calls it: blended, COG with overviews, style, record
- slide: mmsegmentation's ``slide_inference`` on the whole image, most probable class, written by rasterio
- loop: read a window with rasterio, normalise, model, most probable class, write; the middle of overlaps is kept
- terratorch: its ``tiled_inference`` on the whole image
- torchgeo: a loop over its ``GridGeoSampler``; the middle of overlaps is kept

"plain" is the three-convolution network of ``plain_macunet.py``, "fused" this project's with ``switch_to_deploy``, channels last.
terratorch and torchgeo are skipped where they cannot be imported; each may have a Python of its own. The time "in the model" is
that of the network; this project's includes normalisation and softmax. "ready" is the memory after imports and a first batch.

Usage: ``python tools/benchmarks/scenes.py [--size 7200 6800] [--rounds 3] [--work-dir DIR] [--json FILE]``
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import _timing
from _scene_inputs import SceneInputs, make_inputs
from _scene_methods import METHODS
from _scene_report import report, summary
from _scene_task import Task

METHODS_FILE = Path(__file__).resolve().with_name("_scene_methods.py")
PATIENCE = 4
"""How often a method is run for one round where others use the machine."""
Results = dict[str, list[dict[str, Any]]]
"""What :func:`_scene_methods.measure` told, by method, in the order of the rounds."""


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs=2, default=(7200, 6800), metavar=("ROWS", "COLUMNS"), help="of the scene")
    parser.add_argument("--window", type=int, default=256, help="rows and columns of a window, a multiple of 16")
    parser.add_argument("--stride", type=int, default=192, help="from one window to the next")
    parser.add_argument("--threads", type=int, default=2, help="cores that each method may use")
    parser.add_argument("--rounds", type=int, default=3, help="how often each method is run")
    parser.add_argument("--once-above", type=float, default=600, metavar="SECONDS", help="what takes longer is not run again")
    parser.add_argument("--max-others", type=float, default=1.0, help="repeat what ran while others used more of the CPU time")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS, metavar="NAME", help=", ".join(METHODS))
    parser.add_argument("--python-terratorch", default=sys.executable, metavar="PATH", help="a Python that has terratorch")
    parser.add_argument("--python-torchgeo", default=sys.executable, metavar="PATH", help="a Python that has torchgeo")
    parser.add_argument("--steps", type=int, default=100, help="of the training that the weights get")
    parser.add_argument("--work-dir", type=Path, help="where scene, weights and maps go and stay (default: a temporary folder)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where all that was measured goes")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("one round is the least")
    if min(options.size) <= max(options.window, 128):
        parser.error("the scene must be larger than a window, and than the 128 x 128 pixels that the network is trained on")
    return options


@contextmanager
def work_folder(given: Path | None) -> Iterator[Path]:
    """The folder for scene, weights and maps."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def run_once(name: str, inputs: SceneInputs, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run a method in a process of its own; its map replaces that of an earlier round."""
    place = folder / "maps" / name.replace(" ", "_")
    shutil.rmtree(place, ignore_errors=True)  # with what a killed round left
    place.mkdir(parents=True)
    task = Task(asdict(inputs), str(place / "map.tif"), options.window, options.stride, options.threads)
    pythons = {"terratorch": options.python_terratorch, "torchgeo": options.python_torchgeo}
    python = pythons.get(name.partition(" ")[0], sys.executable)
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads), "OMP_WAIT_POLICY": "PASSIVE", "GDAL_CACHEMAX": "64"}
    with Path(inputs.scene).open("rb") as file:  # so that it comes from the system's memory for all
        while file.read(1 << 24):
            pass
    command = [python, str(METHODS_FILE), name, json.dumps(asdict(task))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def run_when_quiet(name: str, inputs: SceneInputs, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run a method again while others use too much of the CPU time; if they never leave it alone, the quietest run counts."""
    tried = []
    for _ in range(PATIENCE):
        told = run_once(name, inputs, folder, options)
        if "skipped" in told or told["others"] <= options.max_others:
            return told
        tried.append(told)
    return min(tried, key=lambda told: float(told["others"]))


def run_round(number: int, results: Results, inputs: SceneInputs, folder: Path, options: argparse.Namespace) -> None:
    """Run all methods in turn; what cannot be imported or took long is not run again."""
    for name, runs in results.items():
        if runs and ("skipped" in runs[0] or runs[0]["seconds"] > options.once_above):
            continue
        told = run_when_quiet(name, inputs, folder, options)
        runs.append(told)
        print(f"round {number + 1}, {name}: {_brief(told)}", file=sys.stderr, flush=True)


def _brief(told: dict[str, Any]) -> str:
    if "skipped" in told:
        return f"skipped, {told['skipped']}"
    times = f"{told['seconds']:.1f} s, {told['model_seconds']:.1f} s in the model"
    return f"{times}, others used {100 * told['others']:.0f} % of the CPU time"


def sum_up(results: Results, inputs: SceneInputs, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Say what was measured so far, in the file too that is asked for."""
    kept = {name: value for name, value in vars(options).items() if name not in ("work_dir", "json")}
    told = {
        "machine": _timing.machine(torch.device("cpu")),
        "options": kept,
        "runs": results,
        **summary(results, inputs.height * inputs.width, folder / "maps"),
    }
    if options.json is not None:
        options.json.write_text(json.dumps(told, indent=1), encoding="utf-8")
    return told


def main() -> None:
    """Run the benchmark."""
    options = parse()
    torch.set_num_threads(options.threads)
    rows, columns = options.size
    with work_folder(options.work_dir) as folder:
        inputs = make_inputs(folder, rows, columns, steps=options.steps)
        results: Results = {name: [] for name in options.methods}
        for number in range(options.rounds):
            run_round(number, results, inputs, folder, options)
            told = sum_up(results, inputs, folder, options)
    scene = f"{rows} x {columns} pixels of 4 x 16 bit, windows of {options.window}, stride {options.stride}"
    print(f"{told['machine']}; {scene}\n\n{report(told)}")


if __name__ == "__main__":
    main()
