"""A map is made once, and nobody's file is replaced unasked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.inference.maps.made_before import is_made, read_record, remove_outdated
from rs_da_mm.inference.maps.places import MapPlaces

IDENTITY = {"model": {"weights_sha256": "ab"}, "windows": {"size": [8, 8]}}


@pytest.fixture
def places(tmp_path):
    places = MapPlaces(tmp_path / "a.tif")
    places.labels.write_bytes(b"12345")
    outputs = {"labels": {"file": "a.tif", "bytes": 5}}
    places.record.write_text(json.dumps({"identity": IDENTITY, "outputs": outputs}))
    return places


def test_nothing_is_there(tmp_path):
    assert not is_made(MapPlaces(tmp_path / "a.tif"), IDENTITY, overwrite=False)


@pytest.mark.parametrize("overwrite", [True, False])
def test_it_is_there(places, overwrite):
    assert is_made(places, IDENTITY, overwrite)


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"1234")])
def test_its_file_is_gone_or_another(places, harm):
    harm(places.labels)
    assert not is_made(places, IDENTITY, overwrite=False)


def test_one_that_was_made_otherwise_is_not_replaced_unasked(places):
    other = {**IDENTITY, "model": {"weights_sha256": "cd"}}
    with pytest.raises(InputError, match=r'a\.tif is there.*model\.weights_sha256 was "ab" and is "cd".*--overwrite'):
        is_made(places, other, overwrite=False)
    assert not is_made(places, other, overwrite=True)


@pytest.mark.parametrize("record", [None, "no JSON", "[]"])
def test_somebodys_file_is_not_replaced_unasked(places, record):
    places.record.unlink()
    if record is not None:
        places.record.write_text(record)
    with pytest.raises(InputError, match="without a record"):
        is_made(places, IDENTITY, overwrite=False)
    places.unfinished.mkdir()  # a run of ours was killed between the map and its record
    assert not is_made(places, IDENTITY, overwrite=False)


def test_what_the_new_map_has_not_goes(places):
    places.scores.touch()
    places.vectors.touch()
    places.preview.touch()
    former = {"outputs": {"labels": {}, "scores": {}, "vectors": {}, "record": {}}}
    remove_outdated(places, former, {"labels": 0, "vectors": 0})
    assert not places.scores.exists()
    assert all(path.exists() for path in (places.labels, places.vectors, places.preview, places.record))


def test_records_of_others_are_none(places):
    assert read_record(places)["identity"] == IDENTITY
    places.record.write_text("{}")
    assert read_record(places) is None
