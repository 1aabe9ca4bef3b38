"""Scenes become maps: what is in the files, for every kind of scene, and what is refused before anything is computed."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from damaged_files import damage_block, write_tiff
from rasterio.crs import CRS
from tiny_maps import (
    FLOAT32,
    NODATA,
    UTM,
    by_points,
    expected_labels,
    expected_scores,
    fields,
    files_of,
    known_meta,
    labels_of,
    leftovers,
    make_inferencer,
    one_thread,
    record_of,
    watch,
    write_model,
    write_scene,
)
from tiny_scenes import ArraySource, Canvas
from tiny_segmentors import META, macunet, stock

from rs_da_mm.errors import InputError, RasterError
from rs_da_mm.inference import MapOptions, ReadOptions
from rs_da_mm.inference.inputs import SceneInput
from rs_da_mm.raster import Georeference, Scene, Window, at_pixel_size


@pytest.fixture(scope="module", autouse=True)
def _on_one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def loaded(model):
    return make_inferencer(model)


@pytest.fixture
def inferencer(loaded):
    """The one inferencer of this file, as it was made."""
    segmentor = loaded.segmentor
    loaded.mapping, loaded.reading = MapOptions(window=32), ReadOptions()
    yield loaded
    loaded.segmentor, loaded.should_stop, loaded.tell = segmentor, lambda: False, lambda sentence: None


def test_the_files_hold_what_the_model_says(inferencer, tmp_path):
    path, pixels = write_scene(tmp_path / "town.tif")
    inferencer.mapping = MapOptions(window=32, scores="float16", uncertainty="entropy", preview=True)
    result = inferencer(path, tmp_path / "map.tif")
    scores, covered = expected_scores(inferencer, ArraySource(pixels))
    assert covered.all()
    with rasterio.open(tmp_path / "map.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), scores.argmax(axis=0))
        assert (dataset.crs, dataset.transform, dataset.shape) == (UTM.crs, UTM.transform, (70, 90))
        assert dataset.nodata == NODATA
        assert dataset.colormap(1)[2][:3] == (255, 0, 0)
    np.testing.assert_allclose(Scene(tmp_path / "map_scores.tif").read(), scores.transpose(1, 2, 0), atol=3e-4)
    entropy = -(scores * np.log(scores)).sum(axis=0) / np.log(3)
    np.testing.assert_allclose(labels_of(tmp_path / "map_uncertainty.tif") / 250, entropy, atol=0.0021)
    assert result.outcome == "made"
    assert leftovers(tmp_path) == []


def test_the_record_says_what_is_in_the_map(inferencer, model, tmp_path):
    pixels = fields(70, 90)
    pixels[:40] = 0
    path, _ = write_scene(tmp_path / "town.tif", pixels=pixels)
    inferencer.mapping = MapOptions(window=(32, 40), overlap=8, preview=True)
    result = inferencer(path, tmp_path / "map.tif")
    record = record_of(tmp_path / "map.tif")
    assert record == json.loads(json.dumps(result.record))
    labels = labels_of(tmp_path / "map.tif")
    counts = [np.count_nonzero(labels == number) for number in range(3)]
    assert [entry["pixels"] for entry in record["classes"]] == counts
    assert [entry["area_m2"] for entry in record["classes"]] == [count * 100.0 for count in counts]
    assert [entry["name"] for entry in record["classes"]] == ["water", "field", "town"]
    assert record["pixels"] == {"total": 6300, "with_data": 2700, "without_data": 3600}
    # Rows of windows at 0, 24, 38 and columns at 0, 32, 50; those of the first row lie in what holds no data.
    assert record["windows"] == {"planned": 9, "known_to_be_empty": 0, "computed": 6, "found_empty": 3}
    assert (record["scene"]["height"], record["scene"]["width"], record["scene"]["crs"]) == (70, 90, "EPSG:32632")
    assert record["model"]["weights_sha256"] == inferencer.segmentor.sha256
    assert (record["model"]["config"], record["model"]["checkpoint"]) == (model[0].name, model[1].name)
    for entry in record["outputs"].values():
        assert (tmp_path / entry["file"]).stat().st_size == entry["bytes"]
    made = {path.name for path in tmp_path.glob("map*")} - {"map.json"}
    assert made == {entry["file"] for entry in record["outputs"].values()} == {"map.tif", "map.png", "map.qml"}


def test_areas_of_a_scene_in_degrees_are_geodesic(inferencer, tmp_path):
    degrees = Georeference(crs=CRS.from_epsg(4326), transform=Affine(1e-4, 0, 9, 0, -1e-4, 60))
    path, _ = write_scene(tmp_path / "town.tif", 40, 40, georeference=degrees)
    record = inferencer(path, tmp_path / "map.tif").record
    total = sum(entry["area_m2"] for entry in record["classes"])
    assert record["area_method"] == "geodesic"
    # At 60° north a degree of longitude is half as long as at the equator, and one of latitude about 111.4 km.
    assert total == pytest.approx((40e-4 * 111_412) * (40e-4 * 55_800), rel=0.003)


@pytest.mark.parametrize("shape", [(20, 25), (1, 3), (32, 32), (33, 200)])
def test_scenes_of_any_size(inferencer, tmp_path, shape):
    path, pixels = write_scene(tmp_path / "town.tif", *shape)
    inferencer(path, tmp_path / "map.tif")
    np.testing.assert_array_equal(labels_of(tmp_path / "map.tif"), expected_labels(inferencer, ArraySource(pixels)))


def test_a_scene_smaller_than_a_window_is_seen_in_one_piece(inferencer, tmp_path):
    path, pixels = write_scene(tmp_path / "town.tif", 20, 25)
    inferencer(path, tmp_path / "map.tif")
    image, valid = np.zeros((1, 32, 32, 4), np.uint16), np.zeros((1, 32, 32), np.uint8)
    image[0, :20, :25], valid[0, :20, :25] = pixels, 1
    expected = inferencer.segmentor(image, valid)[0, :, :20, :25].argmax(axis=0)
    np.testing.assert_array_equal(labels_of(tmp_path / "map.tif"), expected)


def test_without_overlap_windows_are_tiles(inferencer, tmp_path):
    path, pixels = write_scene(tmp_path / "town.tif", 64, 96)
    inferencer.mapping = MapOptions(window=32, overlap=0)
    inferencer(path, tmp_path / "map.tif")
    tiles = pixels.reshape(2, 32, 3, 32, 4).swapaxes(1, 2).reshape(6, 32, 32, 4)
    scores = inferencer.segmentor(np.ascontiguousarray(tiles), np.ones((6, 32, 32), np.uint8))
    expected = scores.argmax(axis=1).reshape(2, 3, 32, 32).swapaxes(1, 2).reshape(64, 96)
    np.testing.assert_array_equal(labels_of(tmp_path / "map.tif"), expected)


def test_a_scene_that_control_points_place(inferencer, tmp_path):
    path, pixels = write_scene(tmp_path / "town.tif", 40, 50, georeference=by_points(40, 50))
    record = inferencer(path, tmp_path / "map.tif").record
    points, crs = Scene(tmp_path / "map.tif").gcps
    assert [(p.row, p.col, p.x, p.y) for p in points] == [(p.row, p.col, p.x, p.y) for p in by_points(40, 50).gcps]
    assert crs == UTM.crs
    np.testing.assert_array_equal(labels_of(tmp_path / "map.tif"), expected_labels(inferencer, ArraySource(pixels)))
    assert record["classes"][0]["area_m2"] is None or record["area_method"]
    inferencer.mapping = MapOptions(window=32, vectors=True)
    with pytest.raises(InputError, match="only control points place it, and polygons need a grid"):
        inferencer(path, tmp_path / "other.tif")
    assert not list(tmp_path.glob("*other*"))


def test_a_mask_beside_the_scene_says_where_there_is_data(inferencer, tmp_path):
    path, pixels = write_scene(tmp_path / "town.tif")
    mask = np.ones((70, 90, 1), np.uint8)
    mask[10:50, 30:] = 0
    masked, _ = write_scene(tmp_path / "town_mask.tif", pixels=mask, nodata=None)
    record = inferencer(SceneInput("town", (path,), masked), tmp_path / "map.tif").record
    np.testing.assert_array_equal(labels_of(tmp_path / "map.tif") == NODATA, mask[..., 0] == 0)
    expected = expected_labels(inferencer, ArraySource(pixels, mask[..., 0]))
    np.testing.assert_array_equal(labels_of(tmp_path / "map.tif"), expected)
    assert record["scene"]["mask"] == "town_mask.tif"


def test_files_of_different_pixel_sizes_are_brought_to_the_finest(inferencer, tmp_path):
    fine, coarse = fields(60, 80, bands=2), fields(30, 40, bands=2, seed=1)
    larger = Georeference(UTM.crs, Affine(20, 0, 500000, 0, -20, 5600000))
    paths = [
        write_scene(tmp_path / "b2.tif", pixels=fine)[0],
        write_scene(tmp_path / "b8.tif", pixels=coarse, georeference=larger)[0],
    ]
    inferencer.reading = ReadOptions(files="nearest")
    inferencer(paths, tmp_path / "map.tif")
    assert (Scene(tmp_path / "map.tif").transform, Scene(tmp_path / "map.tif").shape) == (UTM.transform, (60, 80))
    pixels = np.concatenate([fine, coarse.repeat(2, axis=0).repeat(2, axis=1)], axis=2)
    np.testing.assert_array_equal(labels_of(tmp_path / "map.tif"), expected_labels(inferencer, ArraySource(pixels)))


@pytest.mark.parametrize(("dtype", "low", "high"), [("uint8", 1, 255), ("int16", 1, 4000), ("float32", 1, 4000)])
def test_pixels_of_any_type(inferencer, tmp_path, dtype, low, high):
    pixels = np.clip(fields(50, 60), low, high).astype(dtype)
    valid = np.ones((50, 60), np.uint8)
    nodata = 0
    if dtype == "float32":
        pixels += np.float32(0.25)
        nodata = np.nan
    pixels[20:30, 40:] = nodata
    valid[20:30, 40:] = 0
    path, _ = write_scene(tmp_path / "town.tif", pixels=pixels, nodata=nodata)
    inferencer(path, tmp_path / "map.tif")
    seen = np.nan_to_num(pixels) * valid[..., None].astype(dtype)
    np.testing.assert_array_equal(labels_of(tmp_path / "map.tif"), expected_labels(inferencer, ArraySource(seen, valid)))


def test_a_scene_without_data_is_a_map_without_data(inferencer, tmp_path):
    path, _ = write_scene(tmp_path / "town.tif", pixels=np.zeros((40, 50, 4), np.uint16))
    counted = watch(inferencer)
    record = inferencer(path, tmp_path / "map.tif").record
    assert counted.batches == 0
    assert (labels_of(tmp_path / "map.tif") == NODATA).all()
    assert record["windows"] == {"planned": 4, "known_to_be_empty": 0, "computed": 0, "found_empty": 4}
    assert record["pixels"] == {"total": 2000, "with_data": 0, "without_data": 2000}


def test_a_scene_in_an_archive(inferencer, tmp_path):
    path, pixels = write_scene(tmp_path / "town.tif", 40, 50)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(path, "2021/town.tif")
    place = f"/vsizip/{(tmp_path / 'all.zip').as_posix()}/2021/town.tif"
    record = inferencer(place, tmp_path / "maps" / "map.tif").record
    np.testing.assert_array_equal(labels_of(tmp_path / "maps" / "map.tif"), expected_labels(inferencer, ArraySource(pixels)))
    assert record["scene"]["files"] == ["/vsizip/all.zip/2021/town.tif"]
    assert inferencer(place, tmp_path / "maps" / "map.tif").outcome == "there"


def test_a_photograph_through_a_stock_model(tmp_path):
    inferencer = make_inferencer(write_model(tmp_path, config=stock()))
    photograph = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    path, _ = write_scene(tmp_path / "town.png", pixels=photograph, georeference=None, nodata=None)
    record = inferencer(str(path), str(tmp_path / "map.tif")).record
    np.testing.assert_array_equal(labels_of(tmp_path / "map.tif"), expected_labels(inferencer, ArraySource(photograph)))
    assert (record["scene"]["crs"], record["area_method"]) == (None, None)
    assert Scene(tmp_path / "map.tif").georeference().is_empty


def test_bands_are_chosen_by_number(inferencer, tmp_path):
    pixels = fields(40, 40, bands=6)
    path, _ = write_scene(tmp_path / "town.tif", pixels=pixels)
    with pytest.raises(InputError, match="it has 6 bands, the model takes 4"):
        inferencer(path, tmp_path / "map.tif")
    inferencer.reading = ReadOptions(bands=(6, 1, 3, 2))
    record = inferencer(path, tmp_path / "map.tif").record
    chosen = ArraySource(np.ascontiguousarray(pixels[..., [5, 0, 2, 1]]))
    np.testing.assert_array_equal(labels_of(tmp_path / "map.tif"), expected_labels(inferencer, chosen))
    assert record["scene"]["bands"] == [6, 1, 3, 2]


def test_a_scene_is_resampled_and_rescaled_when_that_is_asked(tmp_path):
    inferencer = make_inferencer(write_model(tmp_path, known_meta()))
    pixels = (fields(120, 160, side=16) / 10000).astype(np.float32)
    finer = Georeference(UTM.crs, Affine(5, 0, 500000, 0, -5, 5600000))
    path, _ = write_scene(tmp_path / "town.tif", pixels=pixels, georeference=finer)
    with pytest.raises(InputError) as refused:
        inferencer(path, tmp_path / "map.tif")
    told = str(refused.value)
    assert all(part in told for part in ("float32", "uint16", "--rescale", "5 x 5 metres", "--resample")), told
    assert not list(tmp_path.glob("*map*"))

    inferencer.reading = ReadOptions(resample="bilinear", rescale=(10000.0, 0.0))
    record = inferencer(path, tmp_path / "map.tif").record
    found = Scene(tmp_path / "map.tif")
    assert (found.shape, found.transform) == ((60, 80), UTM.transform)
    original, _ = write_scene(tmp_path / "original.tif", pixels=np.rint(pixels * 10000).astype(np.uint16), georeference=finer)
    expected = expected_labels(inferencer, at_pixel_size(Scene(original), 10.0, "bilinear"))
    assert (labels_of(tmp_path / "map.tif") == expected).mean() > 0.999
    assert (record["scene"]["resampled"], record["scene"]["rescaled"]) == ("bilinear", [10000.0, 0.0])
    assert record["scene"]["compared"]["pixel_size"]["scene"] == [10.0, 10.0, "metre"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pixels": fields(40, 40, bands=3)}, ["town.tif is not what the model was trained on", "3 bands", "takes 4"]),
        ({"pixels": fields(40, 40) * np.uint16(12)}, ["another scale", "--rescale"]),
        ({"pixels": np.full((40, 40, 4), 500, np.uint16)}, ["another scale", "--rescale"]),
    ],
)
def test_a_scene_that_is_not_like_the_training_is_refused_before_anything_is_computed(inferencer, tmp_path, change, words):
    path, _ = write_scene(tmp_path / "town.tif", **change)
    counted = watch(inferencer)
    with pytest.raises(InputError) as refused:
        inferencer(path, tmp_path / "maps" / "map.tif")
    assert all(word in str(refused.value) for word in words), refused.value
    assert counted.batches == 0
    assert not (tmp_path / "maps").exists()
    if change["pixels"].shape[2] == 4:
        inferencer.reading = ReadOptions(checks=False)
        assert inferencer(path, tmp_path / "map.tif").record["scene"]["ignored_differences"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"overlap": 1.0}, "below 1.0"),
        ({"overlap": 32}, "fewer than the window has"),
        ({"overlap": 0, "margin": 4}, "two margins of 4 have no place"),
        ({"window": 0}, "window"),
        ({"threads": 0}, "threads"),
    ],
)
def test_windows_that_cannot_be_leave_nothing_behind(inferencer, tmp_path, options, words):
    path, _ = write_scene(tmp_path / "town.tif", 40, 40)

    def map_with(options):
        inferencer.mapping = MapOptions(**{"window": 32, **options})
        inferencer(path, tmp_path / "maps" / "map.tif")

    with pytest.raises(InputError, match=words):
        map_with(options)
    assert not (tmp_path / "maps").exists()


def test_labels_are_compared_with_those_in_float32(model, tmp_path):
    path, pixels = write_scene(tmp_path / "town.tif")
    told = []
    inferencer = make_inferencer(model, MapOptions(window=32, verify=True), computing=replace(FLOAT32, precision="bfloat16"))
    inferencer.tell = told.append
    agreement = inferencer(path, tmp_path / "map.tif").record["agreement_with_float32"]
    windows = inferencer.plan(70, 90).window_count
    assert (windows, agreement["windows"], agreement["pixels"]) == (12, 12, 12 * 32 * 32)
    assert 0.9 < agreement["share"] < 1
    is_advised = any("have the same label in float32; below 99.9 %" in sentence for sentence in told)
    assert is_advised == (agreement["share"] < 0.999)
    exact = expected_labels(make_inferencer(model), ArraySource(pixels))
    assert (labels_of(tmp_path / "map.tif") == exact).mean() == pytest.approx(agreement["share"], abs=0.02)


def test_the_mean_over_the_symmetries_of_the_square(model, tmp_path):
    path, pixels = write_scene(tmp_path / "town.tif", 32, 32)
    plain, averaged = (make_inferencer(model, computing=replace(FLOAT32, tta=tta)) for tta in (False, True))
    averaged.mapping = MapOptions(window=32, scores="float16")
    record = averaged(path, tmp_path / "map.tif").record
    assert record["model"]["tta"] is True
    mean = np.zeros((3, 32, 32))
    for turns in range(4):
        for flip in (False, True):
            image = np.rot90(pixels[:, ::-1] if flip else pixels, turns)
            scores = np.rot90(plain.segmentor(image[None].copy(), np.ones((1, 32, 32), np.uint8))[0], -turns, axes=(1, 2))
            mean += (scores[..., ::-1] if flip else scores) / 8
    np.testing.assert_allclose(Scene(tmp_path / "map_scores.tif").read().transpose(2, 0, 1), mean, atol=1e-3)
    with pytest.raises(InputError, match=r"made otherwise: .*model\.tta was true and is false"):
        plain(path, tmp_path / "map.tif")


def test_of_two_classes_the_threshold_of_the_training_decides(tmp_path):
    config = macunet(classes=2, out_channels=1, threshold=0.7, loss_decode=dict(type="CrossEntropyLoss", use_sigmoid=True))
    meta = {"dataset_meta": {"classes": ["other", "town"], "palette": [[0, 0, 0], [255, 0, 0]]}}
    inferencer = make_inferencer(write_model(tmp_path, meta, config), MapOptions(window=32, verify=True))
    path, pixels = write_scene(tmp_path / "town.tif")
    inferencer(path, tmp_path / "map.tif")
    scores, _ = expected_scores(inferencer, ArraySource(pixels))
    np.testing.assert_array_equal(labels_of(tmp_path / "map.tif"), scores[1] > 0.7)
    assert 0 < (scores[1] > 0.7).sum() < (scores[1] > 0.5).sum()


@pytest.mark.parametrize("stop_at", [1, 2, 6, 7])
def test_stopped_and_gone_on_with_it_is_the_same_map(inferencer, tmp_path, stop_at):
    pixels = fields(100, 90)
    pixels[10:60, 20:] = 0  # where some windows hold no data
    path, _ = write_scene(tmp_path / "town.tif", pixels=pixels)
    inferencer.mapping = MapOptions(window=32, overlap=0.5, batch_size=4, scores="uint8", uncertainty="least_confidence")
    whole, stopped = tmp_path / "whole" / "map.tif", tmp_path / "stopped" / "map.tif"
    inferencer(path, whole)
    counted = watch(inferencer)
    inferencer.should_stop = lambda: counted.batches >= stop_at
    result = inferencer(path, stopped)
    assert (result.outcome, result.record) == ("stopped", None)
    assert leftovers(stopped.parent) == [".map.unfinished"]
    assert not list(stopped.parent.glob("map*"))
    inferencer.should_stop = lambda: False
    record = inferencer(path, stopped).record
    assert files_of(stopped) == files_of(whole)
    assert leftovers(stopped.parent) == []
    assert (record["run"]["went_on_from_row"] > 0) == (stop_at > 1)


def test_what_is_unfinished_is_gone_on_with_by_the_same_only(inferencer, tmp_path):
    path, _ = write_scene(tmp_path / "town.tif", 100, 60)
    counted = watch(inferencer)
    inferencer.should_stop = lambda: counted.batches >= 2
    inferencer(path, tmp_path / "map.tif")
    inferencer.should_stop = lambda: False
    inferencer.mapping = MapOptions(window=32, scores="uint8")
    with pytest.raises(InputError, match=r"unfinished output of another run: .*outputs\.scores was null and is \"uint8\""):
        inferencer(path, tmp_path / "map.tif")
    inferencer.mapping = MapOptions(window=32, scores="uint8", overwrite=True)
    assert inferencer(path, tmp_path / "map.tif").record["run"]["went_on_from_row"] == 0


@pytest.fixture
def damaged(tmp_path):
    """A scene in blocks of 16 x 16 pixels, of which rows 16..31, columns 48..63 cannot be read."""
    pixels = fields(70, 90)
    path = write_tiff(tmp_path / "town.tif", pixels, block=(16, 16), nodata=0, crs=UTM.crs, transform=UTM.transform)
    damage_block(path, 1, 3)
    return path, pixels


@pytest.mark.parametrize("verify", [False, True])
def test_a_scene_with_a_block_that_cannot_be_read(inferencer, damaged, tmp_path, verify):
    path, pixels = damaged
    with pytest.raises(RasterError, match=r"town\.tif: .*cannot be read"):
        inferencer(path, tmp_path / "raise" / "map.tif")
    assert not list((tmp_path / "raise").glob("map*"))

    inferencer.mapping = MapOptions(window=32, unreadable="nodata", verify=verify)
    record = inferencer(path, tmp_path / "nodata" / "map.tif").record
    valid = np.ones((70, 90), np.uint8)
    valid[16:32, 48:64] = 0
    expected = expected_labels(inferencer, ArraySource(pixels * valid[..., None], valid))
    np.testing.assert_array_equal(labels_of(tmp_path / "nodata" / "map.tif"), expected)
    assert record["unreadable"]["areas"] == [{"row": 16, "col": 48, "height": 16, "width": 16}]
    assert (record["unreadable"]["blocks"], record["unreadable"]["pixels"]) == (1, 256)
    assert "cannot be read" in record["unreadable"]["reason"]
    assert record["windows"]["computed"] == 12

    inferencer.mapping = MapOptions(window=32, unreadable="skip", verify=verify)
    record = inferencer(path, tmp_path / "skip" / "map.tif").record
    # Rows of windows at 0, 24, 38 and columns at 0, 24, 48, 58: of the first two rows, those that reach into columns 48..63 go.
    assert (record["windows"]["computed"], record["windows"]["found_empty"]) == (6, 6)
    labels = labels_of(tmp_path / "skip" / "map.tif")
    assert (labels[:38, 56:] == NODATA).all()
    assert (labels[:, :24] != NODATA).all()
    assert (labels[38:] != NODATA).all()


def test_counts_of_what_cannot_be_read_do_not_depend_on_stops(inferencer, tmp_path):
    path = write_tiff(tmp_path / "town.tif", fields(70, 90), block=(16, 16), nodata=0, crs=UTM.crs, transform=UTM.transform)
    damage_block(path, 0, 3)  # which the rows of windows that are gone on with do not touch
    inferencer.mapping = MapOptions(window=32, batch_size=4, unreadable="nodata", scores="uint8")
    whole, stopped = tmp_path / "whole" / "map.tif", tmp_path / "stopped" / "map.tif"
    inferencer(path, whole)
    counted = watch(inferencer)
    inferencer.should_stop = lambda: counted.batches >= 2
    assert inferencer(path, stopped).outcome == "stopped"
    inferencer.should_stop = lambda: False
    assert inferencer(path, stopped).record["run"]["went_on_from_row"] == 38
    assert files_of(stopped) == files_of(whole)


@pytest.mark.parametrize("policy", ["nodata", "skip"])
def test_a_scene_of_which_nothing_can_be_read_makes_no_map(inferencer, tmp_path, policy):
    path = write_tiff(tmp_path / "town.tif", fields(40, 40), block=(32, 32))
    for row, col in np.ndindex(2, 2):
        damage_block(path, row, col)
    inferencer.mapping = MapOptions(window=32, unreadable=policy)
    for _ in range(2):
        with pytest.raises(InputError, match=r"town\.tif: .*cannot be read"):
            inferencer(path, tmp_path / "map.tif")
    assert not list(tmp_path.glob("map*"))


def test_any_source_into_any_sink(inferencer):
    source = ArraySource(fields(70, 90))
    canvas = Canvas(3, 70, 90)
    run = inferencer.compute(source, canvas, has_data=lambda window: window.row < 40 or window.col < 40)
    assert run.counts.computed == inferencer.plan(70, 90, lambda window: window.row < 40 or window.col < 40).window_count
    assert not run.stopped
    scores, _ = expected_scores(inferencer, source)
    np.testing.assert_array_equal(canvas.scores[:, :24, :24], scores[:, :24, :24])


def test_where_a_sparse_scene_has_nothing_nothing_is_read(inferencer, tmp_path):
    pixels = fields(512, 512)
    with rasterio.open(
        tmp_path / "town.tif", "w", driver="GTiff", height=2048, width=2048, count=4, dtype="uint16", nodata=0, tiled=True,
        blockxsize=256, blockysize=256, sparse_ok=True, crs=UTM.crs, transform=UTM.transform, compress="deflate",
    ) as dataset:  # fmt: skip
        dataset.write(pixels.transpose(2, 0, 1), window=((1024, 1536), (512, 1024)))
    inferencer.mapping = MapOptions(window=256, overlap=0, cog=False)
    counted = watch(inferencer)
    record = inferencer(tmp_path / "town.tif", tmp_path / "map.tif").record
    assert record["windows"] == {"planned": 64, "known_to_be_empty": 60, "computed": 4, "found_empty": 0}
    assert counted.batches == 2
    labels = labels_of(tmp_path / "map.tif")
    assert (labels[1024:1536, 512:1024] != NODATA).all()
    assert np.count_nonzero(labels != NODATA) == 512 * 512


def test_one_scene_after_the_other(inferencer, tmp_path):
    paths = [write_scene(tmp_path / f"{name}.tif", 40, 40, seed=seed)[0] for seed, name in enumerate("ab")]
    outcomes = [inferencer.map_input(SceneInput(path.stem, (path,)), tmp_path / "maps" / path.name) for path in paths * 2]
    assert outcomes == ["made", "made", "there", "there"]
    assert [record_of(tmp_path / "maps" / path.name)["scene"]["name"] for path in paths] == ["a", "b"]


def test_classes_without_names(tmp_path):
    inferencer = make_inferencer(write_model(tmp_path, dict.fromkeys(META)))
    path, _ = write_scene(tmp_path / "town.tif", 20, 20)
    record = inferencer(path, tmp_path / "map.tif").record
    assert [entry["name"] for entry in record["classes"]] == ["class_0", "class_1", "class_2"]
    with rasterio.open(tmp_path / "map.tif") as dataset:
        assert dataset.tags()["CLASS_1"] == "class_1"
        assert dataset.read(1, window=((0, 1), (0, 1))).shape == Window(0, 0, 1, 1)[2:]
