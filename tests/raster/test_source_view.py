from __future__ import annotations

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.raster import Georeference, ResampledScene, SourceView, Window


class Array:
    """A source that is no file: an array with a place on the ground."""

    name = "memory"
    height, width, count = 20, 30, 2
    dtype = np.dtype(np.int16)
    descriptions = ("one", None)

    def __init__(self):
        self.pixels = np.arange(20 * 30 * 2, dtype=np.int16).reshape(20, 30, 2)

    def georeference(self):
        return Georeference(CRS.from_epsg(32650), Affine(2.0, 0.0, 500_000.0, 0.0, -2.0, 4_000_000.0))

    def read_with_valid(self, window):
        rows, cols = (slice(window.row, window.row + window.height), slice(window.col, window.col + window.width))
        return self.pixels[rows, cols], np.ones((window.height, window.width), np.uint8)


def test_a_view_that_changes_nothing_says_what_its_source_says():
    source = Array()
    view = SourceView(source)
    for name in ("name", "height", "width", "count", "dtype", "descriptions"):
        assert getattr(view, name) == getattr(source, name)
    assert view.shape == (20, 30)
    assert view.georeference() == source.georeference()
    assert view.source_window(Window(1, 2, 3, 4)) == Window(1, 2, 3, 4)
    np.testing.assert_array_equal(view.read_with_valid(Window(1, 2, 3, 4))[0], source.pixels[1:4, 2:6])
    assert repr(view) == "SourceView(memory, 20 x 30, 2 x int16)"


def test_any_source_can_be_looked_at():
    source = Array()
    view = ResampledScene(source, 0.5, "nearest")
    pixels, valid = view.read_with_valid(Window(0, 0, 40, 60))
    np.testing.assert_array_equal(pixels, source.pixels.repeat(2, 0).repeat(2, 1))
    assert valid.all()
    assert view.georeference().transform.a == 1.0
    assert view.descriptions == ("one", None)
