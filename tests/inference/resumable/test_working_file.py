"""Rows of an array in a flat file."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.errors import InputError
from rs_da_mm.inference.resumable.working_file import Layer, WorkingFile
from rs_da_mm.raster import Window, window_slices

LAYERS = [
    Layer("labels", "uint8", fill=255),
    Layer("scores", "float16", channels=3),
    Layer("heights", "float32", fill=float("nan")),
    Layer("many", "uint16", channels=2, fill=7),
]


@given(st.sampled_from(LAYERS), st.lists(st.integers(1, 8), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_parts_are_read_as_they_were_written_and_the_rest_is_filled(tmp_path_factory, layer, widths, seed):
    rng, height, width = np.random.default_rng(seed), 9, sum(widths)
    channels = () if layer.channels is None else (layer.channels,)
    expected = np.full((*channels, height, width), layer.fill, layer.dtype)
    file = WorkingFile(tmp_path_factory.mktemp("rows") / "a.rows", layer, height, width)
    file.keep(0)
    for col, part in zip(np.cumsum([0, *widths]), widths, strict=False):
        data = rng.integers(0, 5, (*channels, 4, part)).astype(layer.dtype)
        place = Window(3, int(col), 4, part)
        rows, cols = window_slices(place)
        expected[..., rows, cols] = data
        np.testing.assert_array_equal(file.write(3, int(col), data), file.read_stored(place))
        np.testing.assert_array_equal(file.read(place), data)
    np.testing.assert_array_equal(file.read(Window(0, 0, height, width)), expected)
    file.keep(5)
    expected[..., 5:, :] = layer.fill
    np.testing.assert_array_equal(file.read(Window(0, 0, height, width)), expected)
    file.close()


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the blocks that a file takes")
def test_what_is_empty_takes_no_place(tmp_path):
    file = WorkingFile(tmp_path / "a.rows", LAYERS[0], 100_000, 100_000)
    file.keep(0)
    file.write(50_000, 70_000, np.full((100, 2000), 255, np.uint8))
    assert (tmp_path / "a.rows").stat().st_blocks == 0
    file.write(50_000, 70_000, np.full((2, 2000), 1, np.uint8))
    assert 0 < (tmp_path / "a.rows").stat().st_blocks * 512 < 1 << 17
    assert file.read(Window(50_001, 71_998, 2, 4)).tolist() == [[1, 1, 255, 255], [255] * 4]
    file.close()


def test_a_file_that_is_cut_off_is_told(tmp_path):
    file = WorkingFile(tmp_path / "a.rows", LAYERS[1], 4, 5)
    assert file.read_stored(Window(0, 0, 1, 2)) is None
    with pytest.raises(InputError, match=r"a\.rows is cut off: rows 0\.\.0, columns 0\.\.4"):
        file.read(Window(0, 0, 1, 5))
    file.close()


@pytest.mark.parametrize(
    ("row", "data"),
    [
        (0, np.zeros((3, 4), np.uint8)),
        (0, np.zeros((1, 3, 4), np.int8)),
        (2, np.zeros((1, 3, 4), np.uint8)),
        (-1, np.zeros((1, 3, 4), np.uint8)),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, row, data):
    file = WorkingFile(tmp_path / "a.rows", Layer("a", "uint8", channels=1), 4, 5)
    with pytest.raises(ValueError, match=r"cannot hold|not inside"):
        file.write(row, 0, data)
    file.close()
