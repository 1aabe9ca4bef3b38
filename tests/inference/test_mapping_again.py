"""Where a map or something else is already: what is passed over, what is replaced, and what is never touched."""

from __future__ import annotations

import math
import shutil

import numpy as np
import pytest
from tiny_maps import (
    expected_labels,
    fields,
    files_of,
    labels_of,
    leftovers,
    make_inferencer,
    one_thread,
    record_of,
    watch,
    write_model,
    write_scene,
)
from tiny_scenes import ArraySource

import rs_da_mm.inference.inferencer as module
import rs_da_mm.inference.maps.finishing as finishing
from rs_da_mm.errors import InputError
from rs_da_mm.inference import MapOptions, ReadOptions
from rs_da_mm.inference.inputs import SceneInput
from rs_da_mm.inference.resumable.output_lock import OutputLock
from rs_da_mm.inference.resumable.resumable_output import ResumableOutput


class Killed(BaseException):
    """The end of a run at some moment."""


class Held:
    """Another process that has the folder of what is unfinished."""

    def __init__(self, out):
        self._lock = OutputLock(out.with_name(f".{out.stem}.unfinished"))

    def __enter__(self):
        self._lock.acquire()

    def __exit__(self, *_):
        self._lock.release()


def die(*_args, **_options):
    raise Killed


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    with one_thread():
        yield make_inferencer(write_model(tmp_path_factory.mktemp("model")))


@pytest.fixture
def inferencer(loaded):
    segmentor = loaded.segmentor
    loaded.mapping, loaded.reading = MapOptions(window=32), ReadOptions()
    yield loaded
    loaded.segmentor, loaded.should_stop = segmentor, lambda: False


@pytest.fixture
def scene(tmp_path):
    return write_scene(tmp_path / "town.tif", 40, 50)[0]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "maps" / "map.tif"


def states(folder):
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_map_that_is_there_is_passed_over(inferencer, scene, out, overwrite):
    first = inferencer(scene, out)
    before = states(out.parent)
    counted = watch(inferencer)
    inferencer.mapping = MapOptions(window=32, overwrite=overwrite)
    again = inferencer(scene, out)
    assert (first.outcome, again.outcome) == ("made", "there")
    assert again.record == record_of(out)
    assert counted.batches == 0
    assert states(out.parent) == before


def test_a_copy_of_the_scene_in_another_folder_is_the_same(inferencer, scene, out, tmp_path):
    inferencer(scene, out)
    (tmp_path / "copy").mkdir()
    assert inferencer(shutil.copyfile(scene, tmp_path / "copy" / "town.tif"), out).outcome == "there"


def test_one_that_was_made_otherwise_is_replaced_only_when_asked(inferencer, scene, out):
    inferencer.mapping = MapOptions(window=32, scores="uint8", preview=True)
    inferencer(scene, out)
    before = files_of(out)
    inferencer.mapping = MapOptions(window=16, uncertainty="entropy")
    with pytest.raises(InputError, match=r"made otherwise: .*windows\.size was \[32, 32\] and is \[16, 16\]\. .*--overwrite"):
        inferencer(scene, out)
    assert files_of(out) == before
    inferencer.mapping = MapOptions(window=16, uncertainty="entropy", overwrite=True)
    assert inferencer(scene, out).outcome == "made"
    assert set(files_of(out)) == {".tif", "_uncertainty.tif", ".qml", ".json"}
    np.testing.assert_array_equal(labels_of(out), expected_labels(inferencer, ArraySource(fields(40, 50))))


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_bytes(b"II*")])
@pytest.mark.parametrize("ending", [".tif", ".qml"])
def test_a_map_of_which_a_file_is_missing_is_made_again(inferencer, scene, out, harm, ending):
    inferencer(scene, out)
    before = files_of(out)
    harm(out.with_suffix(ending))
    assert inferencer(scene, out).outcome == "made"
    assert files_of(out) == before


