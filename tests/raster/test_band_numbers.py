"""Bands by the names that files give them."""

from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import band_numbers, write_raster


@pytest.fixture
def files(tmp_path):
    write_raster(tmp_path / "a.tif", np.zeros((8, 8, 2), np.uint8), descriptions=["Red", "green"])
    write_raster(tmp_path / "b.tif", np.zeros((8, 8, 2), np.uint8), descriptions=["nir", "red"])
    return [tmp_path / "a.tif", tmp_path / "b.tif"]


def test_names_are_counted_on_from_file_to_file(files):
    assert band_numbers(files, ["nir", "GREEN"]) == (3, 2)


def test_numbers_stay_and_nothing_is_opened():
    assert band_numbers(["not-there.tif"], [3, 1]) == (3, 1)


def test_numbers_beside_names(files):
    assert band_numbers(files, [4, "nir"]) == (4, 3)


@pytest.mark.parametrize(("name", "words"), [("blue", "no band has the name 'blue'"), ("red", "more than one band")])
def test_a_name_that_says_nothing(files, name, words):
    with pytest.raises(RasterError, match=words):
        band_numbers(files, [name])
