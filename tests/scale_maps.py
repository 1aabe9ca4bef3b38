"""Maps a large scene of which little holds data, in a process of its own, so that its peak memory can be measured.

``python scale_maps.py FOLDER SPOTS [SIDE]`` writes ``FOLDER/found.json``: peak memory, what was computed and read, and times.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import rasterio
import torch
from conftest import ROOT  # noqa: F401 - finds the modules beside this one
from tiny_maps import NODATA, UTM, fields, make_inferencer, record_of, watch, write_model

from rs_da_mm.inference import MapOptions
from rs_da_mm.raster import Scene, Window

SPOT = 1024


def write_sparse(path, side, spots):
    """A sparse scene with data in square spots, far from each other, each at corners of blocks."""
    size = {"height": side, "width": side, "count": 4, "dtype": "uint16", "nodata": 0}
    layout = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate", "sparse_ok": True, "bigtiff": "YES"}
    places = []
    with rasterio.open(path, "w", driver="GTiff", **size, **layout, crs=UTM.crs, transform=UTM.transform) as dataset:
        for number in range(spots):
            row, col = (int(part * (side - SPOT)) // SPOT * SPOT for part in ((number + 0.5) / spots, (number * 0.618 + 0.3) % 1))
            window = rasterio.windows.Window(col, row, SPOT, SPOT)
            dataset.write(fields(SPOT, SPOT, seed=number, side=32).transpose(2, 0, 1), window=window)
            places.append((row, col))
    return places


def main(folder, spots, side=100_000):
    torch.set_num_threads(1)
    scene, out = folder / "sparse.tif", folder / "map.tif"
    places = write_sparse(scene, side, spots)
    inferencer = make_inferencer(write_model(folder), MapOptions(batch_size=4, window=256, overlap=0, cog=False, preview=True))
    counted = watch(inferencer)
    read, usual = [0], Scene.read_with_valid

    def read_with_valid(self, window=None):
        pixels, valid = usual(self, window)
        read[0] += valid.size
        return pixels, valid

    Scene.read_with_valid = read_with_valid
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    inferencer(scene, out)
    found = {
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "peak_mib_before": before / 1024,
        "seconds": time.perf_counter() - began,
        "batches": counted.batches,
        "pixels_read": read[0],
        "windows": record_of(out)["windows"],
        "with_data": record_of(out)["pixels"]["with_data"],
        "map_bytes": out.stat().st_size,
    }
    Scene.read_with_valid = usual
    labels = Scene(out)
    found["spots_are_mapped"] = all(bool((labels.read(Window(*place, SPOT, SPOT)) != NODATA).all()) for place in places)
    (folder / "found.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), *map(int, sys.argv[3:]))
