"""Drawing points from a map into a file, and assessing the map with them."""

from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment import Request, SampleRequest, assess_map, draw_sample
from rs_da_mm.evaluation.assessment.reference_tables import read_table
from rs_da_mm.evaluation.assessment.reference_vectors import read_vectors
from rs_da_mm.raster import write_raster

shapely = pytest.importorskip("shapely")
pytest.importorskip("pyogrio")


@pytest.fixture
def path(tmp_path, tools):
    labels = np.random.default_rng(0).choice([0, 1, 2], (100, 120), p=[0.7, 0.28, 0.02]).astype(np.uint8)
    return tools.map(tmp_path / "map.tif", labels)


@pytest.mark.parametrize("suffix", [".gpkg", ".csv"])
def test_points_that_are_labelled_with_the_map_agree_with_it(tmp_path, path, tools, suffix):
    """Drawn, labelled with what the map says, assessed: each class has its points, and every accuracy is 1."""
    out = tmp_path / f"points{suffix}"
    drawn = draw_sample(SampleRequest(path, out, 300))
    assert drawn.classes == tools.names
    assert drawn.points.tolist()[2] == 50
    assert drawn.points.sum() == 300
    found = read_table(out) if suffix == ".csv" else read_vectors(out)
    assert found.columns["class"] == [None] * 300
    assert set(found.columns) == ({"id", "class"} if suffix == ".gpkg" else {"id", "x", "y", "lon", "lat", "class"})
    labels = read_labels(path)
    if suffix == ".csv":
        x, y = (np.array(found.columns[name], float) for name in "xy")
    else:
        x, y = shapely.get_coordinates(found.shapes).T
    rows, cols = ((5_600_000 - y) // 10).astype(int), ((x - 500_000) // 10).astype(int)
    np.testing.assert_allclose(np.stack([x, y], 1), tools.centres(rows, cols))
    said = [tools.names[value] for value in labels[rows, cols]]
    labelled = tools.vectors(tmp_path / "labelled.gpkg", found.shapes, {"class": said}, found.crs.to_epsg())
    assessed = assess_map(Request(path, labelled))
    np.testing.assert_array_equal(np.diag(assessed.counts), drawn.points)
    assert assessed.estimates.overall == pytest.approx(1.0)
    np.testing.assert_allclose(assessed.mapped, drawn.shares)


def read_labels(path):
    import rasterio

    with rasterio.open(path) as dataset:
        return dataset.read(1)


def test_as_many_as_the_error_needs(tmp_path, path):
    drawn = draw_sample(SampleRequest(path, tmp_path / "p.csv", None, standard_error=0.02, expected={"forest": 0.9, "2": 0.6}))
    spread = np.sqrt([0.9 * 0.1, 0.85 * 0.15, 0.6 * 0.4])
    assert drawn.points.sum() == int(np.ceil((drawn.shares @ spread / 0.02) ** 2))
    few = draw_sample(SampleRequest(path, tmp_path / "q.csv", None, standard_error=0.2))
    assert few.points.tolist() == [50, 50, 50]


def test_a_file_that_may_hold_labels_is_never_written_over(tmp_path, path):
    out = tmp_path / "points.gpkg"
    draw_sample(SampleRequest(path, out, 300))
    before = out.read_bytes()
    with pytest.raises(InputError, match=r"points\.gpkg is there already, and may hold labels"):
        draw_sample(SampleRequest(path, out, 300))
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out": "points.shp"}, r"points\.shp: points are written as \.gpkg or \.csv"),
        ({"expected": {"lake": 0.5}}, "--expected lake=0.5: the map has no class 'lake'; it has forest, meadow, water"),
        ({"points": 100}, "--sample 100: 3 classes with 50 points each need 150"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, path, options, message):
    request = {"map": path, "points": 300, **options, "out": tmp_path / options.get("out", "points.csv")}
    with pytest.raises(InputError, match=message):
        draw_sample(SampleRequest(**request))
    assert not request["out"].exists()


def test_a_map_without_a_place_has_no_points(tmp_path):
    write_raster(tmp_path / "photo.tif", np.zeros((30, 30), np.uint8))
    with pytest.raises(InputError, match="has no grid on the ground"):
        draw_sample(SampleRequest(tmp_path / "photo.tif", tmp_path / "points.csv", 60))
