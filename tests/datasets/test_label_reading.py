from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.label_code import LabelCode
from rs_da_mm.datasets.label_reading import read_label
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Scene, Window, write_raster

CODE = LabelCode(values={1: 0, 2: 1})  # without 0, which a reader gives for what lies outside


@pytest.fixture
def label(tmp_path):
    write_raster(tmp_path / "l.tif", np.arange(30, dtype=np.uint8).reshape(5, 6) % 2 + 1)
    return Scene(tmp_path / "l.tif")


def test_a_window_beyond_the_edge_is_ignored_there(label):
    labels = read_label(label, CODE, Window(3, 4, 4, 4))
    np.testing.assert_array_equal(labels, [[0, 1, 255, 255], [0, 1, 255, 255], [255] * 4, [255] * 4])


def test_a_window_outside_is_ignored_altogether(label):
    assert (read_label(label, CODE, Window(9, 9, 2, 2)) == 255).all()


def test_unknown_values_are_named_by_their_place_in_the_scene(label):
    with pytest.raises(DatasetError, match=r"l\.tif: unknown label value 2 on 2 pixels, the first at row 4, column 3"):
        read_label(label, LabelCode(values={1: 0}), Window(4, 2, 1, 4))
