"""Small scenes on the disk, the smallest model, and what is in a map's files, for the end-to-end tests of mapping."""

from __future__ import annotations

import copy
import json
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from tiny_scenes import Canvas, map_rows
from tiny_segmentors import META, macunet, save, trained

from rs_da_mm.inference import MapOptions, SceneInferencer, SegmentorOptions
from rs_da_mm.raster import Georeference, Scene, write_raster

FLOAT32 = SegmentorOptions(device="cpu", precision="float32")
UTM = Georeference(crs=CRS.from_epsg(32632), transform=Affine(10, 0, 500000, 0, -10, 5600000))
NODATA = 255


@contextmanager
def one_thread():
    """Let torch compute with one thread: the smallest model is not worth two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def fields(height, width, bands=4, seed=0, side=8):
    """Pixels in patches, as the smallest model was trained to see them; none is 0."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(500, 200, (-(-height // side), -(-width // side), bands))
    patches = coarse.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]
    return np.clip(patches + rng.normal(0, 20, patches.shape), 1, 4000).astype(np.uint16)


def write_scene(path, height=70, width=90, seed=0, pixels=None, **options):
    """Write a scene; gives its path and pixels."""
    pixels = fields(height, width, seed=seed) if pixels is None else pixels
    write_raster(path, pixels, **{"georeference": UTM, "nodata": 0, **options})
    return path, pixels


def write_model(folder, meta=META, config=None, name="model"):
    """Write a config and weights as a training leaves them; gives both paths."""
    config = config or macunet()
    path = Path(folder) / f"{name}.py"
    path.write_text(config.pretty_text, encoding="utf-8")
    return path, save(trained(config), Path(folder) / f"{name}.pth", meta)


def known_meta(**changes):
    """What a checkpoint says whose training scenes are known: 16 bits, pixels of 10 metres."""
    record = {
        "type": "RasterFolderDataset",
        "classes": None,
        "fingerprint": "0" * 64,
        "miniature": False,
        "bands": {"choice": None, "names": [], "count": 4, "dtype": "uint16"},
        "pixel_size": {"width": 10.0, "height": 10.0, "unit": "metre", "range": [10.0, 10.0]},
        **changes,
    }
    return {**copy.deepcopy(META), "run_record": {"datasets": {"train": [record]}}}


def make_inferencer(model, mapping=None, reading=None, computing=FLOAT32):
    """An inferencer of small windows."""
    config, checkpoint = model
    return SceneInferencer(config, checkpoint, mapping or MapOptions(window=32, batch_size=4), reading, computing)


def expected_scores(inferencer, source):
    """What the model says of a source, on the plain way; and where."""
    plan = inferencer.plan(source.height, source.width)
    canvas = Canvas(len(inferencer.segmentor.classes), source.height, source.width)
    map_rows(source, plan, inferencer.segmentor, inferencer._batch_size(plan), canvas)
    assert canvas.times.max(initial=0) <= 1
    return canvas.scores, canvas.times > 0


def expected_labels(inferencer, source):
    """The map of a source, on the plain way."""
    scores, covered = expected_scores(inferencer, source)
    return np.where(covered, scores.argmax(axis=0), NODATA)


def labels_of(path):
    """The class numbers of a map."""
    return Scene(path).read()[..., 0]


def files_of(path):
    """What is in the files of a map, to compare maps by: bytes, polygons, and the record without what is of one run only."""
    found = {}
    for file in sorted(path.parent.glob(f"{path.stem}*")):
        key = file.name.removeprefix(path.stem)
        if file.suffix == ".gpkg":
            found[key] = polygons_of(file)
        elif file.suffix == ".json":
            found[key] = lasting(json.loads(file.read_text(encoding="utf-8")))
        else:
            found[key] = file.read_bytes()
    return found


def polygons_of(file):
    """Attributes and shapes of all polygons of a GeoPackage, in order; and the styles in it."""
    import pyogrio

    found = []
    for layer in ("land_cover", "layer_styles"):
        meta, _, shapes, columns = pyogrio.raw.read(file, layer=layer)
        named = dict(zip(meta["fields"], columns, strict=True))
        named.pop("update_time", None)
        found.append({name: column.tolist() for name, column in named.items()})
        found.append(None if shapes is None else shapes.tolist())
    return found


def lasting(record):
    """A record without times, what became of this run, and the sizes of files that hold times."""
    kept = {name: value for name, value in copy.deepcopy(record).items() if name not in ("time", "run")}
    kept["outputs"].get("vectors", {}).pop("bytes", None)
    return kept


def leftovers(folder):
    """Hidden files and folders: what is unfinished."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def record_of(path):
    """The record of a map."""
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def by_points(height, width):
    """Control points at the corners, in place of the usual grid."""
    corners = [(row, col) for row in (0, height) for col in (0, width)]
    points = [GroundControlPoint(row, col, 500000 + 10 * col, 5600000 - 10 * row) for row, col in corners]
    return Georeference(gcps=tuple(points), gcps_crs=UTM.crs)


class Watched:
    """A model that counts what it is given, and calls back before each batch."""

    def __init__(self, model, before=lambda number: None):
        self.model, self.before = model, before
        self.batches = 0

    def __call__(self, pixels, valid):
        self.batches += 1
        self.before(self.batches)
        return self.model(pixels, valid)

    def __getattr__(self, name):
        return getattr(self.model, name)


def watch(inferencer, before=lambda number: None):
    """Count the batches of an inferencer's model."""
    inferencer.segmentor = Watched(inferencer.segmentor, before)
    return inferencer.segmentor
