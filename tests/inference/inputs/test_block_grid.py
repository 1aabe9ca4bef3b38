"""Blocks as a grid."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.inference.inputs.block_grid import BlockGrid, common, overlap
from rs_da_mm.raster import Window, window_slices

HEIGHT, WIDTH = 23, 31
SHAPES = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=3)
WINDOWS = st.builds(Window, st.integers(0, HEIGHT - 5), st.integers(0, WIDTH - 5), st.integers(1, 5), st.integers(1, 5))


def painted(window):
    canvas = np.zeros((HEIGHT, WIDTH), bool)
    canvas[window_slices(window)] = True
    return canvas


@given(SHAPES, WINDOWS)
def test_the_pieces_of_a_window_are_those_that_share_pixels_with_it(shapes, window):
    grid = BlockGrid(HEIGHT, WIDTH, shapes)
    rows, cols = grid.touched(window)
    pieces = [grid.pixels(range(row, row + 1), range(col, col + 1)) for row in rows for col in cols]
    assert all((painted(piece) & painted(window)).any() for piece in pieces)
    np.testing.assert_array_equal(sum(painted(piece).astype(int) for piece in pieces), painted(grid.pixels(rows, cols)))
    assert not (painted(window) & ~painted(grid.pixels(rows, cols))).any()


@given(SHAPES)
def test_a_piece_lies_in_one_block_of_every_file(shapes):
    grid = BlockGrid(HEIGHT, WIDTH, shapes)
    for row in range(HEIGHT):
        rows, cols = grid.touched(Window(row, 7, 1, 1))
        piece = grid.pixels(rows, cols)
        for height, width in shapes:
            assert piece.row // height == (piece.row + piece.height - 1) // height == row // height
            assert piece.col // width == (piece.col + piece.width - 1) // width == 7 // width


@given(WINDOWS, WINDOWS)
def test_what_two_windows_share(one, other):
    both = painted(one) & painted(other)
    assert overlap(one, other) == both.any()
    shared = common(one, other)
    np.testing.assert_array_equal(painted(shared), both)
