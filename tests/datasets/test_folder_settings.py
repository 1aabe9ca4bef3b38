from __future__ import annotations

import pytest

from rs_da_mm.datasets.folder_settings import FolderSettings
from rs_da_mm.errors import DatasetError

CLASSES = ("soil", "hut")


def layout(root, **given):
    every = dict.fromkeys(
        ("images", "labels", "heights", "area_of_interest", "list_file", "scenes", "groups", "nodata", "resample")
    )
    return FolderSettings(**{**every, "masks": (), "images": "{scene}.tif", "labels": "l.tif", **given}).layout(root, CLASSES)


def test_rasters_by_pattern(tmp_path):
    found = layout(tmp_path, labels={"path": "labels/{scene}.tif", "band": 2}, resample="nearest", nodata=0, heights="dsm.tif")
    assert [pattern.text for pattern in found.images] == ["{scene}.tif"]
    assert (found.labels.text, found.heights.text) == ("labels/{scene}.tif", "dsm.tif")
    reading = found.reading
    assert (reading.warps, reading.vectors, reading.label_band, reading.resample, reading.nodata) == (True, None, 2, "nearest", 0)


@pytest.mark.parametrize(
    "labels",
    ["l.gpkg", {"path": "l.gpkg"}, {"path": "strange.suffix", "shape_class": "hut"}, {"path": "l.shp", "field": "kind"}],
)
def test_shapes_are_told_by_suffix_or_options(tmp_path, labels):
    if labels == "l.gpkg" or labels == {"path": "l.gpkg"}:
        with pytest.raises(DatasetError, match="Nothing tells which of the classes"):
            layout(tmp_path, labels=labels)
    else:
        assert layout(tmp_path, labels=labels).reading.vectors is not None


def test_masks_and_area(tmp_path):
    masks = [{"path": "{scene}_scl.tif", "kind": "scl"}, {"path": "{scene}_qa.tif", "kind": "bits", "invalid": [3]}]
    found = layout(tmp_path, masks=masks, area_of_interest=(0, 0, 1, 1))
    assert [pattern.text for pattern in found.masks] == ["{scene}_scl.tif", "{scene}_qa.tif"]
    assert [rule.kind for rule in found.reading.quality] == ["scl", "bits"]
    assert found.reading.area.box == (0, 0, 1, 1)
    assert found.parameters()["masks"][1] == {"path": "{scene}_qa.tif", "kind": "bits", "invalid": [3], "band": 1}


def test_lists_of_scenes(tmp_path):
    (tmp_path / "s.csv").write_text("scene,image,label\na,x.tif,l.gpkg\n")
    found = layout(tmp_path, images=None, labels={"field": "kind"}, list_file="s.csv")
    assert found.listed[0].images == ("x.tif",)
    assert found.reading.vectors.field == "kind"
    assert layout(tmp_path, images=None, labels=None, scenes=[{"image": "x.tif", "label": "y.tif"}]).reading.vectors is None
    settings = FolderSettings("i", "l", None, (), None, None, ["a", "b"], None, None, None)
    assert settings.chosen_scenes == ["a", "b"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"images": None}, "Nothing says where the images are; give images="),
        ({"labels": None}, "Nothing says where the labels are; give labels="),
        ({"labels": {"path": "a.tif", "bands": 2}}, "labels of pixels cannot have bands; they take band, path"),
        (
            {"labels": {"path": "a.gpkg", "fields": "x"}},
            "labels of shapes cannot have fields; they take all_touched, background, field",
        ),
        ({"labels": {"path": "a.gpkg", "field": "x", "band": 1}}, "labels of shapes cannot have band"),
        ({"labels": {"path": "a.tif", "band": 0}}, "labels: band is 0"),
        ({"masks": [{"path": "a", "type": "scl"}]}, "masks cannot have type; they take"),
        ({"list_file": "s.csv"}, "say which images there are; give one"),
        ({"scenes": [{"image": "x"}]}, "lists the files already"),
        ({"groups": {"city": "("}}, "is no regular expression"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, given, said):
    with pytest.raises(DatasetError, match=said):
        layout(tmp_path, **given)
