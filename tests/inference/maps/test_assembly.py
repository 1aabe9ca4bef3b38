"""Finished rows become files that hold what was finished, and nothing else."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.errors import InputError
from rs_da_mm.inference.core.protocols import Piece, RunCounts
from rs_da_mm.inference.maps.assembly import MapGround, assemble_map, min_pixels, tiles_with_data
from rs_da_mm.inference.maps.layers import MapSink, map_layers
from rs_da_mm.inference.maps.options import MapOptions
from rs_da_mm.inference.maps.places import MapPlaces
from rs_da_mm.inference.outputs import map_classes
from rs_da_mm.inference.resumable.resumable_output import ResumableOutput
from rs_da_mm.raster import Georeference, Window, cell_areas, cog_faults

CLASSES = map_classes(["water", "field", "town"])
UTM = Georeference(crs=CRS.from_epsg(32632), transform=Affine(10, 0, 500000, 0, -10, 5600000))


def ground(height, width, georeference=UTM):
    return MapGround(height, width, georeference, CLASSES, "a town")


@contextmanager
def finished(folder, options, pieces, height, width, check=lambda: None, threshold=None):
    """An output of these pieces."""
    with ResumableOutput(folder, {}, map_layers(options, CLASSES), height, width) as output:
        sink = MapSink(output, options, CLASSES, check, threshold)
        for one in pieces:
            sink.write(one)
        sink.finish_rows(0, height, RunCounts(3, 1))
        yield output


def piece(row, col, height, width, seed=0, grain=8):
    """Scores and gaps in patches of some pixels: polygons of single pixels take long."""
    rng = np.random.default_rng(seed)
    coarse = -(-height // grain), -(-width // grain)

    def enlarged(values):
        return values.repeat(grain, 0).repeat(grain, 1)[:height, :width]

    scores = enlarged(rng.dirichlet(np.ones(3), coarse)).transpose(2, 0, 1).astype(np.float32)
    covered = enlarged(rng.random(coarse) > 0.2)
    return Piece(row, col, np.where(covered, scores, 0).astype(np.float32), covered)


@pytest.mark.parametrize("cog", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_the_files_hold_what_was_finished(tmp_path, cog, dtype):
    height, width = 700, 530
    options = MapOptions(cog=cog, scores=dtype, uncertainty="entropy", vectors=True, preview=True)
    one = piece(30, 5, 640, 500)
    with finished(tmp_path / "w", options, [one], height, width) as output:
        written, tally = assemble_map(output, ground(height, width), MapPlaces(tmp_path / "m.tif"), options)
    expected = np.full((height, width), 255, np.uint8)
    expected[30:670, 5:505][one.covered] = one.scores.argmax(0)[one.covered]
    with rasterio.open(written["labels"]) as labels:
        np.testing.assert_array_equal(labels.read(1), expected)
        assert labels.crs == UTM.crs
        assert labels.transform == UTM.transform
        assert labels.nodata == 255
        assert labels.tags()["CLASS_2"] == "town"
    np.testing.assert_array_equal(tally.pixels, [np.count_nonzero(expected == number) for number in range(3)])
    np.testing.assert_allclose(tally.square_metres, tally.pixels * 100.0)
    with rasterio.open(written["scores"]) as scores:
        values = scores.read(masked=True) * (scores.scales[0] if dtype == "uint8" else 1)
        error = np.abs(values[:, 30:670, 5:505] - one.scores)[:, one.covered]
        assert error.max() <= (0.0021 if dtype == "uint8" else 0.0003)
        np.testing.assert_array_equal(np.ma.getmaskarray(values)[0], expected == 255)
    with rasterio.open(written["uncertainty"]) as unsure:
        np.testing.assert_array_equal(unsure.read(1) == 255, expected == 255)
    assert set(written) == {"labels", "scores", "uncertainty", "style", "preview", "vectors"}
    assert all(path.stat().st_size for path in written.values())
    assert (not cog_faults(written["labels"])) or not cog


def test_where_nothing_was_written_nothing_is_read(tmp_path):
    options = MapOptions()
    pieces = [piece(600, 9000, 20, 30), piece(2000, 0, 5, 5)]
    with finished(tmp_path / "w", options, pieces, 4096, 12000) as output:
        tiles = list(tiles_with_data(output, 4096, 12000))
    assert [(tile.row, tile.col) for tile in tiles] == [(512, 8192), (1536, 0)]


def test_an_empty_map_is_a_map(tmp_path):
    with finished(tmp_path / "w", MapOptions(preview=True), [], 90, 80) as output:
        written, tally = assemble_map(output, ground(90, 80), MapPlaces(tmp_path / "m.tif"), MapOptions(preview=True))
    with rasterio.open(written["labels"]) as labels:
        assert (labels.read(1) == 255).all()
    assert tally.pixels.sum() == 0


def test_minimum_area_in_pixels():
    cells = cell_areas(UTM, 10, 10)
    assert [min_pixels(area, cells) for area in (0, 100, 101, 1000)] == [0, 1, 2, 10]
    assert min_pixels(12, None) == 12


def test_counts_are_kept_and_what_the_check_raises_ends_it(tmp_path):
    with finished(tmp_path / "w", MapOptions(), [], 9, 9) as output:
        assert dict(output.bands[0].notes) == {"computed": 3, "empty": 1}
    assert '"computed": 3' in (tmp_path / "w" / "journal.jsonl").read_text()

    def changed():
        raise InputError("the scene changed")

    with pytest.raises(InputError, match="the scene changed"), finished(tmp_path / "v", MapOptions(), [], 9, 9, changed):
        pass


def test_a_threshold_decides_in_place_of_the_larger_score(tmp_path):
    scores = np.array([[[0.9, 0.65, 0.2]], [[0.1, 0.35, 0.8]]], np.float32)
    one = Piece(0, 0, scores, np.array([[True, True, True]]))
    with finished(tmp_path / "w", MapOptions(), [one], 1, 3, threshold=0.3) as output:
        np.testing.assert_array_equal(output.read("labels", Window(0, 0, 1, 3)), [[0, 1, 1]])
