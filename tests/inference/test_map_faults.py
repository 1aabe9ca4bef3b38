"""What goes wrong ends with a clear message, in no hang, with no thread left and with nothing half-written under a final name."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from damaged_files import cut, write_tiff
from tiny_maps import (
    UTM,
    expected_labels,
    fields,
    files_of,
    labels_of,
    leftovers,
    make_inferencer,
    one_thread,
    watch,
    write_model,
    write_scene,
)
from tiny_scenes import ArraySource

from rs_da_mm.errors import InputError, RasterError
from rs_da_mm.inference import MapOptions, ReadOptions
from rs_da_mm.inference.inputs import find_scenes
from rs_da_mm.inference.many_scenes import map_scenes
from rs_da_mm.inference.resumable.output_lock import OutputInUseError
from rs_da_mm.inference.resumable.resumable_output import ResumableOutput

FULL = {"scores": "uint8", "uncertainty": "entropy", "vectors": True, "preview": True}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    with one_thread():
        yield make_inferencer(write_model(tmp_path_factory.mktemp("model")))


@pytest.fixture
def inferencer(loaded):
    segmentor = loaded.segmentor
    loaded.mapping, loaded.reading = MapOptions(window=32, batch_size=4), ReadOptions()
    threads = threading.active_count()
    yield loaded
    assert threading.active_count() == threads, threading.enumerate()
    loaded.segmentor, loaded.should_stop = segmentor, lambda: False


@pytest.fixture
def scene(tmp_path):
    return write_scene(tmp_path / "town.tif", 100, 90)[0]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "maps" / "map.tif"


@pytest.fixture
def whole(loaded, scene, tmp_path):
    """What is in the map of a run to which nothing happens."""
    loaded.mapping = MapOptions(window=32, batch_size=4)
    loaded(scene, tmp_path / "whole" / "map.tif")
    return files_of(tmp_path / "whole" / "map.tif")


def fails_at(number, how):
    """Do something before the ``number``-th batch; every row of windows is one."""

    def before(batch):
        if batch == number:
            how()

    return before


def rows_noted(out):
    """Wait until the first rows are finished, which may be soon after the next batch was begun."""
    journal = out.parent / f".{out.stem}.unfinished" / "journal.jsonl"
    for _ in range(3000):
        if journal.read_bytes().count(b"\n") > 1:
            return
        time.sleep(0.01)
    raise AssertionError("no rows are finished")


def throw(error):
    def how():
        raise error

    return how


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), KeyboardInterrupt(), ZeroDivisionError()])
@pytest.mark.parametrize("number", [1, 2, 4])
def test_an_error_in_the_model_comes_out_as_it_is_and_can_be_gone_on_from(inferencer, scene, out, whole, error, number):
    segmentor = inferencer.segmentor

    def how():
        if number > 1:
            rows_noted(out)
        raise error

    watch(inferencer, fails_at(number, how))
    with pytest.raises(type(error)) as raised:
        inferencer(scene, out)
    assert raised.value is error
    assert not list(out.parent.glob("map*"))
    assert leftovers(out.parent) == ([".map.unfinished"] if number > 1 else [])
    inferencer.segmentor = segmentor
    record = inferencer(scene, out).record
    assert (record["run"]["went_on_from_row"] > 0) == (number > 1)
    assert files_of(out) == whole


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_told(inferencer, scene, out, value):
    def spoil(pixels, valid):
        scores = type(counted).__call__(counted, pixels, valid)
        scores[0, 1, 10, 10] = value
        return scores

    counted = watch(inferencer)
    inferencer.segmentor = type(
        "Spoilt", (), {"__call__": staticmethod(spoil), "__getattr__": lambda _, name: getattr(counted, name)}
    )()
    with pytest.raises(InputError, match=r"scores that are no numbers, in rows 0\.\.23, columns .*\. Check its weights"):
        inferencer(scene, out)
    assert leftovers(out.parent) == []
    assert not list(out.parent.glob("map*"))


def touch(path):
    os.utime(path, ns=(0, 1))


def rewrite(path):
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    touch(path)


def replace(path):
    write_scene(path.with_name("other.tif"), 100, 90, seed=5)
    path.with_name("other.tif").replace(path)


@pytest.mark.parametrize("change", [touch, rewrite, replace, lambda path: cut(path, 0.5)])
@pytest.mark.parametrize("number", [1, 3, 4])
def test_a_scene_that_changes_meanwhile_is_named_and_can_be_mapped_anew(inferencer, scene, out, change, number):
    original = scene.read_bytes()
    segmentor = inferencer.segmentor
    counted = watch(inferencer, fails_at(number, lambda: change(scene)))
    with pytest.raises(InputError, match=r"town\.tif (was|changed|cannot be reached)"):
        inferencer(scene, out)
    assert counted.batches >= number
    assert not list(out.parent.glob("map*"))
    scene.write_bytes(original)
    touch(scene)
    inferencer.segmentor = segmentor
    assert inferencer(scene, out).record["run"]["went_on_from_row"] == 0
    np.testing.assert_array_equal(labels_of(out), expected_labels(inferencer, ArraySource(fields(100, 90))))


def test_a_change_is_noticed_before_all_is_computed(inferencer, tmp_path, out):
    scene, _ = write_scene(tmp_path / "town.tif", 600, 32)
    counted = watch(inferencer, fails_at(1, lambda: touch(scene)))
    with pytest.raises(InputError, match=r"town\.tif was written to"):
        inferencer(scene, out)
    assert counted.batches < 15 < inferencer.plan(600, 32).window_count


def test_a_change_after_the_last_rows_is_noticed(inferencer, scene, out, monkeypatch):
    usual = ResumableOutput.finish_rows

    def finish_rows(self, start, stop, counts):
        usual(self, start, stop, counts)
        if stop == 100:
            touch(scene)

    monkeypatch.setattr(ResumableOutput, "finish_rows", finish_rows)
    with pytest.raises(InputError, match=r"town\.tif was written to"):
        inferencer(scene, out)
    assert list(out.parent.iterdir()) == []


def test_a_scene_that_was_away_is_gone_on_with_when_it_is_back(inferencer, scene, out, whole):
    segmentor = inferencer.segmentor

    def move():
        rows_noted(out)
        scene.rename(scene.with_name("away"))

    watch(inferencer, fails_at(3, move))
    with pytest.raises(InputError, match=r"town\.tif cannot be reached: .*Bring it back"):
        inferencer(scene, out)
    scene.with_name("away").rename(scene)
    inferencer.segmentor = segmentor
    assert inferencer(scene, out).record["run"]["went_on_from_row"] > 0
    assert files_of(out) == whole


def test_the_second_run_on_one_map_is_refused_and_the_first_is_unharmed(inferencer, loaded, scene, out, whole):
    begun, go_on = threading.Event(), threading.Event()

    def wait():
        begun.set()
        assert go_on.wait(60)

    watch(inferencer, fails_at(3, wait))
    results = []
    first = threading.Thread(target=lambda: results.append(inferencer(scene, out)))
    first.start()
    try:
        assert begun.wait(60)
        for mapping in (MapOptions(window=32), MapOptions(window=16, overwrite=True)):
            second = make_second(loaded, mapping)
            with pytest.raises(OutputInUseError, match=rf"\.map\.unfinished is in use by process {os.getpid()} on .*Wait until"):
                second(scene, out)
    finally:
        go_on.set()
        first.join()
    assert [result.outcome for result in results] == ["made"]
    assert files_of(out) == whole


def make_second(loaded, mapping):
    """Another run of the same model."""
    second = object.__new__(type(loaded))
    second.__dict__.update(loaded.__dict__, mapping=mapping, segmentor=loaded.segmentor.model)
    return second


def test_a_truncated_scene(inferencer, tmp_path, out):
    pixels = fields(100, 90)
    path = write_tiff(tmp_path / "town.tif", pixels, block=(16, 16), nodata=0, crs=UTM.crs, transform=UTM.transform)
    cut(path, 0.7)
    with pytest.raises(RasterError, match=r"town\.tif: rows .* cannot be read: .*(damaged|cut off)"):
        inferencer(path, out)
    assert not out.parent.exists()
    inferencer.reading = ReadOptions(checks=False)
    with pytest.raises(RasterError, match=r"town\.tif: rows .* cannot be read"):
        inferencer(path, out)

    inferencer.mapping = MapOptions(window=32, unreadable="nodata")
    record = inferencer(path, out).record
    labels = labels_of(out)
    found = np.count_nonzero(labels == 255)
    assert record["unreadable"]["pixels"] == found
    assert 0.1 < found / labels.size < 0.5
    assert (labels[:48] != 255).all()


@pytest.fixture
def five(tmp_path):
    """Five scenes, of which one is no raster, one ends after its header and one is not like those of the training."""
    folder = tmp_path / "scenes"
    for seed, name in enumerate("abcde"):
        write_scene(folder / f"{name}.tif", 40, 50, seed=seed)
    (folder / "b.tif").write_bytes(b"II*\0 no raster")
    cut(folder / "c.tif", 0.3)
    write_scene(folder / "d.tif", pixels=fields(40, 50, bands=2))
    return list(find_scenes(folder))


def test_scenes_that_cannot_be_mapped_keep_no_other_from_it(inferencer, five, tmp_path):
    told = []
    tidings = map_scenes(inferencer.map_input, five, tmp_path / "maps", tell=told.append)
    assert (tidings.made, tidings.there, tidings.stopped) == (["a", "e"], [], False)
    assert [name for name in tidings.failed if name in " ".join(told)] == ["b", "c", "d"]
    for name, reason in tidings.failed.items():
        assert re.search(rf"{name}\.tif\b.*((cannot|can) be (opened|read)|not what the model was trained on)", reason), reason
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == [
        f"{n}.{e}" for n in "ae" for e in ("json", "qml", "tif")
    ]
    again = map_scenes(inferencer.map_input, five, tmp_path / "maps", tell=told.append)
    assert (again.made, again.there, list(again.failed)) == ([], ["a", "e"], ["b", "c", "d"])


def test_an_error_of_ours_ends_the_run_and_keeps_what_was_made(inferencer, five, tmp_path):
    batches = inferencer.plan(40, 50).window_count // 2
    watch(inferencer, fails_at(batches + 1, throw(RuntimeError("out of memory"))))
    with pytest.raises(RuntimeError, match="out of memory"):
        map_scenes(inferencer.map_input, [five[0], five[4], five[0]], tmp_path / "maps")
    assert sorted(path.name for path in (tmp_path / "maps").glob("*.json")) == ["a.json"]


def test_a_place_that_cannot_be_written_to_is_told(inferencer, scene, tmp_path):
    (tmp_path / "maps").write_text("a file")
    with pytest.raises(InputError, match=r"maps.* cannot be made or locked"):
        inferencer(scene, tmp_path / "maps" / "map.tif")


@pytest.fixture
def small_disk(tmp_path):
    """A disk whose size can be changed."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(*options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    is_root = sys.platform == "linux" and os.geteuid() == 0
    if not is_root or not mount("size=64k"):
        pytest.skip("mounting a small disk takes root on Linux")
    yield folder, lambda kilobytes: mount("remount", f"size={kilobytes}k")
    subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def file_limit(size):
    """Let no file be larger, as a file system may."""
    import resource
    import signal

    before, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def check_fault(error, out, expected):
    """What a disk that refuses may leave: whole files, and what is to be gone on from."""
    assert re.search(r"(cannot|could not) be written: ", str(error)), error
    assert "Traceback" not in str(error)
    assert not any(".partial-" in path.name for path in out.parent.iterdir())
    assert not out.with_suffix(".json").exists()
    found = files_of(out)
    assert {name: found[name] == expected[name] for name in found} == dict.fromkeys(found, True)


