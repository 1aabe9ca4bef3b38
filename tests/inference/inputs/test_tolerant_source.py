"""Reading on where files are damaged."""

from __future__ import annotations

import os

import numpy as np
import pytest
from damaged_files import cut, damage_block, readable_pixels, write_tiff
from hypothesis import given
from hypothesis import strategies as st
from tiny_scenes import Canvas, Convolution, map_rows

from rs_da_mm.errors import InputError, RasterError
from rs_da_mm.inference.core.plan import plan_windows
from rs_da_mm.inference.inputs import tolerant_source
from rs_da_mm.inference.inputs.source_watch import SourceWatch
from rs_da_mm.inference.inputs.tolerant_source import TolerantSource, is_left_out
from rs_da_mm.inference.inputs.unreadable import UnreadableBlocks
from rs_da_mm.raster import Scene, Window, clip_window, window_slices, write_raster

HEIGHT, WIDTH = 150, 200
WHOLE = Window(0, 0, HEIGHT, WIDTH)
WINDOWS = st.builds(Window, st.integers(-20, 160), st.integers(-20, 210), st.integers(1, 90), st.integers(1, 90))


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(1, 200, (HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def damaged(tmp_path_factory, pixels):
    """A tiled file in which one block in the middle is damaged: rows 64..95, columns 96..143."""
    path = write_tiff(tmp_path_factory.mktemp("damaged") / "a.tif", pixels)
    damage_block(path, 2, 2)
    return path


GAP = Window(64, 96, 32, 48)


def expected_of(pixels, readable, window):
    """A window of what is readable, zeros elsewhere."""
    found, valid = np.zeros((window.height, window.width, 3), np.uint8), np.zeros((window.height, window.width), np.uint8)
    inside = clip_window(window, *readable.shape)
    place = window_slices(inside, (window.row, window.col))
    valid[place] = readable[window_slices(inside)]
    found[place] = pixels[window_slices(inside)] * readable[window_slices(inside)][:, :, None]
    return found, valid


def check_all(source, pixels, readable, window=WHOLE):
    for found, expected in zip(source.read_with_valid(window), expected_of(pixels, readable, window), strict=True):
        np.testing.assert_array_equal(found, expected)


def without(*gaps):
    readable = np.ones((HEIGHT, WIDTH), np.uint8)
    for gap in gaps:
        readable[window_slices(gap)] = 0
    return readable


def test_a_damaged_block_ends_the_run_where_that_is_asked(damaged):
    source = TolerantSource(Scene(damaged), "raise")
    source.read_with_valid(Window(0, 0, 64, 200))
    with pytest.raises(RasterError, match=r"a\.tif: rows 50\.\.79, columns 90\.\.109 cannot be read"):
        source.read_with_valid(Window(50, 90, 30, 20))
    assert len(source.unreadable) == 0


@given(st.lists(WINDOWS, min_size=1, max_size=4))
def test_only_the_damaged_block_holds_no_data_whatever_was_read_before(damaged, pixels, windows):
    source = TolerantSource(Scene(damaged), "nodata")
    readable = without(GAP)
    for window in windows:
        check_all(source, pixels, readable, window)
    touches = any((expected_of(pixels, 1 - readable, window)[1]).any() for window in windows)
    assert source.unreadable.areas == ([GAP] if touches else [])


@pytest.mark.parametrize("at_once", [1, 40 * 50, 1 << 22])
def test_how_much_is_tried_at_once_makes_no_difference(damaged, pixels, monkeypatch, at_once):
    monkeypatch.setattr(tolerant_source, "_PIXELS_AT_ONCE", at_once)
    source = TolerantSource(Scene(damaged), "nodata")
    check_all(source, pixels, without(GAP))
    report = source.unreadable.report()
    assert (report["blocks"], report["pixels"], report["areas"]) == (1, 32 * 48, [GAP._asdict()])
    assert "a.tif: rows 64..95, columns 96..143 cannot be read" in report["reason"]


def test_a_file_of_planes_loses_a_block_when_one_band_does(tmp_path, pixels):
    path = write_tiff(tmp_path / "a.tif", pixels, interleave="band")
    damage_block(path, 1, 3, band=2)
    check_all(TolerantSource(Scene(path), "nodata"), pixels, without(Window(32, 144, 32, 48)))
    check_all(TolerantSource(Scene(path, bands=[3, 1, 1]), "nodata"), pixels[:, :, [2, 0, 0]], without())


@pytest.mark.parametrize("layout", [{}, {"tiled": False, "block": (7, WIDTH)}, {"tiled": False, "block": (1, WIDTH)}])
@pytest.mark.parametrize("compress", ["deflate", "none"])
@pytest.mark.parametrize("share", [0.97, 0.4])
def test_of_a_file_that_was_cut_off_the_upper_part_is_read(tmp_path, pixels, layout, compress, share):
    path = write_tiff(tmp_path / "a.tif", pixels, compress=compress, **layout)
    cut(path, share)
    readable = readable_pixels(path)
    assert 0.2 < readable.mean() < 1
    source = TolerantSource(Scene(path), "nodata")
    check_all(source, pixels, readable, Window(60, 20, 70, 100))
    check_all(source, pixels, readable)
    assert source.unreadable.pixels == (readable == 0).sum()


def test_a_damaged_strip_is_a_strip_that_holds_no_data(tmp_path, pixels):
    path = write_tiff(tmp_path / "a.tif", pixels, tiled=False, block=(10, WIDTH))
    damage_block(path, 3, 0)
    source = TolerantSource(Scene(path), "nodata")
    check_all(source, pixels, without(Window(30, 0, 10, WIDTH)), Window(20, 50, 30, 30))
    assert source.unreadable.areas == [Window(30, 0, 10, WIDTH)]


def test_of_several_files_the_damaged_one_leaves_its_blocks_empty(tmp_path, pixels):
    paths = [
        write_tiff(tmp_path / "a.tif", pixels[:, :, :1], tiled=False, block=(10, WIDTH)),
        write_tiff(tmp_path / "b.tif", pixels[:, :, 1:2]),
        write_tiff(tmp_path / "c.tif", pixels[:, :, 2:], block=(64, 64)),
    ]
    damage_block(paths[1], 2, 2)
    source = TolerantSource(Scene(paths), "nodata")
    check_all(source, pixels, without(GAP))
    assert source.unreadable.areas == [GAP]
    cut(paths[2], 0.1)  # not even its first block is whole
    assert not readable_pixels(paths[2]).any()
    source = TolerantSource(Scene(paths), "nodata")
    check_all(source, pixels, without(WHOLE))
    assert source.unreadable.pixels == HEIGHT * WIDTH
    assert "c.tif: rows 0..9, columns 0..47 cannot be read" in source.unreadable.report()["reason"]


def test_a_mask_that_is_damaged_counts_too(tmp_path, pixels):
    image = write_tiff(tmp_path / "a.tif", pixels)
    mask = write_tiff(tmp_path / "mask.tif", np.tile(np.arange(200, dtype=np.uint8) % 7 + 1, (HEIGHT, 1))[:, :, None])
    damage_block(mask, 2, 2)
    check_all(TolerantSource(Scene(image, mask=mask), "nodata"), pixels, without(GAP))


@pytest.mark.parametrize("first", [Window(290, 0, 10, 400), Window(0, 0, 300, 400), Window(0, 0, 20, 20)])
def test_a_photograph_never_gives_grey_for_what_is_missing(tmp_path, first):
    path = tmp_path / "a.jpg"
    write_raster(path, np.random.default_rng(0).integers(0, 256, (600, 400, 3), dtype=np.uint8), quality=90)
    whole = Scene(path).read()
    cut(path, 0.9)
    source = TolerantSource(Scene(path), "nodata")
    source.read_with_valid(first)
    found, valid = source.read_with_valid(Window(0, 0, 600, 400))
    assert 0 < valid.mean() < 1
    np.testing.assert_array_equal(found, whole * valid[:, :, None])
    np.testing.assert_array_equal(valid, np.repeat(valid[:, :1], 400, axis=1))
    assert valid[:256].all()  # strips that hold the rows above the cut


def test_windows_that_touch_the_gap_are_left_out_and_no_others(damaged):
    source = TolerantSource(Scene(damaged), "skip")
    plan = plan_windows(HEIGHT, WIDTH, 40, 0.5)
    left_out = 0
    for row in plan.rows:
        for stretch in (row.windows[:5], row.windows[5:]):
            whole = Window(row.row, stretch[0].col, 40, stretch[-1].col + 40 - stretch[0].col)
            source.read_with_valid(whole)
            for window in stretch:
                assert source.left_out(window) == is_left_out(source, window) == (without(GAP)[window_slices(window)].min() == 0)
                left_out += source.left_out(window)
    assert left_out == source.unreadable.windows_touched(plan) > 0


def test_with_the_other_policies_no_window_is_left_out(damaged):
    source = TolerantSource(Scene(damaged), "nodata")
    source.read_with_valid(GAP)
    assert not source.left_out(GAP)


def test_what_was_read_before_leaves_nothing_out(damaged):
    source = TolerantSource(Scene(damaged), "skip")
    source.read_with_valid(WHOLE)
    assert source.left_out(GAP)
    source.read_with_valid(Window(0, 0, 60, 90))
    assert not source.left_out(GAP)


def test_a_source_that_is_always_read_leaves_nothing_out(damaged):
    assert not is_left_out(Scene(damaged), GAP)


def test_views_around_it_hand_on_what_is_left_out(damaged, pixels):
    views = pytest.importorskip("rs_da_mm.raster.resampled_scene")
    source = views.ResampledScene(TolerantSource(Scene(damaged), "skip"), 2, "nearest")
    _, valid = source.read_with_valid(Window(0, 0, source.height, source.width))
    assert valid[32:48, 48:72].sum() == 0
    assert valid.sum() == valid.size - 16 * 24
    assert is_left_out(source, Window(40, 60, 5, 5))
    assert not is_left_out(source, Window(0, 0, 20, 20))


def test_a_map_is_that_of_a_scene_with_a_gap_and_goes_on_to_the_same_bits(damaged, pixels, tmp_path):
    path = write_tiff(tmp_path / "whole.tif", pixels)
    mask = write_tiff(tmp_path / "mask.tif", without(GAP)[:, :, None])
    plan = plan_windows(HEIGHT, WIDTH, 40, 0.5)
    canvases = [Canvas(2, HEIGHT, WIDTH) for _ in range(3)]
    model = Convolution(3)

    class Emptied(Scene):
        def read_with_valid(self, window=None):
            found, valid = super().read_with_valid(window)
            return found * valid[:, :, None], valid

    map_rows(Emptied(path, mask=mask), plan, model, 4, canvases[0])
    notes = tmp_path / "unreadable.jsonl"
    source = TolerantSource(Scene(damaged), "nodata", UnreadableBlocks(notes))
    map_rows(source, plan, model, 4, canvases[1])
    np.testing.assert_array_equal(canvases[1].scores, canvases[0].scores)
    np.testing.assert_array_equal(canvases[1].times, without(GAP))
    for start in (60, 100):
        again = TolerantSource(Scene(damaged), "nodata", UnreadableBlocks(notes))
        canvas = Canvas(2, HEIGHT, WIDTH)
        map_rows(again, plan, model, 4, canvas, start_row=start)
        np.testing.assert_array_equal(canvas.scores[:, start:], canvases[1].scores[:, start:])
        assert again.unreadable.report() == source.unreadable.report()


def test_what_one_run_found_and_what_another_did_make_the_whole(damaged, tmp_path):
    path = write_tiff(tmp_path / "a.tif", np.random.default_rng(1).integers(1, 9, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    for place in ((0, 1), (2, 2), (4, 4)):
        damage_block(path, *place)
    whole = TolerantSource(Scene(path), "nodata")
    whole.read_with_valid(WHOLE)
    for part in (Window(0, 0, 80, WIDTH), Window(60, 0, 90, WIDTH)):
        source = TolerantSource(Scene(path), "nodata", UnreadableBlocks(tmp_path / "found.jsonl"))
        source.read_with_valid(part)
        assert len(source.unreadable) == (2 if part.row == 0 else 3)
    assert source.unreadable.report() == whole.unreadable.report()


@pytest.mark.skipif(os.name == "nt", reason="Windows changes no file that is open")
@pytest.mark.parametrize("policy", ["raise", "skip", "nodata"])
def test_a_file_that_changed_or_is_gone_is_no_damaged_one(tmp_path, pixels, policy):
    path = write_tiff(tmp_path / "a.tif", pixels)
    source = TolerantSource(Scene(path), policy)
    cut(path, 0.5)
    with pytest.raises(InputError, match=r"a\.tif changed while it was read"):
        source.read_with_valid(WHOLE)
    path.unlink()
    with pytest.raises(InputError, match=r"a\.tif cannot be reached"):
        source.read_with_valid(WHOLE)
    assert len(source.unreadable) == 0


class Fading:
    """A source that is no scene, and cannot read its lower half."""

    height, width = 600, 300

    def read_with_valid(self, window):
        inside = clip_window(window, self.height, self.width)
        if inside.height and inside.row + inside.height > 400 and inside.width:
            raise RasterError("too low")
        valid = np.zeros((window.height, window.width), np.uint8)
        valid[window_slices(inside, (window.row, window.col))] = 1
        return valid[:, :, None] * np.float32(3), valid


def test_any_source_may_be_damaged():
    source = TolerantSource(Fading(), "nodata")
    found, valid = source.read_with_valid(Window(0, 0, 600, 300))
    assert found.dtype == np.float32
    assert valid[:256].all()
    assert not valid[256:].any()
    source = TolerantSource(Fading(), "nodata", blocks=[(50, 300)], watch=SourceWatch([]))
    assert source.read_with_valid(Window(0, 0, 600, 300))[1].sum() == 400 * 300


def test_a_policy_that_is_none_is_refused(damaged):
    with pytest.raises(InputError, match=r"'ignore'; it can be 'raise', 'skip', 'nodata'"):
        TolerantSource(Scene(damaged), "ignore")
