"""tools/segment_scene.py as a person types it."""

from __future__ import annotations

import os
import re
import runpy
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from damaged_files import damage_block, write_tiff
from tiny_maps import UTM, fields, files_of, known_meta, labels_of, leftovers, one_thread, record_of, write_model, write_scene

from rs_da_mm.engine.checkpoints.publishing import publish_model
from rs_da_mm.inference.segmentors.segmentor import Segmentor
from rs_da_mm.raster import Georeference, Scene

TOOL = Path(__file__).resolve().parents[2] / "tools" / "segment_scene.py"
USUAL = ["--window", "32", "--precision", "float32", "--device", "cpu"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    with one_thread():
        yield write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def tool(monkeypatch, capsys, fresh_mmengine):
    """Run the tool in this process; gives its exit status, and what it wrote to both streams."""
    for name in ("OMP_WAIT_POLICY", "GDAL_CACHEMAX"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
        monkeypatch.delenv(name)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["segment_scene.py", *map(str, words)])
        status = 0
        try:
            runpy.run_path(str(TOOL), run_name="__main__")
        except SystemExit as left:
            status = left.code or 0
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture
def scene(tmp_path):
    return write_scene(tmp_path / "town.tif", 60, 70)[0]


def refusal(answer, status=1):
    """The one sentence in which something is refused."""
    assert answer[0] == status, answer
    (error,) = [line for line in answer[2].splitlines() if "error: " in line]
    assert "Traceback" not in answer[2]
    return error


def test_a_scene_becomes_a_map(tool, model, scene, tmp_path):
    words = [*model, scene, tmp_path / "maps" / "map.tif", *USUAL]
    status, out, _ = tool(*words)
    assert status == 0
    assert re.search(r"town\.tif: 60 x 70 pixels, 9 windows of 32 x 32\n", out)
    assert re.search(r"map\.tif: 0\.0 Mpx in \d+\.\d s, \d+ % of the computing in the model\n", out)
    with rasterio.open(tmp_path / "maps" / "map.tif") as found, rasterio.open(scene) as given:
        assert (found.crs, found.transform, found.shape) == (given.crs, given.transform, given.shape)
        assert found.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    assert set(files_of(tmp_path / "maps" / "map.tif")) == {".tif", ".json", ".qml"}
    status, out, _ = tool(*words)
    assert (status, out) == (0, "The map of town is there already.\n")


def test_everything_that_can_be_written(tool, model, scene, tmp_path):
    out = tmp_path / "map.tif"
    words = ["--scores", "float16", "--uncertainty", "least_confidence", "--vectors", "--min-area", "900", "--preview"]
    assert tool(*model, scene, out, *USUAL, *words, "--no-style", "--no-cog", "--threads", "2")[0] == 0
    files = files_of(out)
    assert set(files) == {".tif", "_scores.tif", "_uncertainty.tif", ".gpkg", ".png", ".json"}
    assert min(files[".gpkg"][0]["area_m2"]) >= 900
    assert sum(files[".gpkg"][0]["area_m2"]) == 60 * 70 * 100
    with rasterio.open(out) as dataset:
        assert "LAYOUT" not in dataset.tags(ns="IMAGE_STRUCTURE")
    scores = Scene(tmp_path / "map_scores.tif").read()
    assert (scores.argmax(axis=2) == labels_of(out)).mean() > 0.998  # some are the same in 16 bits
    unsure = labels_of(tmp_path / "map_uncertainty.tif")
    np.testing.assert_allclose(unsure / 250, 1 - scores.max(axis=2), atol=0.003)


def test_windows_and_how_the_model_computes(tool, model, scene, tmp_path):
    windows = ["--window", "24", "--overlap", "8", "--margin", "4", "--batch-size", "2"]
    computing = ["--tta", "--precision", "bfloat16", "--verify"]
    status, out, _ = tool(*model, scene, tmp_path / "map.tif", *windows, *computing)
    assert status == 0
    assert re.search(r"bfloat16: \d+\.\d+ % of \d+ pixels have the same label in float32", out)
    record = record_of(tmp_path / "map.tif")
    asked = {"window": [24, 24], "overlap": 8, "margin": 4, "batch_size": 2, "verify": True}
    assert asked.items() <= record["settings"].items()
    assert (record["model"]["tta"], record["model"]["precision"]) == (True, "bfloat16")
    assert record["windows"]["computed"] == 4 * 4
    half, same = tmp_path / "half.tif", tmp_path / "same.tif"
    assert tool(*model, scene, half, *USUAL, "--overlap", "0.5")[0] == 0
    assert record_of(half)["windows"]["computed"] == 3 * 4
    assert tool(*model, scene, same, *USUAL, "--overlap", "0.5", "--ahead", "0")[0] == 0
    assert record_of(same)["settings"]["ahead"] == 0
    assert same.read_bytes() == half.read_bytes()


@pytest.mark.slow
def test_a_compiled_model(tool, model, scene, tmp_path):
    assert tool(*model, scene, tmp_path / "map.tif", *USUAL, "--compile")[0] == 0
    assert tool(*model, scene, tmp_path / "plain.tif", *USUAL)[0] == 0
    assert record_of(tmp_path / "map.tif")["model"]["compile"] is True
    assert (labels_of(tmp_path / "map.tif") == labels_of(tmp_path / "plain.tif")).mean() > 0.999


def test_bands_by_number_and_name_and_what_holds_no_data(tool, model, tmp_path):
    pixels = fields(40, 40, bands=5)
    pixels[:10, :, 1:] = 77
    names = ["dem", "blue", "green", "red", "nir"]
    scene, _ = write_scene(tmp_path / "town.tif", pixels=pixels, descriptions=names, nodata=None)
    words = [*model, scene, tmp_path / "map.tif", *USUAL]
    assert "it has 5 bands, the model takes 4: choose them with --bands" in refusal(tool(*words))
    assert "purple" in refusal(tool(*words, "--bands", "2,3,purple,5"))
    assert tool(*words, "--bands", "2, green,4,nir", "--nodata", "77")[0] == 0
    record = record_of(tmp_path / "map.tif")
    assert (record["scene"]["bands"], record["scene"]["nodata"]) == ([2, 3, 4, 5], 77.0)
    assert (labels_of(tmp_path / "map.tif")[:10] == 255).all()
    assert record["pixels"]["with_data"] == 30 * 40


def test_an_alpha_band_can_be_an_image_band(tool, model, tmp_path):
    scene, _ = write_scene(tmp_path / "town.tif", pixels=fields(40, 40).clip(max=255).astype(np.uint8), nodata=None)
    with rasterio.open(scene, "r+") as dataset:
        dataset.colorinterp = [*dataset.colorinterp[:3], rasterio.enums.ColorInterp.alpha]
    words = [*model, scene, tmp_path / "map.tif", *USUAL]
    assert "it has 3 bands, the model takes 4" in refusal(tool(*words))
    assert tool(*words, "--no-alpha")[0] == 0


def test_scenes_that_differ_from_the_training_and_what_to_do_about_it(tool, tmp_path):
    model = write_model(tmp_path, known_meta())
    finer = Georeference(UTM.crs, rasterio.Affine(5, 0, 500000, 0, -5, 5600000))
    pixels = (fields(80, 80, side=16) / 10000).astype(np.float32)
    scene, _ = write_scene(tmp_path / "town.tif", pixels=pixels, georeference=finer)
    words = [*model, scene, tmp_path / "map.tif", *USUAL]
    error = refusal(tool(*words))
    assert all(word in error for word in ("float32", "--rescale", "5 x 5 metres", "--resample", "--ignore-checks"))
    assert tool(*words, "--rescale", "10000", "-0", "--resample", "bilinear")[0] == 0
    assert Scene(tmp_path / "map.tif").shape == (40, 40)
    assert tool(*words, "--ignore-checks", "--overwrite")[0] == 0
    assert Scene(tmp_path / "map.tif").shape == (80, 80)
    assert len(record_of(tmp_path / "map.tif")["scene"]["ignored_differences"]) >= 2


def test_a_folder_of_scenes(tool, model, tmp_path):
    for seed, name in enumerate(("a_ortho", "b_ortho", "deep/c_ortho", "d_plan")):
        write_scene(tmp_path / "scenes" / f"{name}.tif", 40, 40, seed=seed)
    mask = np.zeros((40, 40, 1), np.uint8)
    mask[:, 20:] = 1
    write_scene(tmp_path / "scenes" / "b_ortho_cloudfree.tif", pixels=mask, nodata=None)
    words = [*model, tmp_path / "scenes", tmp_path / "maps", *USUAL, "--mask-suffix", "_cloudfree"]
    status, out, _ = tool(*words, "--pattern", "*_ortho.tif", "--recursive")
    assert status == 0
    assert "3 maps made, 0 were there, 0 failed." in out
    assert sorted(path.name for path in (tmp_path / "maps").glob("*.tif")) == ["a_ortho.tif", "b_ortho.tif", "c_ortho.tif"]
    labels = labels_of(tmp_path / "maps" / "b_ortho.tif")
    np.testing.assert_array_equal(labels == 255, mask[..., 0] == 0)

    (tmp_path / "scenes" / "d_plan.tif").write_bytes(b"no raster")
    status, out, err = tool(*words)
    assert status == 1
    assert "0 maps made, 2 were there, 1 failed." in out
    assert re.search(r"^  d_plan: .*d_plan\.tif is no raster", err, re.MULTILINE)
    assert "Traceback" not in err


def test_files_of_one_scene_and_lists(tool, model, scene, tmp_path):
    for number, part in enumerate(np.split(fields(40, 40), 2, axis=2)):
        write_scene(tmp_path / f"part{number}.tif", pixels=part)
    (tmp_path / "list.txt").write_text("# two scenes\npart0.tif,part1.tif\n\ntown.tif\n")
    assert tool(*model, tmp_path / "list.txt", tmp_path / "maps", *USUAL)[0] == 0
    assert sorted(path.name for path in (tmp_path / "maps").glob("*.tif")) == ["part0.tif", "town.tif"]
    assert tool(*model, f"{tmp_path / 'part0.tif'},{tmp_path / 'part1.tif'}", tmp_path / "one.tif", *USUAL)[0] == 0
    assert record_of(tmp_path / "one.tif")["scene"]["files"] == ["part0.tif", "part1.tif"]
    np.testing.assert_array_equal(labels_of(tmp_path / "one.tif"), labels_of(tmp_path / "maps" / "part0.tif"))


def test_what_cannot_be_read(tool, model, tmp_path):
    scene = write_tiff(tmp_path / "town.tif", fields(60, 70), block=(16, 16), nodata=0)
    damage_block(scene, 1, 1)
    words = [*model, scene, tmp_path / "map.tif", *USUAL]
    assert re.search(r"town\.tif: rows .* cannot be read", refusal(tool(*words)))
    assert tool(*words, "--unreadable", "skip")[0] == 0
    assert record_of(tmp_path / "map.tif")["unreadable"]["areas"] == [{"row": 16, "col": 16, "height": 16, "width": 16}]


def test_a_published_file_needs_no_config(tool, model, scene, tmp_path):
    from mmengine.config import Config

    publish_model(Config.fromfile(str(model[0])), model[1], tmp_path / "published.safetensors", name="tiny")
    words = [tmp_path / "published.safetensors", scene]
    assert tool("-", *words, tmp_path / "alone.tif", *USUAL)[0] == 0
    assert tool(*model, scene, tmp_path / "both.tif", *USUAL)[0] == 0
    np.testing.assert_array_equal(labels_of(tmp_path / "alone.tif"), labels_of(tmp_path / "both.tif"))
    assert record_of(tmp_path / "alone.tif")["model"]["config"] is None
    assert "does not bring along what its model is" in refusal(tool("-", model[1], scene, tmp_path / "map.tif"))
    error = refusal(tool("-", *words, tmp_path / "map.tif", "--cfg-options", "model.decode_head.num_classes=4"))
    assert "--cfg-options" in error


def test_settings_of_the_config_can_be_overridden(tool, model, scene, tmp_path):
    words = [*model, scene, tmp_path / "map.tif", *USUAL, "--cfg-options"]
    assert "does not fit" in refusal(
        tool(
            *words, *(f"model.{name}=8" for name in ("backbone.base_channels", "decode_head.in_channels", "decode_head.channels"))
        )
    )
    assert tool(*words, "model.decode_head.align_corners=True")[0] == 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_stopped_on_request_the_same_command_goes_on(tool, model, scene, tmp_path, monkeypatch, name):
    number = getattr(signal, name, None)
    if number is None or sys.platform == "win32":
        pytest.skip("a signal of POSIX")
    before, usual, calls = signal.getsignal(number), Segmentor.__call__, []

    def call(self, pixels, valid):
        calls.append(len(pixels))
        if len(calls) == 2:
            os.kill(os.getpid(), number)
        return usual(self, pixels, valid)

    words = [*model, scene, tmp_path / "map.tif", *USUAL]
    with monkeypatch.context() as patch:
        patch.setattr(Segmentor, "__call__", call)
        status, out, err = tool(*words)
    assert status == 75
    assert "Stopped. What is finished is kept: the same command goes on from there." in out
    assert f"{name} received: the mapping stops, what is finished is kept" in err
    assert len(calls) == 2
    assert not list(tmp_path.glob("map*"))
    assert signal.getsignal(number) == before
    assert tool(*words)[0] == 0
    assert record_of(tmp_path / "map.tif")["run"]["went_on_from_row"] > 0
    assert tool(*model, scene, tmp_path / "whole" / "map.tif", *USUAL)[0] == 0
    assert files_of(tmp_path / "map.tif") == files_of(tmp_path / "whole" / "map.tif")
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none.py", "model.pth", "town.tif", "map.tif"], ["none.py", "no such config file"]),
        (["model.py", "none.pth", "town.tif", "map.tif"], ["none.pth", "no such checkpoint"]),
        (["model.py", "model.pth", "none.tif", "map.tif"], ["none.tif does not exist"]),
        (["model.py", "model.pth", "empty", "map.tif"], ["empty holds no raster"]),
        (["model.py", "model.pth", "town.tif", "other.tif", "map.tif"], ["map.tif is one file and there are 2 scenes"]),
        (["model.py", "model.pth", "town.tif", "town.tif"], ["town.tif would take the place of", "belongs to the scene"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--overlap", "1.5"], ["overlap is 1.5", "below 1.0"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--margin", "9"], ["two margins of 9"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--window", "0"], ["window is 0"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--batch-size", "0"], ["batch_size is 0"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--threads", "0"], ["threads is 0"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--ahead", "-1"], ["-1 batches cannot be read ahead"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--min-area", "5"], ["min_area", "add vectors"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--device", "abacus"], ["abacus"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--precision", "float16"], ["float16", "only a GPU"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--launcher", "pytorch"], ["torchrun"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--mask-suffix", ""], ["suffix of masks is empty"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--resample", "cubic"], ["pixel size of the training", "publish.py"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--rescale", "nan", "0"], ["gain", "finite number"]),
        (["model.py", "model.pth", "town.tif", "map.tif", "--cfg-options", "modle.type=X"], ["modle", "Did you mean 'model'?"]),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tool, model, scene, tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    write_scene(tmp_path / "other.tif", 20, 20)
    (tmp_path / "empty").mkdir()
    for file in model:
        (tmp_path / file.name).symlink_to(file)
    before = {path.name for path in tmp_path.iterdir()}
    content = scene.read_bytes()
    error = refusal(
        tool(*words, *(USUAL if "--precision" not in words and "--device" not in words and "--window" not in words else []))
    )
    assert all(word in error for word in told), error
    assert {path.name for path in tmp_path.iterdir()} == before
    assert scene.read_bytes() == content


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--overlap", "much"], "much is neither a part of the window, as 0.25, nor pixels, as 64"),
        (["--resample", "lanczos"], "invalid choice: 'lanczos'"),
        (["--no-such-option"], "unrecognized arguments: --no-such-option"),
        (["--cfg-options", "model"], "expected KEY=VALUE"),
        (["--rescale", "2"], "expected 2 arguments"),
    ],
)
def test_what_is_no_option_ends_with_status_2(tool, model, scene, tmp_path, words, told):
    assert told in refusal(tool(*model, scene, tmp_path / "map.tif", *words), status=2)


def test_every_option_is_tried_here():
    known = set(re.findall(r'add_argument\(\s*"(--[\w-]+)"', TOOL.read_text(encoding="utf-8")))
    tried = set(re.findall(r'"(--[\w-]+)"', Path(__file__).read_text(encoding="utf-8")))
    assert len(known) > 25
    assert known - tried == {"--local" + "-rank"}, "which old launchers pass"
