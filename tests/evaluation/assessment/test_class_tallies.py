from __future__ import annotations

import json
from datetime import datetime, timezone

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.errors import RasterError
from rs_da_mm.evaluation.assessment import class_raster
from rs_da_mm.evaluation.assessment.class_raster import ClassRaster
from rs_da_mm.evaluation.assessment.class_tallies import class_tally, compressed, tally_values
from rs_da_mm.evaluation.assessment.legend import own_record
from rs_da_mm.inference.outputs import AreaTally, make_record, map_classes, open_label_map, write_record
from rs_da_mm.raster import Georeference, cell_areas, write_raster

DEGREES = Georeference(CRS.from_epsg(4326), Affine(0.1, 0, 10, 0, -0.1, 70))


@pytest.mark.parametrize("values", [[3, 1, 1, 7], [-5, 100_000, -5], [0], [2**40, -(2**40)]])
def test_compressed_is_unique(values):
    found, codes = compressed(np.array(values))
    expected = np.unique(values, return_inverse=True)
    np.testing.assert_array_equal(found, expected[0])
    np.testing.assert_array_equal(codes, expected[1])


@pytest.mark.parametrize("place", ["utm", DEGREES])
def test_pixels_and_areas_of_each_class(tmp_path, tools, place, monkeypatch):
    monkeypatch.setattr(class_raster, "_BLOCK", 128)
    georeference = tools.utm if place == "utm" else place
    labels = np.random.default_rng(0).choice([0, 1, 255], (300, 40)).astype(np.uint8)
    found = class_tally(ClassRaster(tools.map(tmp_path / "map.tif", labels, georeference)))
    per_row = cell_areas(georeference, 300, 40).per_row
    assert set(found) == {0, 1}
    for value, (pixels, area) in found.items():
        assert pixels == (labels == value).sum()
        assert area == pytest.approx(((labels == value) * per_row[:, None]).sum(), rel=1e-12)


def test_pairs_are_counted_where_both_have_data(tmp_path, tools):
    rng = np.random.default_rng(1)
    one, other = (rng.choice([0, 1, 2, 255], (2100, 70)).astype(np.uint8) for _ in range(2))
    paths = [tools.map(tmp_path / f"{number}.tif", labels) for number, labels in enumerate((one, other))]
    found = tally_values([ClassRaster(path) for path in paths])
    assert sorted(found) == [(a, b) for a in range(3) for b in range(3)]
    for (a, b), (pixels, area) in found.items():
        assert pixels == ((one == a) & (other == b)).sum()
        assert area == pytest.approx(100.0 * pixels)


def test_a_raster_without_a_place_is_counted_in_pixels(tmp_path):
    write_raster(tmp_path / "map.tif", np.array([[1, 1, 2]], np.uint8))
    assert class_tally(ClassRaster(tmp_path / "map.tif")) == {1: (2, 2.0), 2: (1, 1.0)}


def test_what_holds_thousands_of_numbers_is_no_map(tmp_path):
    write_raster(tmp_path / "heights.tif", np.arange(4096, dtype=np.uint16).reshape(64, 64))
    with pytest.raises(RasterError, match=r"heights\.tif holds more than 1000 different numbers"):
        class_tally(ClassRaster(tmp_path / "heights.tif"))


def test_an_empty_map_is_refused(tmp_path, tools):
    with pytest.raises(RasterError, match="has no pixel with data"):
        class_tally(ClassRaster(tools.map(tmp_path / "map.tif", np.full((3, 3), 255, np.uint8))))


def test_the_record_of_a_mapped_scene_says_what_the_map_holds(tmp_path, tools):
    """As segment_scene.py writes both."""
    labels = np.random.default_rng(2).choice([0, 2, 255], (60, 70)).astype(np.uint8)
    classes = map_classes(tools.names)
    path, tally = tmp_path / "town.tif", AreaTally(60, 70, classes, cell_areas(DEGREES, 60, 70))
    with open_label_map(path, 60, 70, classes, DEGREES) as writer:
        writer.write(labels)
    tally.write(labels)
    counted = class_tally(ClassRaster(path))
    now = datetime.now(timezone.utc)
    parts = {"scene": {}, "model": {}, "settings": {}, "windows": {}}
    write_record(
        path.with_suffix(".json"), make_record(**parts, tally=tally, started=now, finished=now, outputs={"labels": path})
    )
    assert own_record(path) is not None
    recorded = class_tally(ClassRaster(path))
    assert set(recorded) == {0, 2}
    for value in recorded:
        assert recorded[value] == pytest.approx(counted[value])


def record(path, **changes):
    content = {
        "pixels": {"total": 4},
        "classes": [
            {"index": 0, "name": "forest", "pixels": 9, "area_m2": 900.0},
            {"index": 1, "name": "x", "pixels": 0, "area_m2": 0},
        ],
        "outputs": {"labels": {"file": path.name, "bytes": path.stat().st_size}},
    }
    path.with_suffix(".json").write_text(json.dumps({**content, **changes}), encoding="utf-8")


def test_the_record_is_taken_where_it_is_the_maps_own(tmp_path, tools):
    """Its numbers are made up here, so that it shows whether they are taken."""
    path = tools.map(tmp_path / "map.tif", np.zeros((2, 2), np.uint8))
    record(path)
    assert class_tally(ClassRaster(path)) == {0: (9, 900.0)}
    for foreign in (
        {"pixels": {"total": 5}},
        {"outputs": {"labels": {"file": "other.tif", "bytes": path.stat().st_size}}},
        {"outputs": {"labels": {"file": path.name, "bytes": path.stat().st_size + 1}}},
        {"outputs": {}},
        {"classes": []},
    ):
        record(path, **foreign)
        assert class_tally(ClassRaster(path)) == {0: (4, 400.0)}, foreign
    path.with_suffix(".json").write_text("{", encoding="utf-8")
    assert class_tally(ClassRaster(path)) == {0: (4, 400.0)}
