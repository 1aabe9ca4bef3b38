from __future__ import annotations

import json

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.errors import InputError
from rs_da_mm.inference.outputs import AreaTally, map_classes
from rs_da_mm.raster import Georeference, cell_areas

CLASSES = map_classes(["a", "b", "c"])
LABELS = np.random.default_rng(0).choice(np.array([0, 1, 255], np.uint8), (30, 40))


def test_parts_add_up_to_the_whole():
    cells = cell_areas(Georeference(CRS.from_epsg(4326), Affine(0.5, 0, 10, 0, -0.5, 80)), 30, 40)
    tally = AreaTally(30, 40, CLASSES, cells)
    for row, col, height, width in ((0, 0, 13, 40), (13, 0, 17, 11), (13, 11, 17, 29)):
        tally.write(LABELS[row : row + height, col : col + width], row, col)
    assert tally.pixels.tolist() == [np.count_nonzero(number == LABELS) for number in range(3)]
    expected = [(cells.per_row[:, None] * (number == LABELS)).sum() for number in range(3)]
    np.testing.assert_allclose(tally.square_metres, expected, rtol=1e-12)


def test_the_report():
    tally = AreaTally(50, 40, CLASSES, cell_areas(Georeference(CRS.from_epsg(32650), Affine(2, 0, 5e5, 0, -2, 4e6)), 50, 40))
    tally.write(LABELS, 20)
    report = json.loads(json.dumps(tally.report()))
    known = int(np.count_nonzero(LABELS != 255))
    assert report["pixels"] == {"total": 2000, "with_data": known, "without_data": 2000 - known}
    assert report["area_method"] == "grid"
    assert report["true_area_per_grid_area"] == pytest.approx(1 / 0.9996**2, rel=1e-4)
    first, _, third = report["classes"]
    count = int(np.count_nonzero(LABELS == 0))
    assert first == {"index": 0, "name": "a", "pixels": count, "share": count / known, "area_m2": 4.0 * count}
    assert (third["pixels"], third["share"], third["area_m2"]) == (0, 0.0, 0.0)


def test_without_areas():
    tally = AreaTally(30, 40, CLASSES, None)
    assert tally.square_metres is None
    assert tally.report()["classes"][0]["area_m2"] is None
    assert tally.report()["classes"][0]["share"] == 0.0


def test_numbers_without_a_class_are_refused():
    with pytest.raises(InputError, match=r"2 pixels of rows 7\.\.8 have numbers that are neither one of the 3 classes nor 255"):
        AreaTally(30, 40, CLASSES, None).write(np.array([[3, 0], [1, 200]], np.uint8), 7)
