from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.engine.checkpoints.published import Bands
from rs_da_mm.errors import InputError
from rs_da_mm.inference.inputs.scene_checks import SceneChoice, check_scene
from rs_da_mm.inference.segmentors.trained_on import TrainedOn
from rs_da_mm.raster import Georeference, PixelSize, Scene, write_raster
from rs_da_mm.raster.rescaled_source import RescaledSource

METRES = Georeference(CRS.from_epsg(32651), Affine(10, 0, 3e5, 0, -10, 4e6))
TRAINED = TrainedOn(
    bands=Bands(3, ("red", "green", "blue"), None, "uint16"),
    pixel_size=PixelSize(10.0, 10.0, "metre"),
    pixel_size_range=(10.0, 10.0),
    mean=(1000.0, 900.0, 800.0),
    std=(300.0, 200.0, 100.0),
    dtype="uint16",
    miniature=False,
)


def write(
    folder, *, names=("red", "green", "blue"), georeference=METRES, change=lambda pixels: pixels, dtype="uint16", scale=None
):
    draws = np.random.default_rng(0).normal(size=(60, 80, len(TRAINED.mean)))
    pixels = change(draws * TRAINED.std + TRAINED.mean).astype(dtype)
    path = folder / "scene.tif"
    write_raster(path, pixels, georeference=georeference, descriptions=names)
    if scale is not None:
        with rasterio.open(path, "r+") as file:
            file.scales, file.offsets = (scale[0],) * file.count, (scale[1],) * file.count
    return Scene(path)


def refusal(scene, trained=TRAINED, choice=None):
    with pytest.raises(InputError) as caught:
        check_scene(scene, trained, choice)
    message = str(caught.value)
    assert message.startswith(f"{scene.name} is not what the model was trained on: ")
    assert "--ignore-checks" in message
    return message


def test_a_scene_like_those_of_the_training_is_let_through_and_all_is_recorded(tmp_path):
    report = check_scene(write(tmp_path), TRAINED).report()
    assert set(report["compared"]) == {"bands", "dtype", "values", "pixel_size"}
    assert report["not_compared"] == {}
    assert report["ignored_differences"] == []
    middle = report["compared"]["values"]["scene"][2]
    assert middle["median"] == pytest.approx(800, abs=5)
    assert middle["median_z"] == pytest.approx(0.6745, abs=0.05)  # of a normal distribution
    assert report["compared"]["pixel_size"] == {
        "scene": [10.0, 10.0, "metre"],
        "trained": {"range": [10.0, 10.0], "unit": "metre"},
    }
    json.dumps(report)


def test_another_number_of_bands_is_refused_and_the_right_ones_are_named(tmp_path):
    scene = write(tmp_path, names=("nir", "red", "green", "blue"), change=lambda pixels: pixels[..., [0, 0, 1, 2]])
    message = refusal(scene)
    assert "it has 4 bands, the model takes 3 (red, green, blue): choose them with --bands 2,3,4" in message
    assert message.count(";") == 1  # nothing else is refused; the other one ends the sentence
    check_scene(Scene(scene.paths[0], bands=[2, 3, 4]), TRAINED, SceneChoice(bands="user"))


def test_the_trainings_own_choice_is_proposed_where_bands_have_no_names(tmp_path):
    trained = replace(TRAINED, bands=Bands(2, (), (3, 1), "uint16"), mean=(900.0,), std=(300.0,))
    message = refusal(write(tmp_path, names=None), trained)
    assert "the model takes 2: choose them with --bands (the training took 3,1 of its scenes)" in message


def test_bands_in_another_order_are_refused_unless_the_user_chose_them(tmp_path):
    values = {"mean": (900.0,), "std": (300.0,)}
    scene = write(tmp_path, names=("blue", "green", "red"))
    trained = replace(TRAINED, **values)
    assert "say which is which with --bands 3,2,1;" in refusal(scene, trained).replace(". With", ";")
    assert "(1,2,3, if only the names differ)" in refusal(write(tmp_path, names=("B4", "B3", "B2")), trained)
    check_scene(scene, trained, SceneChoice(bands="user"))
    check_scene(write(tmp_path, names=("Red", "GREEN", "blue")), trained)  # capitals do not count
    check_scene(write(tmp_path, names=("band 1", "band 2", "band 3")), trained)  # that is no name
    check_scene(write(tmp_path, names=None), trained)


def test_an_order_of_the_training_that_nothing_confirms_is_refused(tmp_path):
    trained = replace(TRAINED, bands=Bands(3, (), (3, 2, 1), "uint16"), mean=(900.0,), std=(300.0,))
    scene = write(tmp_path, names=None)
    assert "give it with --bands (the training took 3,2,1 of its scenes)" in refusal(scene, trained)
    check_scene(scene, trained, SceneChoice(bands="training"))
    check_scene(scene, trained, SceneChoice(bands="user"))
    check_scene(scene, replace(trained, bands=Bands(3, (), (1, 2, 3), "uint16")))


def test_another_dtype_is_refused_unless_the_values_were_rescaled(tmp_path):
    scene = write(tmp_path, dtype="int16")
    assert "its values are int16, those of the training uint16: " in refusal(scene)
    fit = check_scene(scene, TRAINED, SceneChoice(rescaled=True))
    assert "dtype" in fit.not_compared


