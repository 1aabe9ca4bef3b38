from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import handles
from rs_da_mm.raster.handles import open_fresh, open_raster, release


@pytest.fixture
def path(tmp_path, plainly, pixels):
    return plainly(tmp_path / "a.tif", pixels)


def test_a_file_stays_open_between_reads(path):
    assert open_raster(path) is open_raster(path)


def test_a_released_file_is_closed(path):
    dataset = open_raster(path)
    release(path)
    assert dataset.closed
    release(path)


@pytest.mark.skipif(os.name == "nt", reason="Windows changes no file that is open")
def test_a_replaced_file_is_opened_again(path, plainly, pixels):
    before = open_raster(path)
    time.sleep(0.01)
    plainly(path, pixels[::-1])
    after = open_raster(path)
    assert before.closed
    np.testing.assert_array_equal(after.read(1), pixels[::-1, :, 0])


def test_only_so_many_stay_open(tmp_path, plainly, pixels, monkeypatch):
    monkeypatch.setattr(handles, "OPEN_FILES", 2)
    paths = [plainly(tmp_path / f"{index}.tif", pixels) for index in range(3)]
    first, second = open_raster(paths[0]), open_raster(paths[1])
    open_raster(paths[0])
    third = open_raster(paths[2])
    assert second.closed
    assert not first.closed
    assert not third.closed


def test_another_thread_has_its_own(path):
    mine = open_raster(path)
    found = []
    thread = threading.Thread(target=lambda: found.append(open_raster(path)))
    thread.start()
    thread.join()
    assert found[0] is not mine
    assert not mine.closed


def test_another_process_neither_uses_nor_closes_what_it_inherited(path, monkeypatch):
    inherited = open_raster(path)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    mine = open_raster(path)
    assert mine is not inherited
    assert not inherited.closed
    release(path)
    assert mine.closed


def test_what_is_no_raster_is_told(tmp_path):
    with pytest.raises(RasterError, match=r"missing\.tif does not exist"):
        open_raster(tmp_path / "missing.tif")
    with pytest.raises(RasterError, match="is a folder"):
        open_raster(tmp_path)
    text = tmp_path / "notes.tif"
    text.write_text("not a picture")
    with pytest.raises(RasterError, match=r"notes\.tif is no raster that can be opened: .*not recognized"):
        open_raster(text)
    empty = tmp_path / "empty.tif"
    empty.touch()
    with pytest.raises(RasterError, match=r"empty\.tif is no raster"):
        open_fresh(empty)


def test_a_head_that_was_cut_off_is_told(path):
    with path.open("r+b") as file:
        file.truncate(60)
    with pytest.raises(RasterError, match=r"a\.tif is no raster that can be opened"):
        open_fresh(path)
