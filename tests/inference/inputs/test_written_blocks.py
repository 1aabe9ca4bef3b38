"""Planning around what a file leaves out."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window as FileWindow

from rs_da_mm.inference.core.plan import plan_windows
from rs_da_mm.inference.inputs.written_blocks import data_map
from rs_da_mm.raster import Scene, Window, window_slices
from rs_da_mm.raster.source_view import SourceView


def sparse(path, side, places, block=64, nodata=0):
    layout = {"tiled": True, "blockxsize": block, "blockysize": block, "SPARSE_OK": True, "BIGTIFF": "YES"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        profile = {"height": side, "width": side, "count": 2, "dtype": "uint16", "nodata": nodata}
        with rasterio.open(path, "w", driver="GTiff", compress="deflate", **profile, **layout) as dataset:
            for row, col in places:
                dataset.write(np.ones((2, 100, 100), np.uint16), window=FileWindow(col, row, 100, 100))
    return path


def test_a_window_that_it_says_holds_no_data_has_none(tmp_path):
    scene = Scene(sparse(tmp_path / "a.tif", 500, [(130, 20), (300, 400)]))
    has_data = data_map(scene)
    valid = scene.read_valid()
    rng = np.random.default_rng(0)
    answers = []
    for row, col, height, width in rng.integers(0, 400, (200, 4)):
        window = Window(int(row), int(col), int(height % 90) + 1, int(width % 90) + 1)
        answers.append(has_data(window))
        assert answers[-1] or not valid[window_slices(window)].any()
    assert 20 < sum(answers) < 180


@pytest.mark.parametrize("scale", [2, 0.5])
def test_views_around_a_scene_are_seen_through(tmp_path, scale):
    scene = Scene(sparse(tmp_path / "a.tif", 500, [(130, 20)]))
    resampled = pytest.importorskip("rs_da_mm.raster.resampled_scene").ResampledScene(SourceView(scene), scale)
    has_data = data_map(resampled)
    size = int(50 / scale)
    for row in range(0, resampled.height, size):
        for col in range(0, resampled.width, size):
            window = Window(row, col, size, size)
            assert has_data(window) or not resampled.read_with_valid(window)[1].any()
    assert has_data(Window(int(150 / scale), int(50 / scale), 5, 5))
    assert not has_data(Window(int(400 / scale), int(400 / scale), size, size))


def test_nothing_is_known_of_a_scene_without_gaps_or_of_another_source(tmp_path):
    assert data_map(Scene(sparse(tmp_path / "a.tif", 500, [(130, 20)], nodata=None))) is None
    assert data_map(SourceView(object())) is None


def test_a_country_of_a_few_scenes_is_planned_by_its_data_alone(tmp_path):
    places = [(50_000, 51_000), (50_100, 51_000), (99_900, 0)]
    scene = Scene(sparse(tmp_path / "country.tif", 100_000, places, block=256))
    plan = plan_windows(*scene.shape, 512, 0.5, data_map(scene))
    assert 0 < plan.window_count < 40
    assert plan.window_count + plan.skipped == 390 * 390
    for row, col in places:
        corners = [(row, col), (row + 99, col + 99)]
        for r, c in corners:
            assert any(w.row <= r < w.row + 512 and w.col <= c < w.col + 512 for band in plan.rows for w in band.windows)