@pytest.mark.parametrize(
    ("change", "places"),
    [(lambda p: p / 10000, [1, 2, 3]), (lambda p: p * 10, [1, 2, 3]), (lambda p: p + np.array([0, 0, 2000]), [3])],
    ids=["reflectance", "ten times", "one band"],
)
def test_values_of_another_scale_are_refused_by_band_with_both_numbers(tmp_path, change, places):
    trained = replace(TRAINED, dtype="float32")
    message = refusal(write(tmp_path, change=change, dtype="float32"), trained)
    assert [int(number) for number in re.findall(r"band (\d) \(", message)] == places
    last = places[-1] - 1
    median = np.median(change(np.random.default_rng(0).normal(size=(60, 80, 3)) * TRAINED.std + TRAINED.mean)[..., last])
    told = re.findall(r"median of ([\d.e+-]+) and lies between .*? the training had a mean of ([\d.e+-]+) and", message)[-1]
    assert [float(number) for number in told] == pytest.approx([median, TRAINED.mean[last]], rel=1e-3)
    assert "--rescale GAIN OFFSET" in message
    assert "as the file itself says" not in message


def test_the_scale_that_the_file_states_is_proposed_where_it_fits(tmp_path):
    trained = replace(TRAINED, dtype="float32")
    scene = write(tmp_path, change=lambda pixels: pixels / 10000, dtype="float32", scale=(10000.0, 0.0))
    assert "--rescale GAIN OFFSET (10000 0, as the file itself says, would do)" in refusal(scene, trained)
    check_scene(RescaledSource(scene, 10000.0, 0.0), trained, SceneChoice(rescaled=True))
    useless = write(tmp_path, change=lambda pixels: pixels / 10000, dtype="float32", scale=(3.0, 0.0))
    assert "as the file itself says" not in refusal(useless, trained)


@pytest.mark.parametrize(("side", "fits"), [(8.1, True), (12.4, True), (7.9, False), (12.6, False), (30.0, False)])
def test_a_pixel_size_beyond_a_quarter_is_refused(tmp_path, side, fits):
    scene = write(tmp_path, georeference=Georeference(CRS.from_epsg(32651), Affine(side, 0, 3e5, 0, -side, 4e6)))
    if fits:
        check_scene(scene, TRAINED)
    else:
        assert f"its pixels are {side:g} x {side:g} metres, those of the training 10: " in refusal(scene)
        assert "--resample bilinear" in refusal(scene)
    wider = replace(TRAINED, pixel_size_range=(6.5, 24.0))
    check_scene(scene, wider)


def test_much_finer_pixels_are_to_be_resampled(tmp_path):
    scene = write(tmp_path, georeference=Georeference(CRS.from_epsg(32651), Affine(1, 0, 3e5, 0, -1, 4e6)))
    assert "--resample bilinear" in refusal(scene)


def test_degrees_are_measured_on_the_ground(tmp_path):
    latitude = 60.0
    row = 10 / 111412.0  # metres of a degree of latitude at 60 degrees north, on WGS 84
    col = 10 / 55800.0  # and of a degree of longitude
    grid = Affine(col, 0, 10, 0, -row, latitude)
    fit = check_scene(write(tmp_path, georeference=Georeference(CRS.from_epsg(4326), grid)), TRAINED)
    assert fit.compared["pixel_size"]["scene"][:2] == pytest.approx([10, 10], rel=1e-3)
    square = Georeference(CRS.from_epsg(4326), Affine(row, 0, 10, 0, -row, latitude))
    assert "its pixels are 5.0" in refusal(write(tmp_path, georeference=square))


def test_all_differences_are_in_one_message(tmp_path):
    pixels = {"names": ("nir", "red", "green", "blue"), "change": lambda p: p[..., [0, 0, 1, 2]] / 10000, "dtype": "float32"}
    coarse = Georeference(CRS.from_epsg(32651), Affine(30, 0, 3e5, 0, -30, 4e6))
    trained = replace(TRAINED, mean=(900.0,), std=(300.0,))
    scene = write(tmp_path, georeference=coarse, **pixels)
    message = refusal(scene, trained)
    for part in ("4 bands, the model takes 3", "values are float32", "of another scale", "pixels are 30 x 30"):
        assert part in message
    fit = check_scene(scene, trained, SceneChoice(ignore=True))
    assert len(fit.differences) == 4
    assert all(difference in message for difference in fit.differences)


def test_what_nobody_knows_is_not_compared_and_the_record_says_so(tmp_path):
    fit = check_scene(write(tmp_path, georeference=None), TrainedOn())
    assert fit.compared == {}
    assert set(fit.not_compared) == {"bands", "dtype", "values", "pixel_size"}
    assert "not known in the unit" in check_scene(write(tmp_path, georeference=None), TRAINED).not_compared["pixel_size"]
    empty = write(tmp_path)
    empty.read_with_valid = lambda window: (np.zeros((60, 80, 3)), np.zeros((60, 80), np.uint8))
    assert "no data" in check_scene(empty, TRAINED).not_compared["values"]
