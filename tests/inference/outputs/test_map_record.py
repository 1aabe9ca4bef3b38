from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.inference.outputs import AreaTally, make_record, map_classes, write_record

NOON = datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))


def record(tmp_path, **changed):
    tally = AreaTally(2, 2, map_classes(["a"]), None)
    tally.write(np.zeros((1, 2), np.uint8))
    (tmp_path / "map.tif").write_bytes(b"12345")
    given = {
        "scene": {"paths": ["scene.tif"]},
        "model": {"checkpoint_sha256": "ab" * 32},
        "settings": {"overlap": 0.5},
        "windows": {"computed": 3, "without_data": 1, "unreadable": 0},
        "tally": tally,
        "started": NOON,
        "finished": NOON + timedelta(seconds=90),
        "outputs": {"labels": tmp_path / "map.tif"},
    }
    return make_record(**given | changed)


def test_a_record_says_what_was_made_of_what(tmp_path):
    write_record(tmp_path / "map.json", record(tmp_path))
    found = json.loads((tmp_path / "map.json").read_text(encoding="utf-8"))
    assert found["time"] == {"started": "2024-05-01T10:00:00+00:00", "finished": "2024-05-01T10:01:30+00:00", "seconds": 90.0}
    assert found["outputs"] == {"labels": {"file": "map.tif", "bytes": 5}}
    assert found["pixels"] == {"total": 4, "with_data": 2, "without_data": 2}
    assert found["windows"]["without_data"] == 1
    assert found["model"]["checkpoint_sha256"] == "ab" * 32
    assert {"rs_da_mm", "torch", "rasterio", "GDAL"} <= set(found["environment"])
    assert str(tmp_path) not in json.dumps(found)


def test_a_missing_output_is_told(tmp_path):
    with pytest.raises(InputError, match=r"gone\.tif should have been written"):
        record(tmp_path, outputs={"labels": tmp_path / "gone.tif"})


def test_a_time_without_a_zone_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no time zone"):
        record(tmp_path, started=datetime(2024, 5, 1))
