from __future__ import annotations

import numpy as np
import pytest
import shapely

from rs_da_mm.errors import InputError
from rs_da_mm.raster.vectors import VectorLayer, features
from rs_da_mm.raster.vectors.features import read_features, read_values

SQUARES = [shapely.box(x, 0, x + 1, 1) for x in range(10)]
KINDS = [f"k{x % 3}" for x in range(10)]


@pytest.fixture(scope="module", params=["a.gpkg", "a.fgb", "a.shp", "a.geojson"])
def source(request, tmp_path_factory, draw):
    path = tmp_path_factory.mktemp("features") / request.param
    crs = "EPSG:4326" if path.suffix == ".geojson" else "EPSG:32650"
    return VectorLayer(draw(path, SQUARES, crs, kind=KINDS, size=np.arange(10))).source


def test_all_in_order(source):
    found = read_features(source, "kind", None)
    assert (np.diff(found.ids) > 0).all()
    assert sorted(shape.bounds[0] for shape in found.shapes) == list(range(10))
    pairs = sorted((shape.bounds[0], kind) for shape, kind in zip(found.shapes, found.values, strict=True))
    assert pairs == sorted(zip(range(10), KINDS, strict=True))
    assert read_features(source, None, None).values is None


def test_those_in_a_box(source):
    found = read_features(source, "size", (3.5, 0.5, 5.5, 2.0))
    assert sorted(found.values) == [3, 4, 5]
    assert sorted(shape.bounds[0] for shape in found.shapes) == [3, 4, 5]
    assert not len(read_features(source, "size", (30, 30, 40, 40)).ids)


def test_a_condition(source):
    chosen = source._replace(where="kind = 'k1'")
    assert sorted(read_features(chosen, "size", None).values) == [1, 4, 7]
    assert sorted(read_features(chosen, None, (3.5, 0.5, 5.5, 2.0)).shapes[0].bounds) == [0, 1, 4, 5]
    assert read_values(chosen, "kind")[1] == ["k1"] * 3
    with pytest.raises(InputError, match="cannot be read"):
        read_features(source._replace(where="nonsense ==="), None, None)


def test_values_without_geometry(source):
    ids, values = read_values(source, "size")
    assert sorted(values) == list(range(10))
    np.testing.assert_array_equal(ids, read_features(source, None, None).ids)


def test_a_file_that_finds_nothing_by_place_is_read_once(tmp_path, draw, monkeypatch):
    source = VectorLayer(draw(tmp_path / "once.geojson", SQUARES, "EPSG:4326", size=np.arange(10))).source
    assert not source.finds_by_place
    reads = []
    plain = features._read

    def counted(*arguments, **options):
        reads.append(arguments)
        return plain(*arguments, **options)

    monkeypatch.setattr(features, "_read", counted)
    for x in range(5):
        assert read_features(source, None, (x + 0.2, 0.2, x + 0.8, 0.8)).shapes[0].bounds[0] == x
    assert len(reads) == 1
    monkeypatch.setattr(features, "_KEPT_BYTES", 10)
    assert len(read_features(source, None, (3.2, 0.2, 3.8, 0.8)).ids) == 1
    assert len(reads) == 2


def test_a_file_that_changed_is_read_again(tmp_path, draw):
    path = draw(tmp_path / "new.geojson", SQUARES, "EPSG:4326")
    source = VectorLayer(path).source
    assert len(read_features(source, None, (0, 0, 10, 1)).ids) == 10
    path.unlink()
    draw(path, SQUARES[:4], "EPSG:4326")
    assert len(read_features(source, None, (0, 0, 10, 1)).ids) == 4
    path.unlink()
    with pytest.raises(InputError, match=r"new\.geojson cannot be reached"):
        read_features(source, None, (0, 0, 10, 1))


def test_features_without_geometry(tmp_path, draw):
    for name in ("gaps.gpkg", "gaps.geojson"):
        source = VectorLayer(draw(tmp_path / name, [SQUARES[0], None, SQUARES[1]], "EPSG:4326")).source
        assert [shape is None for shape in read_features(source, None, None).shapes] == [False, True, False]
        assert len(read_features(source, None, (-1, -1, 5, 5)).ids) == 2
