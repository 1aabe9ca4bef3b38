"""Maps whose runs are killed at chosen moments and gone on with, each in a process of its own.

``python kill_maps.py FOLDER few|many`` imports everything once and forks: a whole run, then for every moment one that is killed
there with SIGKILL and one that goes on. It writes ``FOLDER/found.json``: for every moment how both ended, what is left over, and
which files differ from the whole run's.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path

import numpy as np
import rasterio.shutil
import torch
from kill_runs import die, on_call
from tiny_maps import fields, files_of, leftovers, make_inferencer, write_model, write_scene

from rs_da_mm import partial_files
from rs_da_mm.inference import MapOptions, inferencer
from rs_da_mm.inference.outputs import geopackage
from rs_da_mm.inference.resumable import output_lock, resumable_output
from rs_da_mm.inference.resumable.raw_file import RawFile
from rs_da_mm.raster import RasterWriter

USUAL = {"scores": "uint8", "uncertainty": "entropy"}
ALL = {**USUAL, "vectors": True, "min_area": 500.0, "preview": True}


def torn(name, turn):
    """Write half of what is written to a file of that name, and die."""
    original, seen = RawFile.write_at, [0]

    def write_at(self, place, content):
        if self.path.name == name:
            seen[0] += 1
            if seen[0] == turn:
                view = memoryview(content).cast("B")
                original(self, place, view[: len(view) // 2])
                die()
        original(self, place, content)

    RawFile.write_at = write_at


def is_file(ending):
    return lambda _partial, target: target.name == f"map{ending}"


FEW = {
    "with half a line in the journal": lambda: torn("journal.jsonl", 4),
    "before the record is in its place": lambda: on_call(partial_files.Path, "replace", 1, is_file(".json")),
    "before the folder of unfinished parts is gone": lambda: on_call(output_lock.OutputLock, "remove_folder"),
}
MANY = {
    **FEW,
    "with half of the journal's first line": lambda: torn("journal.jsonl", 1),
    "with half of a row of scores": lambda: torn("scores.rows", 60),
    "before rows are on the disk": lambda: on_call(resumable_output.ResumableOutput, "finish_rows", 3),
    "after rows were noted": lambda: on_call(resumable_output.ResumableOutput, "finish_rows", 3, after=True),
    "after the last rows were noted": lambda: on_call(inferencer, "finish_map"),
    "before the map is in its place": lambda: on_call(partial_files.Path, "replace", 1, is_file(".tif")),
    "after the map is in its place": lambda: on_call(partial_files.Path, "replace", 1, is_file(".tif"), after=True),
    "while the second raster is written": lambda: on_call(
        RasterWriter, "write", 1, lambda writer, *_: "scores" in writer.path.name, after=True
    ),
    "while polygons are written": lambda: on_call(geopackage.GeoPackageWriter, "write", 1, after=True),
    "before the polygons are in their place": lambda: on_call(partial_files.Path, "replace", 1, is_file(".gpkg")),
    "after the record is in its place": lambda: on_call(partial_files.Path, "replace", 1, is_file(".json"), after=True),
    "with the folder of unfinished parts half gone": lambda: on_call(
        Path, "unlink", 2, lambda path, **_: ".unfinished" in str(path.parent)
    ),
}


def run(mapping, scene, out, moment=None, seconds=None, when=None):
    """Map in a child process; kills it so many seconds after it began, or after a function was called. Gives its exit status."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            if moment is not None:
                moment()
            if when is not None:
                on_call(*when, do=lambda: os.write(writer, b"."))
            else:
                os.write(writer, b".")
            mapping(scene, out)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    os.read(reader, 1)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(reader)
    return status


def compare(expected, out):
    found = files_of(out) if out.with_suffix(".json").exists() else {}
    return sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))


def main(folder, how_many):
    torch.set_num_threads(1)
    size, options = ((120, 100), {"window": 32, **USUAL}) if how_many == "few" else ((700, 600), {"window": 112, **ALL})
    pixels = fields(*size, side=16)
    pixels[size[0] // 2 : size[0] // 2 + 20, : size[1] // 3] = 0
    scene, _ = write_scene(folder / "town.tif", pixels=pixels)
    mapping = make_inferencer(write_model(folder), MapOptions(**options))
    for name in ("matplotlib.backends.backend_agg", "matplotlib.figure", "pyogrio.raw") if how_many == "many" else ():
        importlib.import_module(name)  # once for all
    whole = folder / "whole" / "map.tif"
    started = time.perf_counter()
    assert run(mapping, scene, whole) == 0
    seconds = time.perf_counter() - started
    expected = files_of(whole)
    found = {}

    def try_moment(name, **killing):
        out = folder / f"killed_{len(found)}" / "map.tif"
        killed = run(mapping, scene, out, **killing)
        half = sorted(path.name for path in out.parent.glob("*")) if out.parent.exists() else []
        went_on = run(mapping, scene, out)
        left = leftovers(out.parent)
        found[name] = {"killed": killed, "half": half, "went_on": went_on, "left": left, "different": compare(expected, out)}

    for name, moment in (FEW if how_many == "few" else MANY).items():
        try_moment(name, moment=moment)
    if how_many == "many":
        for moment in np.random.default_rng(0).uniform(0.01, 0.9, 10):
            try_moment(f"after {moment:.2f} of the time", seconds=moment * seconds)
        for part in (0.001, 0.01, 0.03):  # while GDAL makes overviews
            try_moment(f"{part} s into a COG", seconds=part, when=(rasterio.shutil, "copy"))
        out = folder / "chain" / "map.tif"
        kills = [run(mapping, scene, out, seconds=0.12 * seconds) for _ in range(10)]
        ended = run(mapping, scene, out)
        found["again and again"] = {
            "killed": min(kills),
            "half": [],
            "went_on": ended,
            "left": leftovers(out.parent),
            "different": compare(expected, out),
        }
    (folder / "found.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
