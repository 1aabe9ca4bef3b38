"""Folders of images and labels as somebody may have them: a quilt of fields with three classes, for the tests of new projects."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.raster import Georeference, write_raster

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("water", "field", "town")
COLOURS = ((0, 0, 255), (0, 255, 0), (255, 0, 0))
FIELD = 24
PIXEL = 10.0
ORIGIN = (500_000.0, 5_200_000.0)
SMALL = ("model.backbone.base_channels=2", "model.decode_head.in_channels=2", "model.decode_head.channels=2")


def quilt(height=144, width=192, seed=0):
    """(H, W) classes, square fields of one class each."""
    fields = np.random.default_rng(seed).integers(0, 3, (-(-height // FIELD), -(-width // FIELD))).astype(np.uint8)
    fields[0, :3] = 0, 1, 2
    return fields.repeat(FIELD, 0).repeat(FIELD, 1)[:height, :width]


def picture(labels, bands=4, seed=0):
    """An image whose bands tell the class, with noise."""
    values = 300 + 400 * labels[..., None].astype(float) + 40 * np.arange(bands)
    return (values + np.random.default_rng(seed).normal(0, 20, values.shape)).astype(np.uint16)


def place(col=0, row=0, crs="EPSG:32632"):
    """The georeference of an image that begins so many pixels to the east and south of the first."""
    x, y = ORIGIN[0] + PIXEL * col, ORIGIN[1] - PIXEL * row
    return Georeference(None if crs is None else CRS.from_string(crs), Affine(PIXEL, 0, x, 0, -PIXEL, y))


def write_images(folder, count=2, bands=4, crs="EPSG:32632", placed=True, names="scene_{}"):
    """Images side by side; gives their labels by name."""
    labels = {}
    for number in range(count):
        name = names.format(number + 1)
        labels[name] = quilt(seed=number)
        where = place(192 * number, crs=crs) if placed else None
        write_raster(folder / f"{name}.tif", picture(labels[name], bands, number), georeference=where)
    return labels


def write_labels(folder, labels, crs="EPSG:32632", placed=True, values=(1, 2, 3), suffix="_label"):
    """Class rasters beside the images."""
    for number, (name, label) in enumerate(labels.items()):
        raw = np.asarray(values, np.uint8)[label]
        write_raster(folder / f"{name}{suffix}.tif", raw, georeference=place(192 * number, crs=crs) if placed else None)


def write_colours(folder, labels):
    """Labels in colours, without a place."""
    for name, label in labels.items():
        write_raster(folder / f"{name}.png", np.asarray(COLOURS, np.uint8)[label])


def write_shapes(path, labels, crs="EPSG:32632", field="use", gap=0.0, names=NAMES):
    """The fields as polygons of one vector file, each smaller by ``gap`` pixels on every side."""
    import pyogrio
    import shapely

    shapes, uses = [], []
    for number, label in enumerate(labels.values()):
        for row in range(0, label.shape[0], FIELD):
            for col in range(0, label.shape[1], FIELD):
                left, top = ORIGIN[0] + PIXEL * (192 * number + col + gap), ORIGIN[1] - PIXEL * (row + gap)
                side = PIXEL * (FIELD - 2 * gap)
                shapes.append(shapely.box(left, top - side, left + side, top))
                uses.append(names[label[row, col]])
    path.parent.mkdir(parents=True, exist_ok=True)
    pyogrio.raw.write(path, shapely.to_wkb(np.array(shapes)), [np.array(uses, object)], [field], geometry_type="Polygon", crs=crs)
    return len(shapes)


def run_tool(name, words, monkeypatch, capsys):
    """Run a tool in this process; gives its exit status, standard output and standard error."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
    status = 0
    try:
        runpy.run_path(str(ROOT / "tools" / name), run_name="__main__")
    except SystemExit as left:
        status = left.code or 0
    told = capsys.readouterr()
    return status, told.out, told.err


def counts_of(project):
    """Windows of each part, as the split file has them."""
    return json.loads((project / "splits" / "split.json").read_text())["counts"]