@pytest.mark.parametrize("name", ["map.tif", "map.json", "map.qml", "map.png", "map_scores.tif"])
def test_somebodys_file_is_replaced_only_when_asked(inferencer, scene, out, name):
    out.parent.mkdir()
    theirs = out.parent / name
    theirs.write_text('{"id": "20260301_1015", "instrument": "PS2"}')
    inferencer.mapping = MapOptions(window=32, preview=True, scores="uint8")
    with pytest.raises(InputError, match=rf"{name} is there already, without a record of this map.*--overwrite"):
        inferencer(scene, out)
    assert theirs.read_text().startswith('{"id"')
    assert leftovers(out.parent) == []
    inferencer.mapping = MapOptions(window=32, preview=True, scores="uint8", overwrite=True)
    inferencer(scene, out)
    assert theirs.stat().st_size == next(
        (entry["bytes"] for entry in record_of(out)["outputs"].values() if entry["file"] == name), theirs.stat().st_size
    )
    assert record_of(out)["format"] == 1


def test_what_is_not_asked_for_is_in_nobodys_way(inferencer, scene, out):
    out.parent.mkdir()
    out.with_suffix(".png").write_text("a photograph")
    inferencer(scene, out)
    assert out.with_suffix(".png").read_text() == "a photograph"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("kind", ["scene", "link", "photograph", "mask", "source"])
def test_what_belongs_to_the_scene_is_never_replaced(inferencer, tmp_path, kind, overwrite):
    photograph = kind == "photograph"
    place = {} if not photograph else {"georeference": None, "nodata": None}
    pixels = fields(40, 50).astype(np.uint8) if photograph else fields(40, 50)
    path, _ = write_scene(tmp_path / f"town.{'png' if photograph else 'tif'}", pixels=pixels, **place)
    given, out = SceneInput("town", (path,)), tmp_path / "town.tif"
    if kind == "link":
        out = tmp_path / "other.tif"
        out.symlink_to(path)
    elif kind == "mask":
        out, _ = write_scene(tmp_path / "town_mask.tif", pixels=np.ones((40, 50, 1), np.uint8))
        given = given._replace(mask=out)
    elif kind == "source":
        given = SceneInput("all", (write_vrt(tmp_path / "all.vrt", [path]),))
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    inferencer.mapping = MapOptions(window=32, preview=True, overwrite=overwrite)
    with pytest.raises(InputError, match=r"would take the place of .*, which belongs to the scene"):
        inferencer(given, out)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def write_vrt(path, sources):
    """A VRT that shows its sources' bands, one file's behind the other's."""
    bands = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{4 * place + band}"><NoDataValue>0</NoDataValue><SimpleSource>'
        f'<SourceFilename relativeToVRT="1">{source.name}</SourceFilename><SourceBand>{band}</SourceBand>'
        "</SimpleSource></VRTRasterBand>"
        for place, source in enumerate(sources)
        for band in range(1, 5)
    )
    path.write_text(f'<VRTDataset rasterXSize="50" rasterYSize="40">{bands}</VRTDataset>')
    return path


def test_another_scene_behind_the_same_vrt_is_another_scene(inferencer, scene, out, tmp_path):
    vrt = write_vrt(tmp_path / "all.vrt", [scene])
    inferencer(vrt, out)
    assert inferencer(vrt, out).outcome == "there"
    write_scene(scene, 40, 50, seed=1)
    with pytest.raises(InputError, match=r"made otherwise: scene\.fingerprint"):
        inferencer(vrt, out)


def test_a_file_of_the_scene_and_its_mask_are_not_the_same(inferencer, scene, out):
    mask, _ = write_scene(scene.with_name("town_mask.tif"), pixels=np.ones((40, 50, 1), np.uint8), nodata=None)
    inferencer.reading = ReadOptions(bands=(1, 2, 3, 4))
    inferencer((scene, mask), out)
    with pytest.raises(InputError, match="made otherwise"):
        inferencer(SceneInput("town", (scene,), mask), out)


