"""Memory and time depend on what holds data, not on how large a scene is or how many there are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import rasterio
import torch
from tiny_maps import make_inferencer, write_model, write_scene

from rs_da_mm.inference.inputs import find_scenes
from rs_da_mm.inference.many_scenes import map_scenes
from rs_da_mm.raster import handles

TESTS = Path(__file__).resolve().parents[1]
SPOT = 1024 * 1024


def map_sparse(folder, spots, *side):
    folder.mkdir()
    limits = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1", "GDAL_CACHEMAX": "256"}
    subprocess.run(
        [sys.executable, "-W", "ignore", TESTS / "scale_maps.py", folder, str(spots), *map(str, side)],
        env={**os.environ, **limits, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=300,
        check=True,
    )
    return json.loads((folder / "found.json").read_text())


def check_sparse(found, spots, windows):
    """Each spot lies in 4 x 4 windows, and nothing else is read or computed."""
    assert found["windows"] == {
        "planned": windows,
        "known_to_be_empty": windows - 16 * spots,
        "computed": 16 * spots,
        "found_empty": 0,
    }
    assert found["batches"] == 4 * spots
    assert found["pixels_read"] == found["with_data"] == spots * SPOT
    assert found["spots_are_mapped"]


@pytest.mark.skipif(sys.platform == "win32", reason="measures as POSIX systems do")
@pytest.mark.slow
def test_a_sparse_scene_of_ten_thousand_million_pixels(tmp_path):
    few, more = (map_sparse(tmp_path / str(spots), spots) for spots in (3, 6))
    windows = -(-100_000 // 256)
    check_sparse(few, 3, windows**2)
    check_sparse(more, 6, windows**2)
    for found in (few, more):
        assert found["peak_mib"] < 2048
        assert found["peak_mib"] - found["peak_mib_before"] < 600
        assert found["map_bytes"] < 5_000_000
    assert more["seconds"] < 4 * few["seconds"] + 5


class Opened(Exception):
    """The first map was begun."""


@pytest.mark.slow
def test_of_ten_thousand_scenes_only_the_one_at_work_is_opened(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    first, _ = write_scene(tmp_path / "scenes" / "00000.tif", 40, 40)
    for number in range(1, 10_000):
        (first.parent / f"{number:05}.tif").hardlink_to(first)
    inferencer = make_inferencer(write_model(tmp_path))
    opened, done, usual = [], [], handles.rasterio.open

    def open_and_note(path, *args, **options):
        opened.append(Path(str(path)).name)
        return usual(path, *args, **options)

    def map_three(scene, out):
        outcome = inferencer.map_input(scene, out)
        done.append(time.perf_counter())
        if len(done) == 3:
            raise Opened
        return outcome

    monkeypatch.setattr(rasterio, "open", open_and_note)
    began = time.perf_counter()
    with pytest.raises(Opened):
        map_scenes(map_three, list(find_scenes(first.parent)), tmp_path / "maps")
    assert done[0] - began < 5
    assert {name for name in opened if name.startswith("0") and "partial" not in name} == {"00000.tif", "00001.tif", "00002.tif"}
    assert sorted(path.name for path in (tmp_path / "maps").glob("*.tif")) == ["00000.tif", "00001.tif", "00002.tif"]
