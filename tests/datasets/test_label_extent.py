from __future__ import annotations

import logging

import pytest
import rasterio
from mmengine.logging import MMLogger
from tiny_folders import placed, rectangle, write_random_image, write_random_labels, write_shapes

from rs_da_mm.datasets.area_of_interest import AreaOfInterest
from rs_da_mm.datasets.label_extent import labels_touch, tell_unlabelled
from rs_da_mm.datasets.scene_files import SceneFiles, SceneReading
from rs_da_mm.datasets.vector_labels import VectorChoice
from rs_da_mm.errors import DatasetError, InputError

WARPS = SceneReading(warps=True)


@pytest.fixture
def root(tmp_path):
    write_random_image(tmp_path / "image.tif", (20, 30))
    return tmp_path


def files(root, label, reading=WARPS, scene="s"):
    return SceneFiles(scene, (root / "image.tif",), root / label, reading=reading)


def touches(root, label, reading=WARPS):
    one = files(root, label, reading)
    return labels_touch(one, one.image())


def test_rasters(root):
    write_random_labels(root / "near.tif", (5, 5), georeference=placed(20.0, 250, 150))
    write_random_labels(root / "far.tif", (5, 5), georeference=placed(20.0, 5000, 0))
    assert touches(root, "near.tif")
    assert not touches(root, "far.tif")
    with pytest.raises(DatasetError, match=r"far\.tif does not lie on .*image\.tif: size 20 x 30 against 5 x 5"):
        touches(root, "far.tif", SceneReading())


def test_shapes_and_areas(root):
    write_shapes(root / "near.gpkg", [(rectangle(2, 3, 4, 5), {"a": 1})])
    write_shapes(root / "far.gpkg", [(rectangle(200, 300, 4, 5), {"a": 1})])
    write_random_labels(root / "label.tif", (20, 30))
    assert touches(root, "near.gpkg", SceneReading(vectors=VectorChoice()))
    assert not touches(root, "near.gpkg", SceneReading(vectors=VectorChoice(where="a = 2")))
    assert not touches(root, "far.gpkg", SceneReading(vectors=VectorChoice()))
    assert touches(root, "label.tif", SceneReading(warps=True, area=AreaOfInterest(path=root / "near.gpkg")))
    assert not touches(root, "label.tif", SceneReading(warps=True, area=AreaOfInterest(path=root / "far.gpkg")))


def test_what_does_not_tell_where_it_lies_is_refused(root):
    write_random_labels(root / "nowhere.tif", (5, 5), georeference=placed(20.0, crs=None))
    with pytest.raises(InputError, match=r"nowhere\.tif names no coordinate system \(CRS\)"):
        touches(root, "nowhere.tif")
    rasterio.open(root / "plain.png", "w", driver="PNG", height=5, width=5, count=1, dtype="uint8").close()
    with pytest.raises(InputError, match=r"plain\.png"):
        touches(root, "plain.png")


def test_some_are_left_out_and_none_is_an_error(root, caplog):
    write_random_labels(root / "far.tif", (5, 5), georeference=placed(20.0, 5000, 0))
    scenes = [files(root, "far.tif", scene=name) for name in "abc"]
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    level, logger.level = logger.level, logging.INFO
    try:
        tell_unlabelled(scenes, [True, False, False])
    finally:
        logger.removeHandler(caplog.handler)
        logger.level = level
    assert "2 of 3 scenes are left out" in caplog.records[-1].message
    assert "'b', 'c'" in caplog.records[-1].message
    with pytest.raises(
        DatasetError, match=r"lie outside every image \(3 in all\): .*far\.tif lies outside .*longitude .*, latitude"
    ):
        tell_unlabelled(scenes, [False, False, False])


def test_swapped_axes_are_named(root):
    from rasterio.warp import transform

    (lon,), (lat,) = transform("EPSG:32632", "EPSG:4326", [500_100.0], [5_299_900.0])
    ring = [[lat, lon], [lat + 0.001, lon], [lat + 0.001, lon + 0.001], [lat, lon]]
    write_shapes(root / "swapped.gpkg", [(ring, {"a": 1})], crs="EPSG:4326")
    one = files(root, "swapped.gpkg", SceneReading(vectors=VectorChoice()))
    assert not labels_touch(one, one.image())
    with pytest.raises(DatasetError, match="With x and y swapped"):
        tell_unlabelled([one], [False])
