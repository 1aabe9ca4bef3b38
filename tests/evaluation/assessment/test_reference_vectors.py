from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.reference_vectors import read_vectors

shapely = pytest.importorskip("shapely")
pytest.importorskip("pyogrio")

POINTS = [shapely.Point(500_005, 5_599_995), None, shapely.Point(500_015, 5_599_985)]


@pytest.mark.parametrize("suffix", [".gpkg", ".shp", ".geojson", ".fgb"])
def test_features_of_common_formats(tmp_path, tools, suffix):
    path = tools.vectors(
        tmp_path / f"points{suffix}", POINTS, {"class": ["forest", "water", None], "code": [1, 2, 3]}, kind="Point"
    )
    found = read_vectors(path)
    assert len(found) == 3
    assert found.columns["class"] == ["forest", "water", None]
    assert found.columns["code"] == ["1", "2", "3"]
    assert found.crs.to_epsg() == 32632
    assert shapely.is_missing(found.shapes).tolist() == [False, True, False]
    np.testing.assert_allclose(shapely.get_coordinates(found.shapes), [[500_005, 5_599_995], [500_015, 5_599_985]])


def test_layers_are_chosen_by_name(tmp_path, tools):
    for layer in ("reference", "training"):
        path = tools.vectors(tmp_path / "all.gpkg", [POINTS[0]], {"class": [layer]}, layer=layer)
    assert read_vectors(path, "training").columns["class"] == ["training"]
    with pytest.raises(InputError, match="2 layers: 'reference', 'training'"):
        read_vectors(path)


def test_what_cannot_be_read_is_named(tmp_path, tools):
    with pytest.raises(InputError, match=r"none\.gpkg does not exist"):
        read_vectors(tmp_path / "none.gpkg")
    (tmp_path / "broken.gpkg").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"broken\.gpkg is no vector file that can be opened"):
        read_vectors(tmp_path / "broken.gpkg")
    empty = tools.vectors(tmp_path / "empty.gpkg", [], {"class": []}, kind="Point")
    with pytest.raises(InputError, match=r"empty\.gpkg, layer 'empty', has no features"):
        read_vectors(empty)
