from __future__ import annotations

import json

import pytest

from rs_da_mm.datasets.provenance import Provenance
from rs_da_mm.datasets.split_file import SplitSpec, load_or_draw, read_split, write_split
from rs_da_mm.datasets.splits import WindowKey
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import window_grid

WINDOWS = {scene: window_grid(40, 40, 8) for scene in ("a", "b", "c")}
SPEC = SplitSpec.parse({"type": "random", "ratios": (0.6, 0.2, 0.2), "seed": 3})
ORIGIN = Provenance({"window_size": [8, 8], "split": SPEC.parameters()}, {"a": "1", "b": "2", "c": "3"})


def loaded(path, spec=SPEC, origin=ORIGIN):
    return load_or_draw(path, spec, WINDOWS, (8, 8), origin)


def test_a_split_is_written_once_and_read_again(tmp_path):
    path = tmp_path / "new" / "split.json"
    drawn = loaded(path)
    assert {part: len(keys) for part, keys in drawn.parts.items()} == {"train": 45, "val": 15, "test": 15}
    before = path.read_bytes()
    assert loaded(path) == drawn
    assert path.read_bytes() == before


def test_every_process_writes_the_same_file(tmp_path):
    loaded(tmp_path / "one.json")
    loaded(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_the_file_tells_what_it_is(tmp_path):
    path = tmp_path / "split.json"
    split = loaded(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["counts"] == {"train": 45, "val": 15, "test": 15, "dropped": 0}
    assert content["parameters"]["split"] == {"type": "random", "ratios": [0.6, 0.2, 0.2], "seed": 3, "block": None}
    assert content["fingerprint"] == ORIGIN.fingerprint
    members = [WindowKey(scene, *corner) for scene, corners in content["parts"]["val"].items() for corner in corners]
    assert members == split.parts["val"]


def test_a_blocked_split_remembers_what_it_left_out(tmp_path):
    spec = SplitSpec.parse({"type": "blocked", "block": 2})
    origin = Provenance({"split": spec.parameters()}, ORIGIN.scenes)
    drawn = loaded(tmp_path / "s.json", spec, origin)
    assert drawn.dropped
    assert loaded(tmp_path / "s.json", spec, origin) == drawn
    assert f"{len(drawn.dropped)} windows left out" in drawn.describe()


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (Provenance(ORIGIN.parameters, {**ORIGIN.scenes, "b": "9"}), "changed files of 'b'"),
        (Provenance(ORIGIN.parameters, {"a": "1", "b": "2"}), "missing scenes 'c'"),
        (Provenance({**ORIGIN.parameters, "window_size": [9, 9]}, ORIGIN.scenes), r"window_size was \[8, 8\] and is \[9, 9\]"),
        (Provenance({**ORIGIN.parameters, "split": {"seed": 4}}, ORIGIN.scenes), "split was"),
    ],
)
def test_a_split_that_no_longer_fits_is_refused(tmp_path, now, said):
    path = tmp_path / "split.json"
    loaded(path)
    with pytest.raises(DatasetError, match=rf"split\.json: this split file no longer fits the data set: {said}.*Delete the file"):
        loaded(path, origin=now)


def test_without_a_way_of_drawing_any_split_of_these_windows_will_do(tmp_path):
    path = tmp_path / "split.json"
    drawn = loaded(path)
    now = Provenance({"window_size": [8, 8]}, ORIGIN.scenes)
    assert read_split(path, now, WINDOWS) == drawn


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"format": "rs_da_mm split", "version": 99}', '{"format": 1, "version": 1}']
)
def test_a_file_that_is_no_split_is_refused_by_name(tmp_path, content):
    path = tmp_path / "split.json"
    path.write_text(content)
    with pytest.raises(DatasetError, match=r"split\.json is not a split that this version can read"):
        loaded(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"There is no split file '.*split\.json'"):
        read_split(tmp_path / "split.json", ORIGIN, WINDOWS)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda parts: parts["val"]["a"].append([0, 3]), r"\('a', 0, 3\) of part 'val' is not a window"),
        (lambda parts: parts["val"]["a"].append(parts["train"]["a"][0]), "is in two parts"),
        (lambda parts: parts["test"].pop("a"), r"\d+ windows are in no part"),
    ],
)
def test_an_edited_split_must_name_every_window_once(tmp_path, edit, said):
    path = tmp_path / "split.json"
    loaded(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content["parts"])
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DatasetError, match=said):
        loaded(path)


def test_a_folder_that_cannot_be_written_is_named_with_a_way_out(tmp_path):
    (tmp_path / "blocked").write_text("a file, where a folder is needed")
    with pytest.raises(DatasetError, match=r"blocked.*cache_dir=.*split_file="):
        loaded(tmp_path / "blocked" / "split.json")


def test_a_file_that_another_process_put_there_meanwhile_is_read(tmp_path, monkeypatch):
    path = tmp_path / "split.json"

    def beaten(where, split, origin):
        write_split(where, split, origin)
        raise PermissionError(13, "in use")

    monkeypatch.setattr("rs_da_mm.datasets.split_file.write_split", beaten)
    assert len(loaded(path).parts["train"]) == 45


def test_two_ratios_make_two_parts(tmp_path):
    spec = SplitSpec.parse({"ratios": (4, 1)})
    split = loaded(tmp_path / "s.json", spec, Provenance({"split": spec.parameters()}, ORIGIN.scenes))
    assert {part: len(keys) for part, keys in split.parts.items()} == {"train": 60, "val": 15}
    with pytest.raises(DatasetError, match=r"no windows for part 'test' \(train: 60 windows, val: 15 windows\)"):
        split.part("test")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"type": "stratified"}, "it takes type"),
        ({"kind": "random"}, "it takes type"),
        ({"ratios": (1,)}, "give two"),
        ({"ratios": (1, 1, 1, 1)}, "give two"),
        ({"ratios": (1, -1)}, "ratios are"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"type": "random", "block": 3}, "A random split has no block"),
    ],
)
def test_a_split_without_sense_is_refused(config, said):
    with pytest.raises(DatasetError, match=said):
        SplitSpec.parse(config)


def test_names_tell_splits_apart():
    assert SPEC.name == "random_0.6-0.2-0.2_seed3"
    assert SplitSpec.parse({"type": "blocked", "ratios": (4, 1, 1)}).name == "blocked_block-scene_4-1-1_seed0"
