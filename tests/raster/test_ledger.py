from __future__ import annotations

import zlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.raster.ledger import Ledger, checksum
from rs_da_mm.raster.windows import Window, window_slices


@st.composite
def windows(draw: st.DrawFn, height: int = 30, width: int = 20) -> Window:
    row, col = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    return Window(row, col, draw(st.integers(1, height - row)), draw(st.integers(1, width - col)))


@given(st.lists(windows(), max_size=8))
def test_gaps_are_what_was_not_written_each_pixel_once(written):
    ledger = Ledger(30, 20)
    covered = np.zeros((30, 20), int)
    for window in written:
        ledger.add(window, np.zeros((window.height, window.width, 1), np.uint8))
        covered[window_slices(window)] = 1
    for gap in ledger.gaps():
        covered[window_slices(gap)] += 1
    assert (covered == 1).all()


@given(st.lists(windows(), max_size=8))
def test_entries_are_what_still_stands(written):
    ledger = Ledger(30, 20)
    canvas = np.zeros((30, 20, 1), np.int16)
    for number, window in enumerate(written, 1):
        canvas[window_slices(window)] = number
        ledger.add(window, np.full((window.height, window.width, 1), number, np.int16))
    for window, expected in ledger.entries:
        assert checksum(canvas[window_slices(window)]) == expected
    if written:
        assert ledger.entries[-1].window == written[-1]


def test_large_writes_are_summed_up_in_parts():
    ledger = Ledger(600, 3)
    pixels = np.arange(600 * 3 * 2, dtype=np.int32).reshape(600, 3, 2)
    ledger.add(Window(0, 0, 600, 3), pixels)
    assert [entry.window for entry in ledger.entries] == [Window(0, 0, 256, 3), Window(256, 0, 256, 3), Window(512, 0, 88, 3)]
    assert ledger.entries[1].checksum == zlib.crc32(pixels[256:512].tobytes())


def test_a_checksum_does_not_depend_on_the_layout():
    pixels = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    assert checksum(np.asfortranarray(pixels)) == checksum(pixels)
