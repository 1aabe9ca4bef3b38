"""Where the files of a map lie."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.inference.maps.options import MapOptions
from rs_da_mm.inference.maps.places import MapPlaces


def test_all_lie_beside_each_other_under_different_names():
    places = MapPlaces(Path("maps/town.v2.tif"))
    names = [name for name in dir(MapPlaces) if isinstance(getattr(MapPlaces, name), property)]
    paths = [getattr(places, name) for name in [*names, *(field.name for field in fields(places))]]
    assert len(set(paths)) == len(paths) == 8
    assert {path.parent for path in paths} == {Path("maps")}
    assert places.record == Path("maps/town.v2.json")
    assert places.unfinished.name == ".town.v2.unfinished"


def test_the_files_that_are_asked_for():
    places = MapPlaces(Path("maps/town.tif"))
    assert list(places.files(MapOptions(style=False)).values()) == [places.labels, places.record]
    everything = MapOptions(scores="uint8", uncertainty="entropy", vectors=True, preview=True)
    names = [path.name for path in places.files(everything).values()]
    assert names == [
        *("town.tif", "town_scores.tif", "town_uncertainty.tif", "town.qml", "town.png", "town.gpkg"),
        "town.json",
    ]


def test_another_suffix_is_refused():
    with pytest.raises(InputError, match=r"town\.png.*\.tif"):
        MapPlaces(Path("town.png"))


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "a.tif").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        MapPlaces(tmp_path / "a.tif")
