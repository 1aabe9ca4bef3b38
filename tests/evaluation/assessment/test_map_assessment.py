"""Whole assessments with points and polygons, on maps whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.area_adjusted import critical_value, stratified_estimates
from rs_da_mm.evaluation.assessment import Request, assess_map
from rs_da_mm.raster import Georeference, cell_areas

shapely = pytest.importorskip("shapely")
pytest.importorskip("pyogrio")


@pytest.fixture(scope="module")
def landscape():
    """Truth and map of 200 x 300 pixels: fields of 5 pixels, one of six mapped as the next class, and a corner without data."""
    rng = np.random.default_rng(0)
    fields = rng.choice(3, (40, 60), p=[0.6, 0.3, 0.1])
    truth = fields.repeat(5, 0).repeat(5, 1).astype(np.uint8)
    wrong = (rng.random((40, 60)) < 1 / 6).repeat(5, 0).repeat(5, 1)
    mapped = np.where(wrong, (truth + 1) % 3, truth).astype(np.uint8)
    mapped[:20, :20] = 255
    return truth, mapped


@pytest.fixture
def sampled(tmp_path, tools, landscape):
    """The map, and 60 points in each of its classes, in the coordinates of a CRS."""
    truth, mapped = landscape
    rng = np.random.default_rng(1)
    places = np.concatenate([rng.permutation(np.argwhere(mapped == value))[:60] for value in range(3)])
    said = [tools.names[value] for value in truth[places[:, 0], places[:, 1]]]

    def write(name, epsg=32632, **columns):
        pyproj = pytest.importorskip("pyproj")
        x, y = tools.centres(*places.T).T
        x, y = pyproj.Transformer.from_crs(32632, epsg, always_xy=True).transform(x, y)
        if name.endswith(".csv"):
            lines = [f"{lon:.8f},{lat:.8f},{label}" for lon, lat, label in zip(x, y, said, strict=True)]
            (tmp_path / name).write_text("\n".join(["lon,lat,class", *lines]), encoding="utf-8")
            return tmp_path / name
        return tools.vectors(tmp_path / name, shapely.points(x, y), {"class": said, **columns}, epsg)

    return tools.map(tmp_path / "map.tif", mapped), write, places, said


def test_points_give_the_stratified_estimates(sampled, tools, landscape):
    path, write, places, _ = sampled
    truth, mapped = landscape
    found = assess_map(Request(path, write("points.gpkg")))
    counts = np.zeros((3, 3, 3), int)
    rows, cols = places.T
    np.add.at(counts, (mapped[rows, cols], mapped[rows, cols], truth[rows, cols]), 1)
    sizes = [(mapped == value).sum() for value in range(3)]
    expected = stratified_estimates(counts, sizes)
    np.testing.assert_array_equal(found.counts, counts.sum(0))
    np.testing.assert_allclose(found.mapped, np.array(sizes) / sum(sizes))
    np.testing.assert_allclose(found.estimates.proportions, expected.proportions)
    np.testing.assert_allclose(found.estimates.areas_error, expected.areas_error)
    np.testing.assert_allclose(found.estimates.producers_error, expected.producers_error)
    assert (found.classes, found.units, found.kind, found.design) == (tools.names, 180, "point", "stratified")
    assert found.total == pytest.approx(sum(sizes) * 100)
    assert found.is_area
    assert "--design was not given" in found.notes[0]
    shares = np.bincount(truth[mapped != 255], minlength=3) / (mapped != 255).sum()
    assert (np.abs(found.estimates.areas - shares) < critical_value(0.999) * found.estimates.areas_error).all()


@pytest.mark.parametrize(
    ("name", "epsg"), [("points.geojson", 4326), ("points.csv", 4326), ("points.shp", 3857), ("points.gpkg", 2056)]
)
def test_points_in_any_file_and_system_give_the_same(sampled, name, epsg):
    path, write, _, _ = sampled
    one, other = assess_map(Request(path, write("plain.gpkg"))), assess_map(Request(path, write(name, epsg)))
    np.testing.assert_array_equal(one.counts, other.counts)
    assert one.estimates.overall_error == other.estimates.overall_error


def test_a_map_in_degrees_is_weighted_by_area_on_the_ground(tmp_path, tools):
    """Class 0 in the north, class 1 in the south: equal numbers of pixels, unequal areas."""
    place = Georeference(CRS.from_epsg(4326), Affine(0.5, 0, 10, 0, -0.5, 80))
    labels = np.repeat([0, 1], 60)[:, None].repeat(10, 1).astype(np.uint8)
    path = tools.map(tmp_path / "map.tif", labels, place)
    rows, cols = np.array([1, 2, 70, 71]), np.array([1, 2, 3, 4])
    points = tools.vectors(
        tmp_path / "p.gpkg", shapely.points(tools.centres(rows, cols, place)), {"class": ["0", "0", "1", "0"]}, 4326
    )
    found = assess_map(Request(path, points))
    per_row = cell_areas(place, 120, 10).per_row
    share = per_row[60:].sum() / per_row.sum()
    assert share > 0.6
    np.testing.assert_allclose(found.mapped, [1 - share, share])
    np.testing.assert_allclose(found.estimates.areas, [1 - share / 2, share / 2])
    assert found.matched == "0 = forest, 1 = meadow"


def test_random_points_join_thin_classes(tmp_path, tools, sampled, landscape):
    """Of water there is one point: stratified that is refused, drawn whatever the map shows it is weighted with the next."""
    truth, mapped = landscape
    path = sampled[0]
    rng = np.random.default_rng(2)
    places = np.concatenate(
        [rng.permutation(np.argwhere(mapped == value))[:count] for value, count in ((0, 60), (1, 30), (2, 1))]
    )
    said = [tools.names[value] for value in truth[places[:, 0], places[:, 1]]]
    points = tools.vectors(tmp_path / "few.gpkg", shapely.points(tools.centres(*places.T)), {"class": said})
    with pytest.raises(InputError, match=r"every class of the map needs two points or more, .* water \(\d+ % of the area\): 1\."):
        assess_map(Request(path, points))
    found = assess_map(Request(path, points, design="random"))
    assert "weighted as one: meadow, water." in found.notes[0]
    counts = np.zeros((2, 3, 3), int)
    np.add.at(
        counts,
        (np.minimum(mapped[places[:, 0], places[:, 1]], 1), *(given[places[:, 0], places[:, 1]] for given in (mapped, truth))),
        1,
    )
    sizes = [(mapped == 0).sum(), (mapped == 1).sum() + (mapped == 2).sum()]
    np.testing.assert_allclose(found.estimates.proportions, stratified_estimates(counts, sizes).proportions)


def test_strata_from_an_older_map(tmp_path, tools, sampled, landscape):
    """Points that were drawn in the classes of an older map: its classes are the strata, those of the new map are assessed."""
    path, write, places, _ = sampled
    truth, mapped = landscape
    newer = np.where(np.random.default_rng(3).random(mapped.shape) < 0.1, 0, mapped).astype(np.uint8)
    newer[mapped == 255] = 255
    new_path = tools.map(tmp_path / "newer.tif", newer)
    points = write("points.gpkg", period=[["a", "b", "c"][mapped[row, col]] for row, col in places])
    counts = np.zeros((3, 3, 3), int)
    np.add.at(counts, tuple(given[places[:, 0], places[:, 1]] for given in (mapped, newer, truth)), 1)
    sizes = [int((mapped == value).sum()) for value in range(3)]
    expected = stratified_estimates(counts, sizes)
    by_raster = assess_map(Request(new_path, points, field="class", strata=str(path)))
    by_field = assess_map(
        Request(new_path, points, field="class", strata="period", stratum_sizes=dict(zip("abc", map(float, sizes), strict=True)))
    )
    for found, names in ((by_raster, tools.names), (by_field, ("a", "b", "c"))):
        np.testing.assert_allclose(found.estimates.proportions, expected.proportions)
        np.testing.assert_allclose(found.estimates.users_error, expected.users_error)
        assert found.strata == names
        assert not any("--design was not given" in note for note in found.notes)


def test_polygons_are_groups_of_pixels(tmp_path, tools, landscape):
    """Forty fields, all their pixels right or wrong together: an error as if forty things were seen, not a thousand."""
    truth, mapped = landscape
    path = tools.map(tmp_path / "map.tif", mapped)
    rng = np.random.default_rng(4)
    corners = rng.permutation(np.argwhere(np.ones((40, 60))))[:40] * 5
    boxes = [shapely.box(500_000 + 10 * c, 5_600_000 - 10 * (r + 5), 500_050 + 10 * c, 5_600_000 - 10 * r) for r, c in corners]
    said = [tools.names[truth[row, col]] for row, col in corners]
    reference = tools.vectors(tmp_path / "fields.gpkg", boxes, {"class": said})
    found = assess_map(Request(path, reference))
    kept = [(mapped[r, c], truth[r, c]) for r, c in corners if mapped[r, c] != 255]
    assert (found.kind, found.design, found.units, found.counts.sum()) == ("polygon", "polygons", len(kept), 25 * len(kept))
    assert found.left_out.get("where the map has no data", 0) == 40 - len(kept)
    as_points = np.zeros((3, 3, 3), int)
    for value, true in kept:
        as_points[value, value, true] += 1
    expected = stratified_estimates(as_points, [(mapped == value).sum() for value in range(3)])
    assert found.estimates.overall == pytest.approx(expected.overall)
    assert found.estimates.overall_error == pytest.approx(expected.overall_error, rel=0.15)
    assert any("flatter the map" in note for note in found.notes)


def test_values_can_be_renamed_ignored_and_new(tmp_path, tools):
    labels = np.repeat(np.array([0, 1], np.uint8), 20).reshape(2, 20)
    path = tools.map(tmp_path / "map.tif", labels)
    rows, cols = np.repeat([0, 1], 4), np.tile(range(4), 2)
    said = ["wood", "wood", "cloud", "scrub", "Meadow", "meadow", "scrub", "cloud"]
    points = tools.vectors(tmp_path / "p.gpkg", shapely.points(tools.centres(rows, cols)), {"seen": said, "note": ["x"] * 8})
    with pytest.raises(InputError, match=r"which field holds the class\? It has seen \(wood, cloud, scrub, …\), note"):
        assess_map(Request(path, points))
    request = Request(path, points, field="seen", codes={"wood": "forest", "cloud": "ignore"}, extra_classes=["scrub"])
    found = assess_map(request)
    assert found.classes == ("forest", "meadow", "scrub")
    assert found.counts.tolist() == [[2, 0, 1], [0, 2, 1], [0, 0, 0]]
    assert found.left_out == {"ignored by --codes": 2}
    assert found.estimates.areas[2] == pytest.approx(1 / 3)
    everything = dict.fromkeys(("wood", "cloud", "scrub", "meadow"), "ignore")
    with pytest.raises(InputError, match="nothing is left to compare with: 8 ignored by --codes"):
        assess_map(Request(path, points, field="seen", codes=everything))


def test_a_map_without_names_is_matched_by_numbers(tmp_path, tools):
    path = tools.map(tmp_path / "map.tif", np.repeat(np.array([11, 312], np.uint16), 10).reshape(2, 10), names=(), nodata=0)
    points = tools.vectors(
        tmp_path / "p.gpkg", shapely.points(tools.centres([0, 0, 1, 1], [0, 1, 0, 1])), {"code": [11, 312, 312, 312]}
    )
    found = assess_map(Request(path, points))
    assert found.classes == ("11", "312")
    assert found.counts.tolist() == [[1, 1], [0, 2]]
    assert found.matched == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": 95}, "--confidence 95: must lie between 0 and 1"),
        ({"design": "polygons"}, "--design polygons: .* holds points; for them it can be stratified, random"),
        ({"design": "random", "strata": "zone"}, "--design random: has no strata"),
        ({"stratum_sizes": {"a": 1.0}}, "--stratum-sizes: belongs to --strata"),
        ({"strata": "zone"}, "--strata zone: is neither a file nor a column of .*points.gpkg, which has class"),
        ({"strata": "class"}, r"--strata class: how large are forest, meadow, water\?"),
        ({"strata": "class", "stratum_sizes": {"forest": 1, "meadow": 0, "water": 1}}, "every size must be above 0"),
        ({"crs": "EPSG:4326"}, "--crs EPSG:4326: .*points.gpkg says itself that it lies in EPSG:32632"),
        ({"field": "kind"}, "has no field 'kind'; it has class"),
        ({"layer": "x"}, "holds no layer 'x'"),
    ],
)
def test_what_does_not_fit_is_refused(sampled, options, message):
    path, write, _, _ = sampled
    with pytest.raises(InputError, match=message):
        assess_map(Request(path, write("points.gpkg"), **options))


def test_sizes_with_a_raster_of_strata_are_refused(sampled):
    path, write, _, _ = sampled
    with pytest.raises(InputError, match="is a raster, which tells the sizes itself"):
        assess_map(Request(path, write("points.gpkg"), strata=str(path), stratum_sizes={"a": 1.0}))


def test_strata_of_another_region_are_told(tmp_path, tools, sampled, landscape):
    path, write, _, _ = sampled
    strata = tools.map(tmp_path / "strata.tif", np.pad(landscape[1], ((0, 0), (0, 100)), constant_values=0))
    found = assess_map(Request(path, write("points.gpkg"), strata=str(strata)))
    assert any(note.startswith("The strata cover ") for note in found.notes)


def test_points_without_a_stratum_are_left_out(tmp_path, tools, sampled, landscape):
    path, write, places, _ = sampled
    known = landscape[1].copy()
    known[:, :100] = 255
    strata = tools.map(tmp_path / "strata.tif", known)
    found = assess_map(Request(path, write("points.gpkg"), strata=str(strata)))
    without = int((places[:, 1] < 100).sum())
    assert found.left_out["without a stratum"] == without > 0
    assert found.units == found.counts.sum() == 180 - without


def test_a_sample_of_one_polygon_is_refused(tmp_path, tools, sampled):
    box = shapely.box(500_500, 5_599_500, 500_600, 5_599_600)
    reference = tools.vectors(tmp_path / "one.gpkg", [box], {"class": ["forest"]})
    with pytest.raises(InputError, match="one polygon lies on the map; two are the least"):
        assess_map(Request(sampled[0], reference))
