"""A scene through a model, window by window: as if it had been computed in one piece."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_scenes import ArraySource, Canvas, Convolution, map_rows, plans, scenes

from rs_da_mm.errors import InputError
from rs_da_mm.inference.core.data_map import DataMap
from rs_da_mm.inference.core.plan import plan_windows
from rs_da_mm.raster import Scene, Window, window_slices, write_raster


def whole(source, model):
    return model(source.pixels[None], source.valid[None])[0] * source.valid


def rims(plan, radius):
    """Where some window sees less than the receptive field."""
    cut = np.zeros((plan.height, plan.width), bool)
    for row in plan.rows:
        for window in row.windows:
            sides = (window.row > 0, window.col > 0)
            ends = (window.row + window.height < plan.height, window.col + window.width < plan.width)
            inner = np.zeros((window.height, window.width), bool)
            rows, cols = (
                slice(radius * start, max(length - radius * end, 0))
                for start, end, length in zip(sides, ends, inner.shape, strict=True)
            )
            inner[rows, cols] = True
            place = window_slices(window)
            cut[place] |= ~inner[: plan.height - window.row, : plan.width - window.col]
    return cut


@settings(deadline=None)
@given(st.data(), scenes(), st.integers(0, 2), st.integers(0, 2), st.integers(1, 5))
def test_it_equals_the_whole_image(data, source, radius, margin, batch_size):
    plan = data.draw(plans(source, margin))
    model, canvas = Convolution(2, 3, radius), Canvas(3, source.height, source.width)
    expected = whole(source, model)
    model.batches.clear()
    counts = map_rows(source, plan, model, batch_size, canvas)

    np.testing.assert_array_equal(canvas.times, source.valid)  # no pixel missed, none handed on twice
    same = np.ones(source.valid.shape, bool) if margin >= radius else ~rims(plan, radius)
    scale = np.abs(expected).max() + 1
    np.testing.assert_allclose(canvas.scores[:, same] / scale, expected[:, same] / scale, atol=1e-5)

    assert set(model.batches) <= {(batch_size, *plan.size, 2)}
    kept = [w for row in plan.rows for w in row.windows if source.valid[window_slices(w)].any()]
    assert (counts.computed, counts.empty) == (len(kept), plan.window_count - len(kept))
    ends = [stop for _, stop in canvas.bands]
    assert canvas.bands == list(zip([0, *ends[:-1]], ends, strict=True))
    assert ends[-1] == source.height


@settings(deadline=None, max_examples=25)
@given(st.data(), scenes(), st.integers(1, 5))
def test_going_on_at_any_band_gives_the_same_bits(data, source, batch_size):
    plan = data.draw(plans(source, 0))
    model, canvas = Convolution(2), Canvas(2, source.height, source.width)
    map_rows(source, plan, model, batch_size, canvas)
    for _, stop in canvas.bands:
        rest = Canvas(2, source.height, source.width)
        map_rows(source, plan, model, batch_size, rest, start_row=stop)
        assert rest.scores[:, stop:].tobytes() == canvas.scores[:, stop:].tobytes()
        np.testing.assert_array_equal(rest.times[stop:], source.valid[stop:])
        assert not rest.times[:stop].any()
        assert rest.bands == [band for band in canvas.bands if band[0] >= stop]


def test_a_scene_on_disk(tmp_path):
    pixels = np.random.default_rng(0).integers(1, 2000, (70, 90, 4), dtype=np.uint16)
    pixels[20:50, 30:70] = 0
    write_raster(tmp_path / "scene.tif", pixels, nodata=0, blocksize=32)
    scene, model, canvas = Scene(tmp_path / "scene.tif"), Convolution(4), Canvas(2, 70, 90)
    map_rows(scene, plan_windows(70, 90, 24, 8, margin=1), model, 3, canvas)
    valid = pixels.any(axis=2)
    np.testing.assert_array_equal(canvas.times, valid)
    expected = model(pixels[None], None)[0] * valid
    np.testing.assert_allclose(canvas.scores, expected, rtol=1e-5, atol=0.05)  # of numbers up to 10,000


class Nothing:
    """A sink that forgets."""

    def __init__(self):
        self.pixels = 0
        self.bands = []

    def write(self, piece):
        self.pixels += piece.covered.size

    def finish_rows(self, start, stop, counts):
        self.bands.append((start, stop))


class Islands:
    """A scene of any size that holds data in a few squares."""

    def __init__(self, shape, squares, length):
        self.height, self.width = shape
        self.squares, self.length = squares, length

    def read_with_valid(self, window):
        valid = np.zeros((window.height, window.width), np.uint8)
        for row, col in self.squares:
            top, left = max(row - window.row, 0), max(col - window.col, 0)
            valid[top : max(row - window.row + self.length, 0), left : max(col - window.col + self.length, 0)] = 1
        return valid[..., None], valid


def peak_of(source, plan):
    tracemalloc.start()
    map_rows(source, plan, lambda pixels, valid: pixels.transpose(0, 3, 1, 2).astype(np.float32), 2, Nothing())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_depends_on_the_band_and_not_on_the_scene():
    size, width = 32, 1024

    def peak(height):
        plan = plan_windows(height, width, size, 0.5)
        return peak_of(Islands((height, width), [(0, 0)], height), plan)

    short, tall = peak(200), peak(1600)
    sums = 2 * size * width * 4  # one channel, and the weights
    assert tall < 1.2 * short
    assert tall < 3 * sums


def test_a_sparse_scene_of_ten_thousand_million_pixels():
    side, cell, size = 100_000, 1000, 256
    squares = [(0, 0), (0, 99_000), (50_000, 3000), (99_000, 99_000)]
    cells = np.zeros((100, 100), bool)
    for row, col in squares:
        cells[row // cell, col // cell] = True
    source = Islands((side, side), squares, cell)
    plan = plan_windows(side, side, size, 0.5, DataMap(cells, (cell, cell)))
    sink = Nothing()
    tracemalloc.start()
    counts = map_rows(source, plan, lambda pixels, valid: valid[:, None].astype(np.float32), 4, sink)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counts.empty == 0
    assert 4 * 8**2 <= counts.computed <= 4 * 9**2
    assert sink.pixels < 8 * 4 * cell**2  # chunks of columns that hold data, not rows of the whole scene
    assert len(sink.bands) < 30
    assert sink.bands[-1][1] == side
    assert peak < 64 << 20


def test_the_model_must_give_scores_for_every_pixel():
    source, plan = ArraySource(np.ones((8, 8, 1), np.uint8)), plan_windows(8, 8, 4, 0)
    with pytest.raises(InputError, match=r"\(2, 1, 2, 2\); \(2, channels, 4, 4\) is needed"):
        map_rows(source, plan, lambda pixels, valid: np.ones((2, 1, 2, 2), np.float32), 2, Nothing())


def test_scores_that_are_no_numbers_are_refused():
    source, plan = ArraySource(np.ones((8, 8, 1), np.uint8)), plan_windows(8, 8, 4, 0)
    with pytest.raises(InputError, match=r"rows 0\.\.3, columns 0\.\.7"):
        map_rows(source, plan, lambda pixels, valid: np.full((2, 1, 4, 4), np.nan, np.float32), 2, Nothing())


def test_a_plan_for_another_scene_is_refused():
    with pytest.raises(InputError, match=r"9 x 8 pixels, and the scene has 8 x 8"):
        map_rows(ArraySource(np.ones((8, 8, 1))), plan_windows(9, 8, 4, 0), Convolution(1), 1, Nothing())


def test_the_model_may_meet_what_it_likes_where_there_is_no_data():
    valid = np.ones((6, 6), np.uint8)
    valid[2, 2] = 0
    canvas = Canvas(1, 6, 6)
    plan = plan_windows(6, 6, 4, 2)
    map_rows(ArraySource(np.ones((6, 6, 1)), valid), plan, lambda p, v: np.where(v, 1, np.nan)[:, None], 1, canvas)
    np.testing.assert_array_equal(canvas.scores[0], valid)
    assert Window(0, 0, 4, 4) in plan.rows[0].windows
