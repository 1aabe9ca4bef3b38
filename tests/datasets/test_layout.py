from __future__ import annotations

from pathlib import Path

import pytest

from rs_da_mm.datasets.layout import Layout, SceneFiles
from rs_da_mm.errors import DatasetError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())


def layout(root: Path, **changes) -> Layout:
    own = {
        "image_dirs": ("rgb",),
        "label_dir": "labels",
        "image_suffixes": (".tif", ".tiff"),
        "label_suffixes": ("_l.tif", "_5l.tif"),
    }
    return Layout(root, **{**own, **changes}, advice="Do this.")


def test_scenes_are_found_by_name_in_alphabetical_order(tmp_path):
    touch(
        tmp_path,
        "rgb/b.tif",
        "rgb/a.tiff",
        "rgb/notes.txt",
        "rgb/._a.tif",
        "labels/a_5l.tif",
        "labels/b_l.tif",
        "labels/b_5l.tif",
    )
    assert layout(tmp_path).find() == [
        SceneFiles("a", (tmp_path / "rgb/a.tiff",), tmp_path / "labels/a_5l.tif"),
        SceneFiles("b", (tmp_path / "rgb/b.tif",), tmp_path / "labels/b_l.tif"),
    ]


def test_named_scenes_keep_their_order(tmp_path):
    touch(tmp_path, *(f"rgb/{s}.tif" for s in "abc"), *(f"labels/{s}_l.tif" for s in "abc"))
    assert [files.scene for files in layout(tmp_path).find(["c", "a"])] == ["c", "a"]


def test_several_image_folders_and_a_mask_make_one_scene(tmp_path):
    touch(tmp_path, "rgb/a.tif", "nir/a.tif", "mask/a.tif", "labels/a_l.tif")
    (files,) = layout(tmp_path, image_dirs=("rgb", "nir"), mask_dir="mask").find()
    assert files.images == (tmp_path / "rgb/a.tif", tmp_path / "nir/a.tif")
    assert files.mask == tmp_path / "mask/a.tif"
    assert files.all_files == (*files.images, files.label, files.mask)


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ((), r"There is no data set at '.*missing': Do this\."),
        (("missing/x",), r"has no folder 'rgb' with images named <scene>\.tif or <scene>\.tiff: Do this\."),
        (("missing/rgb/x.txt",), r"'.*rgb' has no images named <scene>\.tif or <scene>\.tiff: Do this\."),
        (("missing/rgb/a.tif",), r"has no label for 'a'; looked for 'labels/a_l\.tif' or 'labels/a_5l\.tif': Do this\."),
    ],
)
def test_what_is_not_there_is_told_in_one_sentence_with_a_way_out(tmp_path, there, said):
    touch(tmp_path, *there)
    with pytest.raises(DatasetError, match=said):
        layout(tmp_path / "missing").find()


def test_a_listed_scene_that_is_not_there_is_named(tmp_path):
    touch(tmp_path, "rgb/a.tif", "labels/a_l.tif")
    with pytest.raises(DatasetError, match=r"has no image of 'b', 'c', which"):
        layout(tmp_path).find(["a", "b", "c"])


def test_a_scene_that_lacks_a_file_of_another_folder_is_named(tmp_path):
    touch(tmp_path, "rgb/a.tif", "labels/a_l.tif")
    with pytest.raises(DatasetError, match=r"is not complete: '.*nir.a\.tif' or '.*nir.a\.tiff' does not exist"):
        layout(tmp_path, image_dirs=("rgb", "nir")).find()


def test_labels_without_image_and_second_files_are_seen(tmp_path):
    touch(tmp_path, "rgb/a.tif", "rgb/a.tiff", "labels/a_l.tif", "labels/a_5l.tif", "labels/z_l.tif", "labels/readme.md")
    found = layout(tmp_path)
    assert found.labels_without_image() == [tmp_path / "labels/z_l.tif"]
    assert [len(paths) for paths in found.candidates("a")] == [2, 2]


def test_labels_may_carry_another_name(tmp_path):
    touch(tmp_path, "rgb/x_patch_1.tif", "labels/x_mask_1_l.tif", "labels/x_patch_1.png")
    renamed = layout(tmp_path, label_rename=("patch", "mask"))
    assert renamed.find()[0].label == tmp_path / "labels/x_mask_1_l.tif"
    assert renamed.labels_without_image() == []
    (tmp_path / "labels/x_mask_1_l.tif").unlink()
    with pytest.raises(DatasetError, match=r"looked for 'labels/x_mask_1_l\.tif'"):
        renamed.find()


def test_a_fingerprint_changes_with_the_files_and_not_with_their_place(tmp_path):
    for folder in ("one", "two"):
        touch(tmp_path / folder, "rgb/a.tif", "labels/a_l.tif")
    one, two = (layout(tmp_path / folder).find()[0] for folder in ("one", "two"))
    assert one.fingerprint() == two.fingerprint()
    two.label.write_bytes(b"another")
    assert one.fingerprint() != two.fingerprint()


def test_a_miniature_is_recognised(tmp_path):
    assert not layout(tmp_path).is_sample
    touch(tmp_path, "SAMPLE_DATA.txt")
    assert layout(tmp_path).is_sample
