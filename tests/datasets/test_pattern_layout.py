from __future__ import annotations

import logging

import pytest
from mmengine.logging import MMLogger
from tiny_folders import touch

from rs_da_mm.datasets.pattern_layout import PatternLayout
from rs_da_mm.datasets.quality_rules import QualityRule
from rs_da_mm.datasets.scene_files import SceneReading
from rs_da_mm.datasets.scene_list import ListedScene
from rs_da_mm.datasets.scene_patterns import FilePattern
from rs_da_mm.errors import DatasetError


def layout(root, images, labels="labels/{scene}.tif", **further):
    patterns = tuple(FilePattern(text) for text in ([images] if isinstance(images, str) else images))
    return PatternLayout(root, patterns, None if labels is None else FilePattern(labels), **further)


def scenes(found):
    return [files.scene for files in found.find()]


def test_one_file_per_scene(tmp_path):
    touch(tmp_path, "images/b.tif", "images/a.tif", "labels/a.tif", "labels/b.tif")
    first, second = layout(tmp_path, "images/{scene}.tif").find()
    assert (first.scene, first.images, first.label) == ("a", (tmp_path / "images/a.tif",), tmp_path / "labels/a.tif")
    assert second.scene == "b"
    assert first.groups == ()


def test_several_files_make_one_scene(tmp_path):
    touch(
        tmp_path,
        *(f"{s}/{b}.jp2" for s in "ab" for b in ("B02", "B11")),
        "a/SCL.jp2",
        "b/SCL.jp2",
        "labels/a.tif",
        "labels/b.tif",
    )
    reading = SceneReading(quality=(QualityRule("scl", (0,)),))
    found = layout(tmp_path, ["{scene}/B02.jp2", "{scene}/B11.jp2"], masks=(FilePattern("{scene}/SCL.jp2"),), reading=reading)
    assert scenes(found) == ["a", "b"]
    assert found.files("b").images == (tmp_path / "b/B02.jp2", tmp_path / "b/B11.jp2")
    assert found.files("b").quality == (tmp_path / "b/SCL.jp2",)


def test_a_list_of_fixed_files_is_one_scene(tmp_path):
    touch(tmp_path, "b10.tif", "b20.tif", "strata.tif")
    (files,) = layout(tmp_path, ["b10.tif", "b20.tif"], "strata.tif").find()
    assert (files.scene, len(files.images), files.label.name) == ("b10", 2, "strata.tif")


def test_further_fields_are_groups_and_part_of_the_name(tmp_path):
    touch(tmp_path, "t1/image/p1.jpg", "t2/image/p1.jpg", "t1/mask/p1.png", "t2/mask/p1.png")
    found = layout(tmp_path, "{tile}/image/{scene}.jpg", "{tile}/mask/{scene}.png")
    assert scenes(found) == ["t1/p1", "t2/p1"]
    assert found.files("t2/p1").label == tmp_path / "t2/mask/p1.png"
    assert found.files("t2/p1").groups == (("tile", "t2"),)


def test_groups_by_expression(tmp_path):
    touch(tmp_path, "zurich_2020.tif", "labels/zurich_2020.tif")
    found = layout(tmp_path, "{scene}.tif", groups=(("city", "^[a-z]+"), ("year", r"_(\d{4})")))
    assert found.files("zurich_2020").groups == (("city", "zurich"), ("year", "2020"))
    with pytest.raises(
        DatasetError, match=r"groups: the expression '\^\[A-Z\]' of 'city' finds nothing in the scene 'zurich_2020'"
    ):
        layout(tmp_path, "{scene}.tif", groups=(("city", "^[A-Z]"),)).files("zurich_2020")


def test_a_glob_calls_scenes_by_their_path(tmp_path):
    touch(tmp_path, "x/a.tif", "x/y/b.tif", "x/a.tif.aux.xml", "x/notes.txt", "labels/a.tif", "labels/b.tif")
    found = layout(tmp_path, "x/**/*", "labels/{name}.tif")
    assert scenes(found) == ["x/a", "x/y/b"]
    assert found.files("x/y/b").label == tmp_path / "labels/b.tif"


def test_one_label_for_all(tmp_path):
    touch(tmp_path, "images/a.tif", "images/b.tif", "mosaic.gpkg")
    found = layout(tmp_path, "images/{scene}.tif", "mosaic.gpkg")
    assert {files.label for files in found.find()} == {tmp_path / "mosaic.gpkg"}
    assert found.labels_without_image() == []


