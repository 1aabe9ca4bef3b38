"""What a look at somebody's folder finds, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_own_data import COLOURS, NAMES, place, write_colours, write_images, write_labels, write_shapes

from rs_da_mm.errors import DatasetError
from rs_da_mm.projects.request import ProjectRequest
from rs_da_mm.projects.survey import survey
from rs_da_mm.raster import write_raster


def look(images, labels, **options):
    return survey(ProjectRequest((str(images),), str(labels), Path("unused"), **options))


def refused(images, labels, *told, **options):
    with pytest.raises(DatasetError) as error:
        look(images, labels, **options)
    message = str(error.value)
    assert all(word in message for word in told), message
    return message


def test_files_of_two_folders_are_matched_by_their_names(tmp_path):
    labels = write_images(tmp_path / "a", names="town_{}_rgb")
    write_labels(tmp_path / "b", {name.replace("_rgb", ""): label for name, label in labels.items()}, suffix="_gt")
    found = look(tmp_path / "a", tmp_path / "b")
    assert {scene.name: found.labels.of(scene.name).name for scene in found.scenes} == {
        "town_1_rgb": "town_1_gt.tif",
        "town_2_rgb": "town_2_gt.tif",
    }
    counts = {value: sum(int((label == value - 1).sum()) for label in labels.values()) for value in (1, 2, 3)}
    assert found.content.counts == counts
    assert found.is_placed


def test_files_of_one_folder_are_told_apart_by_words_in_their_names(tmp_path):
    labels = write_images(tmp_path)
    write_labels(tmp_path, labels)
    found = look(tmp_path, tmp_path)
    assert [scene.name for scene in found.scenes] == ["scene_1", "scene_2"]
    assert {path.name for path in found.labels.files} == {"scene_1_label.tif", "scene_2_label.tif"}


def test_names_that_have_nothing_in_common_are_matched_by_the_ground(tmp_path):
    labels = write_images(tmp_path / "images")
    write_labels(tmp_path / "labels", {f"sheet {4 - number}": label for number, label in enumerate(labels.values())}, suffix="")
    found = look(tmp_path / "images", tmp_path / "labels")
    assert [found.labels.of(name).stem for name in ("scene_1", "scene_2")] == ["sheet 4", "sheet 3"]
    assert "ground" in found.labels.how


def test_an_image_beside_all_labels_gets_none_of_them(tmp_path):
    labels = write_images(tmp_path / "images", count=3)
    named = {f"sheet {4 - number}": label for number, label in enumerate(list(labels.values())[:2])}
    write_labels(tmp_path / "labels", named, suffix="")
    found = look(tmp_path / "images", tmp_path / "labels")
    assert [scene.name for scene in found.scenes] == ["scene_1", "scene_2"]
    assert any("scene_3" in note for note in found.notes)


def test_two_labels_of_one_place_are_not_guessed(tmp_path):
    labels = write_images(tmp_path / "images", count=1)
    for name in ("spring", "autumn"):
        write_labels(tmp_path / "labels", {name: labels["scene_1"]}, suffix="")
    refused(tmp_path / "images", tmp_path / "labels", "not clear which of its 2 files", "{scene}")


def test_patterns_with_fields_match_by_them_and_give_groups(tmp_path):
    for city in ("bern", "basel"):
        labels = write_images(tmp_path / "data" / city, placed=False)
        write_colours(tmp_path / "data" / city / "gt", labels)
    codes = ",".join(f"#{red:02x}{green:02x}{blue:02x}={name}" for (red, green, blue), name in zip(COLOURS, NAMES, strict=True))
    found = look(tmp_path / "data/{city}/{scene}.tif", tmp_path / "data/{city}/gt/{scene}.png", classes=codes)
    assert {scene.groups["city"] for scene in found.scenes} == {"bern", "basel"}
    assert all(found.labels.of(scene.name).parent.parent.name == scene.groups["city"] for scene in found.scenes)
    assert found.classes.names == NAMES
    assert found.classes.palette == COLOURS
    assert not found.is_placed


def test_files_of_single_bands_of_one_place_are_one_scene(tmp_path):
    pixels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    for band in ("B02", "B8A", "B04", "B11"):
        write_raster(tmp_path / "in" / f"S2_{band}.tif", pixels, georeference=place())
    write_raster(tmp_path / "in" / "other_B02.tif", pixels, georeference=place(500))
    write_raster(tmp_path / "label.tif", (pixels % 3).astype(np.uint8), georeference=place())
    found = look(tmp_path / "in" / "S2_*.tif", tmp_path / "label.tif")
    (scene,) = found.scenes
    assert [path.stem for path in scene.images] == ["S2_B02", "S2_B04", "S2_B8A", "S2_B11"]
    assert (scene.name, scene.facts.bands) == ("S2", 4)


def test_single_bands_of_different_places_are_scenes_of_their_own(tmp_path):
    pixels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    for number in (1, 2):
        write_raster(tmp_path / "in" / f"tile_{number}.tif", pixels, georeference=place(64 * number))
        write_raster(tmp_path / "labels" / f"tile_{number}.tif", (pixels % 3).astype(np.uint8), georeference=place(64 * number))
    assert [scene.name for scene in look(tmp_path / "in", tmp_path / "labels").scenes] == ["tile_1", "tile_2"]


def test_images_without_label_are_left_out_and_noted(tmp_path):
    labels = write_images(tmp_path / "images", count=3)
    labels.pop("scene_3")
    write_labels(tmp_path / "labels", labels)
    found = look(tmp_path / "images", tmp_path / "labels")
    assert len(found.scenes) == 2
    assert any("scene_3" in note for note in found.notes)


def test_a_field_is_found_and_shapes_without_a_value_are_noted(tmp_path):
    labels = write_images(tmp_path / "images")
    count = write_shapes(tmp_path / "shapes.gpkg", labels)
    found = look(tmp_path / "images", tmp_path / "shapes.gpkg")
    assert found.content.attribute == "use"
    assert sum(found.content.counts.values()) == count
    assert set(found.classes.names) == set(NAMES)
    assert look(tmp_path / "images", tmp_path / "shapes.gpkg", classes="town,water").classes.names == ("town", "water")


def test_all_that_stands_in_the_way_is_told_at_once(tmp_path):
    write_images(tmp_path / "images", count=1)
    labels = write_images(tmp_path / "images", count=1, bands=3, names="other_{}")
    write_shapes(tmp_path / "far.gpkg", labels, crs="EPSG:32618")
    told = refused(tmp_path / "images", tmp_path / "far.gpkg", "differ in bands", "4 x uint16", "3 x uint16", masks=("cloud=x",))
    assert "--masks cloud=x" in told
    assert "outside every image" in told
    assert told.startswith("3 things stand in the way:")


def test_labels_elsewhere_are_told_with_both_places(tmp_path):
    write_images(tmp_path / "images")
    write_labels(tmp_path, {"mosaic": np.eye(40, dtype=np.uint8)}, crs="EPSG:32652", suffix="")
    refused(tmp_path / "images", tmp_path / "mosaic.tif", "outside every image (2 in all)", "longitude 9.", "longitude 129.")


def test_a_missing_coordinate_system_is_told(tmp_path):
    labels = write_images(tmp_path / "images", placed=False)
    write_shapes(tmp_path / "shapes.gpkg", labels)
    refused(tmp_path / "images", tmp_path / "shapes.gpkg", "2 of 2 images name no coordinate system", "rio edit-info")
    write_images(tmp_path / "placed")
    write_shapes(tmp_path / "nowhere.gpkg", labels, crs=None)
    refused(tmp_path / "placed", tmp_path / "nowhere.gpkg", "nowhere", "names no coordinate system", "ogr2ogr")


def test_what_is_not_there_is_told(tmp_path):
    labels = write_images(tmp_path / "images")
    write_labels(tmp_path / "labels", labels)
    refused(tmp_path / "none", tmp_path / "labels", "--images", "none")
    refused(tmp_path / "images", tmp_path / "none", "--labels", "none")
    refused(tmp_path / "images", tmp_path / "labels", "--heights", heights=str(tmp_path / "dsm"))


def test_points_and_lines_need_a_size(tmp_path):
    import pyogrio
    import shapely

    write_images(tmp_path / "images")
    x, y = place().transform * (40, 40)
    shapes = shapely.to_wkb(np.array([shapely.Point(x, y), shapely.Point(x + 100, y)]))
    pyogrio.raw.write(
        tmp_path / "points.gpkg", shapes, [np.array(["a", "b"], object)], ["class"], geometry_type="Point", crs="EPSG:32632"
    )
    refused(tmp_path / "images", tmp_path / "points.gpkg", "points", "--point-radius")
    assert look(tmp_path / "images", tmp_path / "points.gpkg", point_radius=30.0).classes.names == ("a", "b")
