from __future__ import annotations

from pathlib import Path

import pytest

from rs_da_mm.datasets.band_choice import choose_bands, require_alike, require_same_order
from rs_da_mm.datasets.headers import SceneHeader
from rs_da_mm.datasets.layout import SceneFiles
from rs_da_mm.datasets.window_scheme import PlacedScene
from rs_da_mm.errors import DatasetError


def header(bands=3, dtype="uint8", names=("nir", "Red", None), alpha=0):
    return SceneHeader(1, 1, bands, dtype, names, (*names, *(None,) * alpha))


@pytest.mark.parametrize(("bands", "numbers"), [((3, 1), (3, 1)), (["RED", "nir", 3], (2, 1, 3)), ((2, 2), (2, 2))])
def test_bands_by_number_or_name(bands, numbers):
    chosen, names = choose_bands(bands, (), header())
    assert chosen == numbers
    assert names == tuple(("nir", "Red", "band 3")[number - 1] for number in numbers)


def test_all_image_bands_by_default():
    assert choose_bands(None, (), header()) == (None, ("nir", "Red", "band 3"))
    assert choose_bands(None, ("a", "b", "c"), header()) == (None, ("a", "b", "c"))
    assert choose_bands(None, ("a", "b"), header()) == (None, ("nir", "Red", "band 3"))


def test_a_band_that_the_file_marks_as_alpha_can_be_chosen():
    assert choose_bands([4, 1], (), header(alpha=1)) == ((4, 1), ("band 4", "nir"))
    assert choose_bands(["near"], ("r", "g", "b", "near"), header(alpha=1)) == ((4,), ("near",))
    assert choose_bands(None, ("r", "g", "b", "near"), header(alpha=1)) == (None, ("nir", "Red", "band 3"))


@pytest.mark.parametrize("bands", [(0,), (4,), ("blue",), (True,), (1.0,)])
def test_a_band_that_is_not_there_is_refused_with_those_that_are(bands):
    with pytest.raises(DatasetError, match=r"no band .*; the bands are 1 \(nir\), 2 \(Red\), 3 \(no name\)"):
        choose_bands(bands, (), header())


def test_no_bands_at_all_are_refused():
    with pytest.raises(DatasetError, match="bands is empty"):
        choose_bands([], (), header())


@pytest.mark.parametrize(("bands", "dtype"), [(4, "uint8"), (3, "uint16")])
def test_scenes_must_be_alike(bands, dtype):
    def scene(name, bands, dtype):
        return PlacedScene(SceneFiles(name, (Path(f"{name}.tif"),), Path("l")), header(bands, dtype), [])

    require_alike([scene("a", 3, "uint8"), scene("b", 3, "uint8")])
    with pytest.raises(DatasetError, match=rf"b\.tif has {bands} bands of {dtype}, and a\.tif 3 of uint8"):
        require_alike([scene("a", 3, "uint8"), scene("b", bands, dtype)])


def test_files_that_name_their_bands_must_name_them_alike():
    def scene(name, *descriptions):
        head = SceneHeader(8, 8, len(descriptions), "uint8", descriptions, descriptions)
        return PlacedScene(SceneFiles(name, (Path(f"{name}.tif"),), Path("l")), head, [])

    require_same_order([scene("a", "Red", "NIR"), scene("b", "red", "nir"), scene("c", None, "x"), scene("d", "red", "nir")])
    with pytest.raises(DatasetError, match=r"d\.tif has 'red' as band 2, which is 'NIR' in b\.tif.*band_names="):
        require_same_order([scene("a", None, None), scene("b", "red", "NIR"), scene("d", "red", "red")])
