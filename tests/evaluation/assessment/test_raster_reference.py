from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation import land_cover_scores
from rs_da_mm.evaluation.assessment import Request, assess_map
from rs_da_mm.raster import Georeference, write_raster


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    truth = rng.choice([0, 1, 2], (40, 50)).astype(np.uint8)
    mapped = np.where(rng.random((40, 50)) < 0.8, truth, (truth + 1) % 3).astype(np.uint8)
    mapped[0, :10] = 255
    return mapped, truth


def test_wall_to_wall_is_the_plain_matrix(tmp_path, tools, pair):
    mapped, truth = pair
    found = assess_map(Request(tools.map(tmp_path / "map.tif", mapped), tools.map(tmp_path / "truth.tif", truth)))
    matrix = np.zeros((3, 3), int)
    np.add.at(matrix, (mapped[mapped != 255], truth[mapped != 255]), 1)
    scores = land_cover_scores(matrix.T)
    np.testing.assert_array_equal(found.counts, matrix)
    assert 100 * found.estimates.overall == pytest.approx(scores.overall_accuracy)
    np.testing.assert_allclose(100 * found.estimates.users, scores.precision)
    np.testing.assert_allclose(100 * found.estimates.producers, scores.recall)
    np.testing.assert_allclose(100 * found.estimates.areas, scores.share)
    assert (found.design, found.kind, found.units) == ("wall-to-wall", "pixel", 1990)
    assert not found.estimates.sampled
    assert found.notes == ()


def test_names_go_before_numbers(tmp_path, tools, pair):
    """The reference numbers the same names otherwise."""
    mapped, truth = pair
    other = np.choose(truth, [2, 0, 1]).astype(np.uint8)
    paths = [tools.map(tmp_path / "one.tif", truth), tools.map(tmp_path / "two.tif", other, names=("meadow", "water", "forest"))]
    one, two = (assess_map(Request(tools.map(tmp_path / "map.tif", mapped), path)) for path in paths)
    np.testing.assert_array_equal(one.counts, two.counts)
    assert two.matched == "2 = forest, 0 = meadow, 1 = water"


def test_a_reference_on_another_grid_is_laid_on_that_of_the_map(tmp_path, tools, pair):
    """Pixels of 30 m in place of 10 m, and a grid that begins elsewhere."""
    mapped, _ = pair
    coarse = np.random.default_rng(1).choice([0, 1, 2], (20, 20)).astype(np.uint8)
    place = Georeference(CRS.from_epsg(32632), Affine(30, 0, 499_940, 0, -30, 5_600_060))
    found = assess_map(Request(tools.map(tmp_path / "map.tif", mapped), tools.map(tmp_path / "truth.tif", coarse, place)))
    rows, cols = (np.arange(40) + 6) // 3, (np.arange(50) + 6) // 3
    truth = coarse[rows[:, None], cols[None, :]]
    matrix = np.zeros((3, 3), int)
    np.add.at(matrix, (mapped[mapped != 255], truth[mapped != 255]), 1)
    np.testing.assert_array_equal(found.counts, matrix)


def test_a_part_is_told_to_be_one(tmp_path, tools, pair):
    mapped, truth = pair
    part = truth.copy()
    part[:, 10:] = 255
    part[:, 0] = 7
    reference = tools.map(tmp_path / "part.tif", part)
    with pytest.raises(InputError, match=r"part\.tif: holds '7' \(39\), which the map does not name"):
        assess_map(Request(tools.map(tmp_path / "map.tif", mapped), reference))
    found = assess_map(Request(tmp_path / "map.tif", reference, codes={"7": "ignore"}))
    assert found.left_out == {"ignored by --codes": 39}
    assert found.units == 39 * 9
    assert "covers 17.6 % of the map" in found.notes[0]
    assert found.total == pytest.approx(39 * 9 * 100)


def test_labelled_pixels_as_a_sample(tmp_path, tools, pair):
    mapped, truth = pair
    sparse = np.where(np.random.default_rng(2).random(truth.shape) < 0.1, truth, 255).astype(np.uint8)
    path, reference = tools.map(tmp_path / "map.tif", mapped), tools.map(tmp_path / "sparse.tif", sparse)
    stratified, random = (assess_map(Request(path, reference, design=design)) for design in ("stratified", "random"))
    assert stratified.estimates.overall == pytest.approx(random.estimates.overall)
    assert stratified.estimates.overall_error > 0.01
    assert stratified.total == pytest.approx(1990 * 100)
    assert "taken for an independent sample" in stratified.notes[0]


def test_pictures_of_one_size_need_no_place(tmp_path, pair):
    mapped, truth = pair
    write_raster(tmp_path / "map.tif", mapped, nodata=255)
    write_raster(tmp_path / "truth.tif", truth)
    found = assess_map(Request(tmp_path / "map.tif", tmp_path / "truth.tif"))
    assert (found.is_area, found.total) == (False, 1990.0)
    assert found.notes == ("The areas of the map's pixels are not known: areas are counted in pixels.",)


@pytest.mark.parametrize("option", ["field", "layer", "crs"])
def test_options_of_vectors_are_refused(tmp_path, tools, pair, option):
    path = tools.map(tmp_path / "map.tif", pair[0])
    with pytest.raises(InputError, match=f"--{option}: goes with points and polygons; .* was taken for a raster"):
        assess_map(Request(path, path, **{option: "EPSG:4326"}))


def test_rasters_that_do_not_meet(tmp_path, tools, pair):
    mapped, truth = pair
    path = tools.map(tmp_path / "map.tif", mapped)
    empty = tools.map(tmp_path / "empty.tif", np.where(mapped == 255, truth, 255).astype(np.uint8))
    with pytest.raises(InputError, match=r"empty\.tif and .*map\.tif have no pixel in common where both have data"):
        assess_map(Request(path, empty))
    far = tools.map(tmp_path / "far.tif", truth, Georeference(CRS.from_epsg(32632), Affine(10, 0, 0, 0, -10, 0)))
    with pytest.raises(InputError, match=r"far\.tif"):
        assess_map(Request(path, far))
    with pytest.raises(InputError, match="does not exist"):
        assess_map(Request(path, tmp_path / "none.tif"))
    with pytest.raises(InputError, match="all of its pixels on the map are ignored"):
        assess_map(Request(path, tools.map(tmp_path / "t.tif", truth), codes={str(value): "ignore" for value in range(3)}))
