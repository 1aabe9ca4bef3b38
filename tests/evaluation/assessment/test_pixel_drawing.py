from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.evaluation.assessment import pixel_drawing
from rs_da_mm.evaluation.assessment.class_raster import ClassRaster
from rs_da_mm.evaluation.assessment.pixel_drawing import draw_pixels
from rs_da_mm.raster import Georeference, cell_areas

WIDE = Georeference(CRS.from_epsg(4326), Affine(1, 0, 0, 0, -1, 80))


@pytest.fixture
def labels():
    return np.random.default_rng(0).choice([0, 1, 2, 255], (90, 70), p=[0.5, 0.38, 0.02, 0.1]).astype(np.uint8)


@pytest.fixture(params=[0, 1 << 20], ids=["redrawn", "listed"])
def few(request, monkeypatch):
    """Both ways of drawing: from a list of all pixels, and row by row with a new draw for what comes twice."""
    monkeypatch.setattr(pixel_drawing, "_FEW", request.param)


def test_each_class_gets_its_pixels_and_none_comes_twice(tmp_path, tools, labels, few):
    raster = ClassRaster(tools.map(tmp_path / "map.tif", labels))
    found = draw_pixels(raster, {0: 300, 1: 20, 2: int((labels == 2).sum()), 7: 0}, seed=0)
    assert len(np.unique(found, axis=0)) == len(found)
    drawn = labels[found[:, 0], found[:, 1]]
    assert [(drawn == value).sum() for value in range(3)] == [300, 20, (labels == 2).sum()]


def test_a_seed_draws_the_same_and_another_one_others(tmp_path, tools, labels, few):
    raster = ClassRaster(tools.map(tmp_path / "map.tif", labels))
    one, same, other = (draw_pixels(raster, {0: 50, 1: 50}, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert len(np.unique(np.concatenate([one, other]), axis=0)) > 180 - 100


def test_the_order_tells_neither_class_nor_place(tmp_path, tools, labels):
    raster = ClassRaster(tools.map(tmp_path / "map.tif", labels))
    found = draw_pixels(raster, {0: 200, 1: 200}, seed=3)
    drawn = labels[found[:, 0], found[:, 1]]
    assert 70 < (drawn[:200] == 0).sum() < 130
    assert 0.4 < (np.diff(found[:, 0]) < 0).mean() < 0.6


@pytest.mark.parametrize("place", ["metres", "degrees"])
def test_every_place_is_as_likely_as_any_other(tmp_path, tools, labels, few, place):
    """A thousand draws of 20 pixels: how often a row of class 0 is drawn goes with its area (chi square, one in a thousand)."""
    stats = pytest.importorskip("scipy.stats")
    georeference = tools.utm if place == "metres" else WIDE
    raster = ClassRaster(tools.map(tmp_path / "map.tif", labels, georeference))
    in_row = (labels == 0).sum(1)
    area = in_row * cell_areas(georeference, 90, 70).per_row
    rng = np.random.default_rng(5)
    rows = np.concatenate(
        [pixel_drawing._choose(in_row, cell_areas(georeference, 90, 70).per_row, 20, rng)[:, 0] for _ in range(1000)]
    )
    observed = np.bincount(rows, minlength=90)
    assert stats.chisquare(observed, 20_000 * area / area.sum()).pvalue > 1e-3
    if place == "degrees":
        assert stats.chisquare(observed, 20_000 * in_row / in_row.sum()).pvalue < 1e-9
    assert raster.scene.height == 90