def test_on_a_full_disk_it_waits_for_room_at_whatever_step(inferencer, scene, small_disk, tmp_path):
    inferencer.mapping = MapOptions(window=32, **FULL)
    inferencer(scene, tmp_path / "whole" / "map.tif")
    expected = files_of(tmp_path / "whole" / "map.tif")
    folder, resize = small_disk
    out, told, rows, files = folder / "map.tif", [], set(), set()
    counted = watch(inferencer)
    for kilobytes in (20, 48, 80, 120, 160, 200, 260, 350, 500, 1000, 1500, 1900, 2300, 6000):
        assert resize(kilobytes)
        try:
            record = inferencer(scene, out).record
            break
        except InputError as error:
            told.append(str(error))
            check_fault(error, out, expected)
            rows.add(counted.batches)
            files.add(frozenset(path.name for path in folder.glob("map*")))
    assert files_of(out) == expected
    assert leftovers(folder) == []
    assert record["run"]["went_on_from_row"] == 100
    assert len(rows) > 2, "some rows at a time"
    assert any(".rows" in text or "journal" in text for text in told), "while computing"
    assert any("map" in text and ".unfinished" not in text for text in told), "while the files are made"
    assert len(files) > 1


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_files_that_may_not_grow_are_told(inferencer, scene, out, whole, tmp_path):
    del whole
    inferencer.mapping = MapOptions(window=32, **FULL)
    inferencer(scene, tmp_path / "all" / "map.tif")
    expected = files_of(tmp_path / "all" / "map.tif")
    told = []
    for size in (2_000, 20_000, 30_000, 40_000):
        with file_limit(size), pytest.raises(InputError) as refused:
            inferencer(scene, out)
        told.append(str(refused.value))
        check_fault(refused.value, out, expected)
    inferencer(scene, out)
    assert files_of(out) == expected
    assert leftovers(out.parent) == []
    named = ["labels.rows", "scores.rows", "map.png", "map.gpkg"]
    assert all(name in text for name, text in zip(named, told, strict=True)), told


def test_what_is_computed_survives_a_fault_while_the_record_is_written(inferencer, scene, out, whole, monkeypatch):
    import rs_da_mm.inference.maps.finishing as module

    with monkeypatch.context() as patch:
        patch.setattr(
            module, "write_record", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device", "map.json"))
        )
        with pytest.raises(InputError, match=r"map\.json cannot be written: No space left on device\. What is computed is kept"):
            inferencer(scene, out)
    counted = watch(inferencer)
    assert inferencer(scene, out).outcome == "made"
    assert counted.batches == 0
    assert files_of(out) == whole
    shutil.rmtree(out.parent)