def test_labels_beside_their_images_are_no_scenes(tmp_path):
    touch(tmp_path, "a.tif", "a_label.tif", "b.tif", "b_label.tif", "a_dsm.tif", "b_dsm.tif")
    found = layout(tmp_path, "{scene}.tif", "{scene}_label.tif", heights=FilePattern("{scene}_dsm.tif"))
    assert scenes(found) == ["a", "b"]
    assert found.files("a").height == tmp_path / "a_dsm.tif"
    assert layout(tmp_path, "{scene}.tif", "a_label.tif").scene_names() == ["a", "a_dsm", "b", "b_dsm", "b_label"]


def test_scenes_without_label_are_left_out_and_named(tmp_path, caplog):
    touch(tmp_path, "images/a.tif", "images/b.tif", "images/c.tif", "labels/b.tif", "labels/z.tif")
    found = layout(tmp_path, "images/{scene}.tif")
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        assert scenes(found) == ["b"]
    finally:
        logger.removeHandler(caplog.handler)
    assert any("2 of 3 scenes are left out, since they have no label: 'a', 'c'" in record.message for record in caplog.records)
    assert caplog.records[-1].levelno == logging.WARNING
    assert found.scene_names() == ["a", "b", "c"]
    assert found.labels_without_image() == [tmp_path / "labels/z.tif"]
    with pytest.raises(DatasetError, match=r"no label for 'a'; looked for 'labels/a\.tif'"):
        found.find(["a", "b"])


def test_listed_scenes(tmp_path):
    touch(tmp_path, "x.tif", "y.tif", "z.tif", "l.tif", "bern.tif", "h.tif", "m.tif")
    reading = SceneReading(quality=(QualityRule("zero", (0,)),))
    listed = (
        ListedScene("one", ("x.tif", "y.tif"), "l.tif", "h.tif", ("m.tif",), (("city", "bern"),)),
        ListedScene("two", ("z.tif",), None, None, ("m.tif",), (("city", "bern"),)),
    )
    one, two = layout(tmp_path, [], "{city}.tif", listed=listed, reading=reading).find()
    assert (one.images, one.label, one.height) == (
        (tmp_path / "x.tif", tmp_path / "y.tif"),
        tmp_path / "l.tif",
        tmp_path / "h.tif",
    )
    assert (two.label, two.groups, two.quality) == (tmp_path / "bern.tif", (("city", "bern"),), (tmp_path / "m.tif",))
    with pytest.raises(DatasetError, match=r"Scene 'two' has 1 masks, and masks=.* of 0 mean"):
        layout(tmp_path, [], "{city}.tif", listed=listed).files("two")
    gone = (ListedScene("one", ("gone.tif",), "l.tif"),)
    with pytest.raises(DatasetError, match=r"Scene 'one' is not complete: '.*gone\.tif' does not exist"):
        layout(tmp_path, [], None, listed=gone).find()


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        ("pictures/{scene}.tif", "labels/{scene}.tif", r"has no image that fits 'pictures/\{scene\}\.tif'\. Give images="),
        ("images/{scene}.tif", "masks/{scene}.tif", r"no label for 'a', 'b'; looked for 'masks/a\.tif'"),
        ("images/{scene}.tif", "labels/{date}.tif", r"has the field \{date\}, and the images' names give \{scene\}"),
        ("images/{scene}.tif", "labels/{scene}*", r"labels 'labels/a\*' fits 2 files \(a\.tif, a2\.tif\)"),
        (["images/{scene}.tif", "nir/{scene}.tif"], "labels/{scene}.tif", r"images '.*nir/a\.tif' does not exist"),
        ("**/{scene}.tif", "labels/{scene}.tif", r"are both scene 'a'; name what tells them apart"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, images, labels, said):
    touch(tmp_path, "images/a.tif", "images/b.tif", "labels/a.tif", "labels/a2.tif", "labels/b.tif", "more/a.tif")
    with pytest.raises(DatasetError, match=said):
        layout(tmp_path, images, labels).find()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match=r"There is no data set at '.*nowhere'"):
        layout(tmp_path / "nowhere", "{scene}.tif").find()
    touch(tmp_path, "images/a.tif", "labels/a.tif")
    with pytest.raises(DatasetError, match="has no image of 'z', which scenes=… names; those that are there are 'a'"):
        layout(tmp_path, "images/{scene}.tif").find(["z"])


def test_many_scenes_are_found_quickly_and_once(tmp_path, monkeypatch):
    touch(tmp_path, *(f"images/{n:03d}.tif" for n in range(200)), *(f"labels/{n:03d}.tif" for n in range(200)))
    found = layout(tmp_path, "images/{scene}.tif")
    listings = []
    find = FilePattern.find
    monkeypatch.setattr(FilePattern, "find", lambda self, root: listings.append(self.text) or find(self, root))
    assert len(found.find()) == 200
    assert found.candidates("007") == ([tmp_path / "images/007.tif"], [tmp_path / "labels/007.tif"])
    assert listings == ["images/{scene}.tif"]
