from __future__ import annotations

import json

import numpy as np

from rs_da_mm.evaluation.assessment.legend import class_names, legend_of
from rs_da_mm.raster import write_raster


def test_names_come_from_the_tags(tmp_path, tools):
    assert class_names(tools.map(tmp_path / "map.tif", np.zeros((2, 2), np.uint8))) == dict(enumerate(tools.names))


def test_names_come_from_the_record_of_a_map_without_tags(tmp_path):
    path = tmp_path / "map.tif"
    write_raster(path, np.zeros((2, 2), np.uint8))
    assert class_names(path) == {}
    content = {
        "classes": [{"index": 4, "name": "forest", "pixels": 4, "area_m2": None}],
        "outputs": {"labels": {"file": "map.tif", "bytes": path.stat().st_size}},
    }
    path.with_suffix(".json").write_text(json.dumps(content), encoding="utf-8")
    assert class_names(path) == {4: "forest"}


def test_all_numbers_get_a_place(tmp_path):
    legend = legend_of({2: "water", 0: "forest"}, {2, 7})
    assert legend.values == (0, 2, 7)
    assert legend.names == ("forest", "water", "7")
    assert legend.is_named
    assert not legend_of({}, {1, 2}).is_named
