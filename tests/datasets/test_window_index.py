from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets import GIDDataset, window_index
from rs_da_mm.datasets.label_code import LabelCode
from rs_da_mm.datasets.provenance import Provenance
from rs_da_mm.datasets.window_index import WindowIndex, class_counts, count_classes, load_or_count
from rs_da_mm.errors import DatasetError

ORIGIN = Provenance({"window_size": [8, 8]}, {"a": "1"})


def placed(root, **options):
    return GIDDataset(root, lazy_init=True, **options).selection().place()


CODE = GIDDataset("nowhere", lazy_init=True).label_code


@pytest.mark.parametrize(
    ("share", "ignored", "keeps"),
    [(0.8, 80, True), (0.8, 81, False), (0.29, 29, True), (0.29, 30, False), (0, 0, True), (0, 1, False), (1, 100, True)],
)
def test_the_limit_is_exact(share, ignored, keeps):
    # 0.29 * 100 is 28.999999999999996 in floating point.
    index = WindowIndex(np.array([[100 - ignored, 0, ignored]]))
    assert index.keeps(share).tolist() == [keeps]


def test_counts_are_those_of_the_label(tmp_path, gid_maker):
    labels = gid_maker({"a": (20, 30), "b": (9, 8)})
    index = count_classes(placed(tmp_path, window_size=8), CODE, 6)
    expected = [labels["a"][1][r : r + 8, c : c + 8] for r in (0, 8) for c in (0, 8, 16)] + [labels["b"][1][:8, :8]]
    np.testing.assert_array_equal(index.counts, [[*np.bincount(window.ravel(), minlength=6), 0] for window in expected])


def test_what_lies_outside_the_scene_counts_as_ignored(tmp_path, gid_maker):
    gid_maker({"a": (12, 8)})
    counts = count_classes(placed(tmp_path, window_size=8, edge="pad"), CODE, 6).counts
    assert counts[:, -1].tolist() == [0, 32]
    assert counts.sum(axis=1).tolist() == [64, 64]


def test_ignored_pixels_have_a_column_of_their_own():
    assert class_counts(np.array([[0, 2, 255, 255]], dtype=np.uint8), 3).tolist() == [1, 0, 1, 2]


def test_the_file_is_used_while_it_fits_and_made_anew_when_not(tmp_path, gid_maker, monkeypatch):
    gid_maker({"a": (16, 16)})
    scenes, path = placed(tmp_path, window_size=8), tmp_path / "index.npz"
    first = load_or_count(path, scenes, CODE, 6, ORIGIN)
    counted = []
    count = window_index.count_classes
    monkeypatch.setattr(window_index, "count_classes", lambda *a: counted.append(1) or count(*a))
    np.testing.assert_array_equal(load_or_count(path, scenes, CODE, 6, ORIGIN).counts, first.counts)
    assert counted == []
    load_or_count(path, scenes, CODE, 6, Provenance(ORIGIN.parameters, {"a": "2"}))
    assert counted == [1]
    path.write_bytes(path.read_bytes()[:50])
    load_or_count(path, scenes, CODE, 6, ORIGIN)
    assert counted == [1, 1]


def test_the_file_has_no_pickles(tmp_path, gid_maker):
    gid_maker({"a": (16, 16)})
    load_or_count(tmp_path / "index.npz", placed(tmp_path, window_size=8), CODE, 6, ORIGIN)
    with np.load(tmp_path / "index.npz", allow_pickle=False) as content:
        assert sorted(content.files) == ["counts", "provenance"]


def test_a_folder_that_cannot_be_written_is_named_with_a_way_out(tmp_path, gid_maker):
    gid_maker({"a": (16, 16)})
    (tmp_path / "blocked").write_text("a file, where a folder is needed")
    with pytest.raises(DatasetError, match=r"blocked.*cache_dir="):
        load_or_count(tmp_path / "blocked/index.npz", placed(tmp_path, window_size=8), CODE, 6, ORIGIN)


def test_an_unknown_colour_names_its_place_in_the_scene(tmp_path, gid_maker):
    gid_maker({"a": (16, 16)})
    code = LabelCode({colour: index for colour, index in CODE.colours.items() if index != 5})
    with pytest.raises(
        DatasetError, match=r"a_label\.tif: unknown label colour \(0, 0, 255\) on \d+ pixels, the first at row \d+"
    ):
        count_classes(placed(tmp_path, window_size=8), code, 6)