def test_values_that_are_no_numbers_are_the_same_twice(inferencer, out, tmp_path):
    pixels = fields(40, 50).astype(np.float32)
    pixels[:10] = np.nan
    path, _ = write_scene(tmp_path / "town.tif", pixels=pixels, nodata=None)
    inferencer.reading = ReadOptions(nodata=math.nan)
    assert [inferencer(path, out).outcome for _ in range(2)] == ["made", "there"]


def test_a_record_belongs_to_one_map(inferencer, scene, out):
    inferencer(scene, out)
    with pytest.raises(InputError, match=r"map\.qml and map\.json are there already"):
        inferencer(scene, out.with_suffix(".tiff"))
    assert not out.with_suffix(".tiff").exists()


def test_killed_when_the_map_was_whole_it_is_there_and_nothing_else(inferencer, scene, out, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(ResumableOutput, "remove", die)
        with pytest.raises(Killed):
            inferencer(scene, out)
    before = files_of(out)
    assert leftovers(out.parent) == [".map.unfinished"]
    with Held(out):
        assert inferencer(scene, out).outcome == "there"
    assert leftovers(out.parent) == [".map.unfinished"]
    assert inferencer(scene, out).outcome == "there"
    assert leftovers(out.parent) == []
    assert files_of(out) == before


def test_another_rank_that_was_faster_has_made_it(inferencer, scene, out, monkeypatch):
    usual, others = module.open_scene, []

    def open_scene(*arguments):
        if not others:
            others.append(None)
            assert inferencer(scene, out).outcome == "made"
        return usual(*arguments)

    monkeypatch.setattr(module, "open_scene", open_scene)
    counted = watch(inferencer)
    assert inferencer(scene, out).outcome == "there"
    assert counted.batches == len(inferencer.plan(40, 50).rows)
    assert leftovers(out.parent) == []


def test_what_another_run_is_to_go_on_from_stays(inferencer, out, tmp_path):
    path, _ = write_scene(tmp_path / "large.tif", 100, 50)
    inferencer(path, out)
    inferencer.mapping = other = MapOptions(window=32, uncertainty="entropy", overwrite=True)
    counted = watch(inferencer)
    inferencer.should_stop = lambda: counted.batches == 2
    assert inferencer(path, out).outcome == "stopped"
    inferencer.should_stop = lambda: False
    inferencer.mapping = MapOptions(window=32)
    assert inferencer(path, out).outcome == "there"
    inferencer.mapping = other
    assert inferencer(path, out).record["run"]["went_on_from_row"] > 0


def test_killed_while_a_map_is_replaced_nothing_of_the_old_one_is_left(inferencer, scene, out, monkeypatch):
    inferencer.mapping = MapOptions(window=32, preview=True, uncertainty="entropy")
    inferencer(scene, out)
    inferencer.mapping = MapOptions(window=32, scores="uint8", verify=True, overwrite=True)
    with monkeypatch.context() as patch:
        patch.setattr(finishing, "write_record", die)
        patch.setattr(finishing, "remove_outdated", lambda *_: None)
        with pytest.raises(Killed):
            inferencer(scene, out)
    assert not out.with_suffix(".json").exists()
    inferencer.mapping = MapOptions(window=32, scores="uint8", verify=True)
    record = inferencer(scene, out).record
    assert record["run"]["went_on_from_row"] == 40
    assert record["agreement_with_float32"] == {"share": 1.0, "pixels": 4 * 32 * 32, "windows": 4}
    assert set(files_of(out)) == {".tif", "_scores.tif", ".qml", ".json"}
    assert leftovers(out.parent) == []


def test_a_run_that_fails_at_once_stands_in_nobodys_way(inferencer, scene, out):
    watch(inferencer, die)
    with pytest.raises(Killed):
        inferencer(scene, out)
    assert leftovers(out.parent) == []
